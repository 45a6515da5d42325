//! Everything that can happen to a cluster, while people talk: three nodes behind nginx, with Redis and a database, and
//! a fault proxy in every way between two parts. Twenty people with two devices each talk all the time; one fault
//! after another happens, or two at once, and is made good. Then everything is held against what must always hold.
//!
//! # Layout
//!
//! - [`cluster`]: the programs, and [`proxy`]: what is between them
//! - [`town`]: the people, [`device`]: their devices, [`history`]: what they did and were shown
//! - [`faults`]: what happens
//! - [`round`]: one fault, from its beginning to its verdict
//! - [`rest`]: what is the same everywhere when nobody says anything any more
//! - [`check`]: the invariants
//! - [`row`]: what came of it
//! - [`rng`]: the same choices for the same seed

mod check;
mod cluster;
mod device;
mod faults;
mod history;
mod proxy;
mod rest;
mod rng;
mod round;
mod row;
mod town;

pub(crate) use cluster::Database;
pub(crate) use faults::Fault;

use crate::cli::ChaosOptions;
use anyhow::{Context as _, Result};
use clap::ValueEnum as _;
use cluster::{Cluster, Plan};
use faults::{Extent, Part, strike::possible};
use rng::Rng;
use round::Stage;
use row::Row;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::timeout;

/// Beyond how long a fault lasts: what a round may take in all.
const ROUND: Duration = Duration::from_secs(150);
/// How long the same people talk: what a device catches up with is bounded, and a load of everything takes its time.
const STAGE: Duration = Duration::from_secs(20 * 60);

/// Lets everything happen that is asked for. Gives what came of it, as JSON, and whether all was well.
///
/// # Errors
/// If there is nothing to let it happen to.
pub(crate) fn run(options: &ChaosOptions) -> Result<(String, bool)> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let rows = runtime.block_on(all(options))?;
    // What is still on its way need not be waited for.
    runtime.shutdown_timeout(Duration::from_secs(1));
    let well = rows.iter().all(Row::is_well);
    if options.report.is_none() {
        return Ok((serde_json::to_string(&rows)?, well));
    }
    let failed = rows.iter().filter(|row| !row.is_well()).count();
    let impossible = rows.iter().filter(|row| row.impossible.is_some()).count();
    let sum = format!("{} well, {failed} failed, {impossible} not possible", rows.len() - failed - impossible);
    Ok((format!("{}: {sum}", options.database.name()), well))
}

async fn all(options: &ChaosOptions) -> Result<Vec<Row>> {
    allow_files();
    let extent = if options.long { Extent::Long } else { Extent::Short };
    let mut rng = Rng::new(options.seed);
    let mut rows = Vec::new();
    let mut stage: Option<Stage> = None;
    let plan = Plan {
        binary: std::path::absolute(&options.server)?,
        deploy: std::path::absolute(&options.deploy)?,
        database: options.database,
        small_disk: false,
    };
    let old = options.old.as_ref().map(std::path::absolute).transpose()?;
    if let Some(report) = &options.report {
        // Nothing may be left for this part.
        write(report, &rows)?;
    }
    for faults in chosen(options, &mut rng) {
        let why_not = faults.iter().find_map(|fault| fault.needs(options.database).map_err(str::to_owned).err());
        let why_not = why_not.or_else(|| faults.iter().find_map(|fault| possible(*fault, options).err()));
        let row = match why_not {
            Some(why) => Row::impossible(&faults, options.database, why),
            None => {
                let plan = Plan { small_disk: faults.iter().any(|fault| fault.needs_small_disk()), ..plan.clone() };
                let happened = happen(&mut stage, plan, &rng, &faults, extent, old.clone()).await;
                happened.unwrap_or_else(|error| Row::failed(&faults, options.database, format!("{error:#}")))
            }
        };
        if !row.is_well() {
            // What comes next begins with nothing wrong.
            stage = None;
        }
        tell(&row);
        rows.push(row);
        if let Some(report) = &options.report {
            // Now, in case that there is no later.
            write(report, &rows)?;
        }
    }
    Ok(rows)
}

/// Lets these happen, to the cluster that is there or to a new one.
async fn happen(
    stage: &mut Option<Stage>,
    plan: Plan,
    rng: &Rng,
    faults: &[Fault],
    extent: Extent,
    old: Option<PathBuf>,
) -> Result<Row> {
    let fits = |stage: &Stage| stage.cluster.plan.small_disk == plan.small_disk && stage.age() < STAGE;
    let ready = match stage.take().filter(fits) {
        Some(ready) => ready,
        None => Stage::set(Cluster::start(plan).await?, rng.clone()).await?,
    };
    let longest = faults.iter().map(|fault| fault.lasts(extent)).max().unwrap_or_default();
    timeout(ROUND + longest, stage.insert(ready).round(faults, extent, old)).await.context("it took too long")?
}

fn write(report: &Path, rows: &[Row]) -> Result<()> {
    let json = serde_json::to_string(rows)?;
    std::fs::write(report, json).with_context(|| format!("{} can not be written", report.display()))
}

/// What shall happen, in order: each by itself, then pairs.
fn chosen(options: &ChaosOptions, rng: &mut Rng) -> Vec<Vec<Fault>> {
    let given = if options.fault.is_empty() { Fault::ALL } else { &options.fault };
    let wanted: Vec<_> = given.iter().filter(|fault| !options.store_only || fault.concerns_store()).collect();
    let mut all: Vec<_> =
        wanted.into_iter().skip(options.part.0).step_by(options.part.1).map(|fault| vec![*fault]).collect();
    // Those that need the same disk side by side.
    all.sort_by_key(|faults| faults[0].needs_small_disk());
    for _ in 0..options.pairs {
        all.push(pair(given, options, rng));
    }
    all
}

/// Two that are possible and happen to different parts.
fn pair(given: &[Fault], options: &ChaosOptions, rng: &mut Rng) -> Vec<Fault> {
    let fits = |fault: &&Fault| {
        **fault != Fault::Nothing
            && !fault.needs_small_disk()
            && fault.needs(options.database).is_ok()
            && possible(**fault, options).is_ok()
    };
    let mut fit: Vec<_> = given.iter().filter(fits).copied().collect();
    if fit.iter().all(|fault| fault.part() == fit[0].part()) {
        fit = Fault::ALL.iter().filter(fits).copied().collect();
    }
    loop {
        let (one, other) = (*rng.one_of(&fit), *rng.one_of(&fit));
        if one.part() != other.part() {
            // What happens to the ways comes last and is made good first: it would be in the way of the other one.
            let last = one.part() == Part::Wires;
            return if last { vec![other, one] } else { vec![one, other] };
        }
    }
}

/// Thousands of connections go through several sockets each.
fn allow_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    // What is not allowed shows when it is missing.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

/// A fault's name on the command line.
fn name(fault: Fault) -> String {
    fault.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

/// One line for whoever waits, and what is wrong.
#[expect(clippy::print_stderr, reason = "a run of minutes says how far it is")]
fn tell(row: &Row) {
    let row::Figures { acks, deliveries, recovery, slowest, took, .. } = row.figures;
    let came = match (&row.impossible, row.is_well()) {
        (Some(why), _) => format!("not possible here: {why}"),
        (None, false) => "FAILED".to_owned(),
        (None, true) => format!(
            "well; {acks} acks, {deliveries} deliveries, recovered in {recovery} ms, slowest {slowest} ms, took {took} ms ({})",
            row.what
        ),
    };
    eprintln!("{}, {}: {came}", row.database, row.fault);
    row.wrong.iter().take(12).for_each(|wrong| eprintln!("    {wrong:.1200}"));
}
