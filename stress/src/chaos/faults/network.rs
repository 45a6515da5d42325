//! What happens on the ways between the parts.

use super::Fault;
use super::strike::Field;
use super::wound::{Strike, Wound};
use crate::chaos::cluster::find;
use crate::chaos::proxy::{Carry, Cut, Side, Weather};
use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::geteuid;
use std::process::{Command, Stdio};
use std::time::Duration;

/// What clients have to live with, and what the parts of a cluster have.
const FAR: (Duration, Duration) = (Duration::from_millis(150), Duration::from_millis(15));
/// Bytes a second of each connection: of a client, and within the cluster.
const NARROW: (u32, u32) = (12_000, 400_000);
/// Bytes of a slice.
const SLICE: usize = 61;
/// The rule by which packets are lost.
const LOSS: [&str; 11] =
    ["INPUT", "-i", "lo", "-m", "statistic", "--mode", "random", "--probability", "0.3", "-j", "DROP"];

/// Makes it happen.
///
/// # Errors
/// If it is none of these, or can not happen.
pub(super) fn strike(fault: Fault, field: &mut Field<'_>) -> Result<Strike> {
    let (cluster, node) = (&*field.cluster, field.node);
    let named = format!("node {}", node + 1);
    let black = |weather: &mut Weather| (weather.up, weather.down) = (Carry::Swallow, Carry::Swallow);
    match fault {
        Fault::CutFromRedis => cluster.bus(node).set(black),
        Fault::CutFromStore => cluster.store(node).context("there is no way to a file")?.set(black),
        Fault::CutFromClients => cluster.front(node).set(black),
        Fault::HalfOpenNode => cluster.front(node).cut(Cut::HalfOpen(Side::Server)),
        Fault::HalfOpenClients => cluster.front(node).cut(Cut::HalfOpen(Side::Client)),
        Fault::BlackHole => {
            cluster.door.link().cut(Cut::Forget);
            return Ok(Strike::over("every client's connection of now"));
        }
        Fault::Loss => return lose(),
        Fault::Delay => {
            let (outside, inside) = FAR;
            cluster.links().iter().for_each(|link| link.set(|weather| weather.delay = inside));
            cluster.door.link().set(|weather| (weather.delay, weather.jitter) = (outside, outside));
        }
        Fault::Rate => {
            let (outside, inside) = NARROW;
            cluster.links().iter().for_each(|link| link.set(|weather| weather.rate = Some(inside)));
            cluster.door.link().set(|weather| weather.rate = Some(outside));
        }
        Fault::Slicing => cluster.links().iter().for_each(|link| link.set(|weather| weather.slice = Some(SLICE))),
        Fault::Reset => cluster.links().iter().for_each(|link| link.cut(Cut::Reset)),
        Fault::HalfClose => {
            let side = if field.rng.percent(50) { Side::Client } else { Side::Server };
            cluster.links().iter().for_each(|link| link.cut(Cut::HalfClose(side)));
            return Ok(Strike::over(format!("the {side:?}s are told of an end")));
        }
        _ => bail!("{fault:?} does not happen on a way"),
    }
    Ok(Strike::one(named, Wound::Links))
}

/// Whether packets can be lost without anybody else's noticing.
pub(super) fn may_lose() -> Result<(), String> {
    if !geteuid().is_root() {
        return Err("only root may lose packets".to_owned());
    }
    // A network of its own has nothing but a loopback.
    let table = std::fs::read_to_string("/proc/self/net/dev").unwrap_or_default();
    let others = table.lines().skip(2).filter(|line| !line.trim_start().starts_with("lo:")).count();
    if others > 0 {
        return Err("this is not in a network of its own: packets of others would be lost too".to_owned());
    }
    find("iptables").map(drop).map_err(|_| "iptables is not installed".to_owned())
}

fn lose() -> Result<Strike> {
    may_lose().map_err(anyhow::Error::msg)?;
    let done = Command::new("iptables").arg("-A").args(LOSS).stdout(Stdio::null()).status();
    ensure!(done.context("iptables")?.success(), "iptables does not know how to lose packets");
    Ok(Strike::one("every packet of every part", Wound::Rule(LOSS.map(str::to_owned).to_vec())))
}
