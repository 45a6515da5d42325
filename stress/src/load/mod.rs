//! `stress load`: logged-in users who send to users on other nodes, all of them in one thread.
//!
//! In *saturation* every user keeps a fixed number of messages on their way; one that is acknowledged and received by
//! everybody makes room for the next. At a *rate* messages are due at fixed times, whether the nodes keep up or not,
//! and latency counts from then on, so that a node that stalls can not hide it by holding up its load.
//!
//! Every message is checked while it is measured; see [`crate::check`].

mod driver;
mod peer;
pub(crate) mod report;

use crate::cli::LoadOptions;
use crate::processes::{self, Memory, Watched};
use crate::users::Users;
use anyhow::{Context, Result, bail, ensure};
pub(crate) use driver::nanos;
use driver::{Driver, Pace};
use report::{Latency, Report, Share};
use std::time::Duration;

/// How long what is on its way in the end may take.
const DRAIN: Duration = Duration::from_secs(20);
/// How long all connections together may take.
const CONNECT: Duration = Duration::from_secs(60);
/// Memory is looked at when this has passed since the last welcome: buffers of the beginning are gone by then.
const SETTLE: Duration = Duration::from_secs(3);

/// Runs it, and gives what is to be printed and whether all was well.
///
/// # Errors
/// If nothing could be measured.
pub(crate) fn run(options: &LoadOptions) -> Result<(String, bool)> {
    let users = options.users.as_deref().map_or_else(|| Ok(Users::default()), Users::load)?;
    check(options, &users)?;
    if let Some(core) = options.core {
        processes::stay_on(core)?;
    }
    let watched = &options.process;
    let empty = memory(watched);
    let pace = options.rate.map_or(Pace::InFlight(options.in_flight), Pace::Rate);
    let mut driver = Driver::new(options, &users, pace)?;
    driver.run_until_live(CONNECT)?;
    driver.run_for(SETTLE)?;
    let full = memory(watched);
    driver.start();
    driver.run_for(Duration::from_secs_f64(options.warmup))?;
    let (before, own_before) = (cpu(watched)?, processes::own_cpu_micros()?);
    driver.begin_measuring();
    driver.run_for(Duration::from_secs_f64(options.seconds))?;
    let seconds = driver.end_measuring().as_secs_f64();
    let (after, own_after) = (cpu(watched)?, processes::own_cpu_micros()?);
    driver.drain(DRAIN)?;
    let faults = driver.finish();
    let delivered = driver.figures.delivered.max(1) as f64;
    let used: Vec<f64> = before.iter().zip(&after).map(|(before, after)| (after - before) as f64 / delivered).collect();
    let grown = empty
        .iter()
        .zip(&full)
        .map(|(empty, full)| (full.pss as f64 - empty.pss as f64).max(0.0) / options.count as f64);
    let grown: Vec<f64> = grown.collect();
    let report = Report {
        mode: pace.to_string(),
        users: options.count,
        nodes: options.node.len(),
        group: options.group,
        size: options.size,
        seconds,
        delivered: driver.figures.delivered,
        delivered_in_all: driver.figures.delivered_in_all,
        delivered_per_second: driver.figures.delivered as f64 / seconds,
        acked_per_second: driver.figures.acked as f64 / seconds,
        delivery_ms: Latency::from(&driver.figures.delivery),
        ack_ms: Latency::from(&driver.figures.ack),
        cpu_micros_total: used.iter().sum(),
        cpu_micros: shares(watched, &used),
        driver_busy: (own_after - own_before) as f64 / 1e6 / seconds,
        idle_kib_total: grown.iter().sum(),
        idle_kib: shares(watched, &grown),
        postponed: driver.figures.postponed,
        echoed: driver.figures.echoed,
        faults,
    };
    let text = if options.json { serde_json::to_string(&report)? } else { report.to_string() };
    Ok((text, faults.is_clean()))
}

fn check(options: &LoadOptions, users: &Users) -> Result<()> {
    let (count, group) = (options.count, options.group);
    ensure!(options.size >= crate::wire::MARK, "a message has {} bytes at least", crate::wire::MARK);
    ensure!(
        group >= 2 && count % group == 0,
        "the users have to fill their conversations: {count} is no multiple of {group}"
    );
    match &options.users {
        Some(file) => {
            ensure!(users.users.len() >= count, "{} has {} users", file.display(), users.users.len());
            let made = users.conversations.get(&group).map_or(0, Vec::len);
            ensure!(
                made >= count / group,
                "{} has {made} conversations of {group}; `stress users --group {group}` makes them",
                file.display()
            );
        }
        None => ensure!(group == 2, "only Trunkline has conversations of more than two"),
    }
    match options.process.iter().find(|process| !processes::is_there(process.pid)) {
        Some(gone) => bail!("{}: there is no process {}", gone.name, gone.pid),
        None => Ok(()),
    }
}

fn memory(watched: &[Watched]) -> Vec<Memory> {
    watched.iter().map(Watched::memory).collect()
}

fn cpu(watched: &[Watched]) -> Result<Vec<u64>> {
    watched.iter().map(|process| process.cpu_micros().context("a server ended while it was measured")).collect()
}

fn shares(watched: &[Watched], values: &[f64]) -> Vec<Share> {
    watched.iter().zip(values).map(|(process, &value)| Share { name: process.name.clone(), value }).collect()
}
