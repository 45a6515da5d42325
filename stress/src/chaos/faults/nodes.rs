//! What happens to nodes.

use super::storage::Held;
use super::strike::Field;
use super::wound::{Strike, Wound};
use crate::chaos::cluster::NODES;
use crate::chaos::device::Device;
use crate::chaos::proxy::{Carry, Cut};
use crate::chaos::town::PINNED;
use anyhow::{Context as _, Result, ensure};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use trunkline_protocol::SendKey;

/// How long something that is bound to happen is waited for.
const HAPPENS_WITHIN: Duration = Duration::from_secs(10);
/// How long a node has to bring a message before the commit.
const BEFORE_COMMIT: Duration = Duration::from_millis(300);
/// I13: how long a dead node's users may be taken for online.
const OFFLINE_WITHIN: Duration = Duration::from_secs(15);
const LOOK: Duration = Duration::from_millis(5);

/// Somebody on this node alone, who sends a message.
fn sends(field: &Field<'_>) -> Result<(Arc<Device>, SendKey)> {
    let device = field.town.device_of(PINNED.start + field.node).context("somebody is on each node")?;
    let key = device.send(field.town.people.pinned, format!("at the edge {}", field.town.history.clock.now()));
    Ok((device, key))
}

fn is_acked(field: &Field<'_>, key: SendKey) -> bool {
    field.town.history.events().acked.iter().rev().any(|acked| acked.key == key)
}

async fn until(what: &str, mut so: impl FnMut() -> bool) -> Result<()> {
    let limit = Instant::now() + HAPPENS_WITHIN;
    while !so() {
        ensure!(Instant::now() < limit, "the fault did not come about: {what}");
        sleep(LOOK).await;
    }
    Ok(())
}

fn killed(field: &mut Field<'_>, when: &str) -> Strike {
    Strike::one(format!("node {} {when}", field.node + 1), Wound::NodeDown(field.node))
}

/// Others hold the store's lock, so nothing is committed; a message is on its way; the node dies.
pub(super) async fn kill_before_commit(field: &mut Field<'_>) -> Result<Strike> {
    let held = Held::take(field.cluster).await?;
    let (_, key) = sends(field)?;
    sleep(BEFORE_COMMIT).await;
    ensure!(!is_acked(field, key), "the fault did not come about: it was stored while nothing could be");
    field.cluster.nodes[field.node].kill();
    held.release().await;
    Ok(killed(field, "with a message in hand"))
}

/// What the node says does not arrive; others show the message, so it is committed; the node dies.
pub(super) async fn kill_after_commit(field: &mut Field<'_>) -> Result<Strike> {
    field.cluster.front(field.node).set(|weather| weather.down = Carry::Hold);
    let (_, key) = sends(field)?;
    let (town, here) = (field.town.clone(), field.town.people.pinned);
    // Somebody on another node for certain.
    let other = town.device_of(PINNED.start + (field.node + 1) % NODES).context("somebody is on each node")?;
    until("others show the message", || town.shows(&other, here, key)).await?;
    ensure!(!is_acked(field, key), "the fault did not come about: the ack has arrived");
    field.cluster.nodes[field.node].kill();
    field.cluster.front(field.node).cut(Cut::Reset);
    sleep(LOOK).await;
    field.cluster.front(field.node).clear();
    Ok(killed(field, "with an ack that never arrived"))
}

/// The ack arrives; the node dies, and stays dead until its user is seen offline.
pub(super) async fn kill_after_ack(field: &mut Field<'_>) -> Result<Strike> {
    let (pinned, key) = sends(field)?;
    let user = pinned.owner.user;
    until("the ack", || is_acked(field, key)).await?;
    until("its user is seen online", || field.town.is_online(user)).await?;
    field.cluster.nodes[field.node].kill();
    let died = Instant::now();
    let mut strike = killed(field, "right behind an ack");
    while field.town.is_online(user) {
        if died.elapsed() > OFFLINE_WITHIN {
            let what = format!("user {user} is online {:?} after the death of their node", died.elapsed());
            strike.wrong.push((13, what));
            break;
        }
        sleep(LOOK).await;
    }
    Ok(strike)
}

/// Each node in turn is told to stop, and started again.
pub(super) async fn roll(field: &mut Field<'_>) -> Result<Strike> {
    for node in 0..NODES {
        field.cluster.nodes[node].stop().await?;
        field.cluster.start_node(node).await?;
    }
    Ok(Strike::over("one after the other"))
}

/// One node is replaced by one of an earlier version.
pub(super) async fn mix(field: &mut Field<'_>) -> Result<Strike> {
    let old = field.old.clone().context("there is no earlier version")?;
    field.cluster.nodes[field.node].stop().await?;
    field.cluster.nodes[field.node].start_with(&old, &[]).await?;
    Ok(Strike::one(format!("node {} is the old one", field.node + 1), Wound::NodeStrange(field.node)))
}

/// A node is started again with another clock.
pub(super) async fn shift_clock(field: &mut Field<'_>, seconds: &str) -> Result<Strike> {
    let library = fake_clock().map_err(anyhow::Error::msg)?.display().to_string();
    // The time of day alone: timers go on as they do when a clock is set.
    let variables = [("LD_PRELOAD", library.as_str()), ("FAKETIME", seconds), ("FAKETIME_DONT_FAKE_MONOTONIC", "1")];
    field.cluster.nodes[field.node].stop().await?;
    let binary = field.cluster.plan.binary.clone();
    field.cluster.nodes[field.node].start_with(&binary, &variables).await?;
    Ok(Strike::one(format!("node {} by {seconds} s", field.node + 1), Wound::NodeStrange(field.node)))
}

/// Where libfaketime is.
pub(super) fn fake_clock() -> Result<PathBuf, String> {
    let folders = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path());
    let mut found = folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1")).filter(|path| path.is_file());
    found.next().ok_or_else(|| "libfaketime is not installed (on Debian: apt-get install faketime)".to_owned())
}
