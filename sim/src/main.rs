//! Runs seeds and says which of them fail, or replays one and shows its history.

#![expect(clippy::print_stdout, reason = "a command-line tool speaks to its user")]

use clap::Parser;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;
use trunkline_sim::{Run, run};

/// Every so many seeds one is run twice, and both histories have to be the same.
const TWICE_EVERY: u64 = 50;

/// What can be asked for.
#[derive(Debug, Parser)]
struct Options {
    /// How many seeds to run.
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Replay this one and show what happens.
    #[arg(long)]
    seed: Option<u64>,
    /// How many at once; as many as there are cores if nothing is said.
    #[arg(long)]
    jobs: Option<usize>,
    /// Begin no further seed once one has failed. Those before it are finished, so the first that fails is always the same.
    #[arg(long)]
    until_failure: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    match options.seed {
        Some(seed) => replay(seed),
        None => run_all(&options),
    }
}

fn replay(seed: u64) -> ExitCode {
    let Run { script, outcome, violations } = run(seed);
    println!("{:?}", script.setting);
    for record in outcome.iter().flat_map(|outcome| &outcome.history) {
        println!("{record}");
    }
    for violation in &violations {
        println!("seed {seed}: {violation}");
    }
    if violations.is_empty() {
        println!("seed {seed}: everything holds");
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn run_all(options: &Options) -> ExitCode {
    let start = Instant::now();
    let (next, begun, failed) = (AtomicU64::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..options.jobs.unwrap_or(cores) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= options.seeds || options.until_failure && failed.load(Ordering::Relaxed) > 0 {
                        return;
                    }
                    begun.fetch_add(1, Ordering::Relaxed);
                    if !holds(options.from + number) {
                        failed.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let (seeds, failed) = (begun.into_inner(), failed.into_inner());
    let passed = seeds - failed;
    let seconds = start.elapsed().as_secs_f64();
    println!("{seeds} seeds in {seconds:.1} s, {:.1} seeds a second", seeds as f64 / seconds);
    println!("{passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn holds(seed: u64) -> bool {
    let Run { outcome, violations, .. } = run(seed);
    for violation in &violations {
        println!("seed {seed}: {violation}");
    }
    let same = !seed.is_multiple_of(TWICE_EVERY) || run(seed).outcome == outcome;
    if !same {
        println!("seed {seed}: its second run went another way");
    }
    violations.is_empty() && same
}
