//! Runs seeds and says which of them fail, or replays one and shows its history; or compares what another design loses.

#![expect(clippy::print_stdout, reason = "a command-line tool speaks to its user")]

use clap::Parser;
use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use trunkline_sim::article::{self, Tally};
use trunkline_sim::history::Event;
use trunkline_sim::script::Script;
use trunkline_sim::{Run, run};

/// Every so many seeds one is run twice, and both histories have to be the same.
const TWICE_EVERY: u64 = 50;

/// How often a long night says how far it is, in seeds.
const TOLD_EVERY: u64 = 5_000;

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
    /// Then go on after a seed that breaks none of these invariants, which are named by their numbers.
    #[arg(long, requires = "until_failure")]
    by: Vec<u8>,
    /// Run the model of another design on the same scripts too, and say what became of the messages there and here.
    #[arg(long, conflicts_with = "seed")]
    article: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    match options.seed {
        Some(seed) => replay(seed),
        None if options.article => compare(&options),
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

/// Hands the seeds out to as many threads as are asked for, until there are no more or `goes_on` has said for one that no
/// further one is to be begun. Returns how many were begun.
fn spread(options: &Options, goes_on: impl Fn(u64) -> bool + Sync) -> u64 {
    let (next, begun, stopped) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let work = || {
        while !stopped.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= options.seeds {
                return;
            }
            let so_far = begun.fetch_add(1, Ordering::Relaxed) + 1;
            if so_far.is_multiple_of(TOLD_EVERY) {
                println!("{so_far} of {} seeds begun", options.seeds);
            }
            if !goes_on(options.from + number) {
                stopped.store(true, Ordering::Relaxed);
            }
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..options.jobs.unwrap_or(cores) {
            scope.spawn(work);
        }
    });
    begun.into_inner()
}

fn run_all(options: &Options) -> ExitCode {
    let start = Instant::now();
    let failed = AtomicU64::new(0);
    let seeds = spread(options, |seed| {
        let (holds, broken) = look(seed);
        failed.fetch_add(u64::from(!holds), Ordering::Relaxed);
        let is_meant = options.by.is_empty() || options.by.iter().any(|invariant| broken.contains(invariant));
        holds || !options.until_failure || !is_meant
    });
    let failed = failed.into_inner();
    let passed = seeds - failed;
    let seconds = start.elapsed().as_secs_f64();
    println!("{seeds} seeds in {seconds:.1} s, {:.1} seeds a second", seeds as f64 / seconds);
    println!("{passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether everything holds in this run, and which invariants do not.
fn look(seed: u64) -> (bool, BTreeSet<u8>) {
    let Run { outcome, violations, .. } = run(seed);
    for violation in &violations {
        println!("seed {seed}: {violation}");
    }
    let same = !seed.is_multiple_of(TWICE_EVERY) || run(seed).outcome == outcome;
    if !same {
        println!("seed {seed}: its second run went another way");
    }
    (violations.is_empty() && same, violations.iter().map(|violation| violation.invariant).collect())
}

/// The same scripts for both: all of them, and those in which nothing breaks.
fn compare(options: &Options) -> ExitCode {
    let sums = Mutex::new([[Tally::default(); 2]; 2]);
    spread(options, |seed| {
        let here = run(seed);
        let tallies = [article::run(seed, &here.script), tally(&here)];
        let calm = usize::from(is_calm(&here.script));
        for (sum, tally) in sums.lock().unwrap_or_else(PoisonError::into_inner)[calm].iter_mut().zip(tallies) {
            *sum += tally;
        }
        true
    });
    let [breaking, calm] = sums.into_inner().unwrap_or_else(PoisonError::into_inner);
    for (what, [article, here]) in [("nothing breaks", calm), ("faults", breaking)] {
        for (whose, Tally { accepted, lost, doubled, reordered }) in [("article", article), ("Trunkline", here)] {
            let percent = lost as f64 * 100.0 / accepted.max(1) as f64;
            println!(
                "{what:>14}, {whose:<9}: {accepted} accepted, {lost} lost ({percent:.1} %), {doubled} doubled, \
                 {reordered} out of order"
            );
        }
    }
    ExitCode::SUCCESS
}

/// Whether people do as they like and nothing is broken.
fn is_calm(script: &Script) -> bool {
    script.steps.iter().all(|(_, step)| step.is_deed())
}

/// What the checker says of the messages of a run: at most the first few of each kind are told.
fn tally(run: &Run) -> Tally {
    let of = |invariant: u8| run.violations.iter().filter(|violation| violation.invariant == invariant).count() as u64;
    let history = run.outcome.iter().flat_map(|outcome| &outcome.history);
    let acked: BTreeSet<_> = history
        .filter_map(|record| match &record.event {
            Event::Acked { key, .. } => Some(*key),
            _ => None,
        })
        .collect();
    Tally { accepted: acked.len() as u64, lost: of(1), doubled: of(3), reordered: of(6) }
}
