//! What clients do to a cluster, all at once or one slowly, and a balancer that is hasty with them.

use super::Extent;
use super::strike::Field;
use super::wound::{Strike, Wound};
use crate::chaos::device::{Device, Holds};
use crate::chaos::proxy::{Carry, Cut, Proxy};
use crate::chaos::town::{OUTSIDER, SLOW};
use anyhow::{Context as _, Result, ensure};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use trunkline_protocol::client::Link;
use trunkline_protocol::limits::{CONNECTIONS_PER_USER, MESSAGE_CHARS, QUEUE_BYTES};

/// How many come back at once, in short and in earnest.
const CROWD: (usize, usize) = (400, 2_000);
/// How long they may take to come when nothing is wrong.
const COMES_WITHIN: Duration = Duration::from_secs(60);
/// Messages of the greatest length after which a connection that reads nothing has to be closed.
const FLOOD: usize = 900;
/// How long the balancer's hasty time is.
const IDLE: Duration = Duration::from_secs(10);
/// What one frame may be more than what is queued.
const A_FRAME: f64 = 64.0 * 1024.0;

/// Thousands are there, and lose their connections and a node at the same time.
pub(super) async fn storm(field: &mut Field<'_>) -> Result<Strike> {
    let count = if field.extent == Extent::Short { CROWD.0 } else { CROWD.1 };
    let (door, people) = (field.cluster.door.address, &field.town.people);
    let mut owners: Vec<_> = (0..people.ids().len()).map(|user| people.owner(user, door)).collect();
    // All of somebody's may come to one node.
    let missing = count.div_ceil(CONNECTIONS_PER_USER).saturating_sub(owners.len());
    owners.extend(people.onlookers(field.cluster.addresses(), missing, door).await?);
    let mut crowd: Vec<Device> = Vec::with_capacity(count);
    let until = Instant::now() + COMES_WITHIN;
    while crowd.len() < count {
        let begun = crowd.len();
        for number in begun..count.min(begun + 100) {
            let owner = owners[number % owners.len()].clone();
            crowd.push(field.town.visitor(owner, Holds::Latest(0)));
        }
        while crowd[begun..].iter().any(|device| device.view().client.link() != Link::Live) {
            ensure!(Instant::now() < until, "the crowd does not come in time");
            sleep(Duration::from_millis(20)).await;
        }
    }
    field.cluster.nodes[field.node].kill();
    field.cluster.door.link().cut(Cut::Reset);
    let wounds = vec![Wound::NodeDown(field.node), Wound::Crowd(crowd)];
    Ok(Strike { wounds, ..Strike::over(format!("{count} clients and node {}", field.node + 1)) })
}

/// Somebody reads nothing, while others say more to them than may wait for them.
pub(super) async fn slow_reader(field: &mut Field<'_>) -> Result<Strike> {
    let node = &field.cluster.nodes[field.node];
    // No proxy but its own in its way: it is this node that has to bear it.
    let way = Proxy::start(node.address).await?;
    let slow = field.town.join(SLOW, way.address, Holds::All);
    let until = Instant::now() + COMES_WITHIN;
    while !slow.is_at_rest() {
        ensure!(Instant::now() < until, "the slow reader does not come: {}", slow.describe());
        sleep(Duration::from_millis(20)).await;
    }
    let closed = async || node.metric("trunkline_connections_closed_total", "reads too slowly").await;
    let before = closed().await;
    way.link().set(|weather| weather.down = Carry::Hold);
    let (here, mut most, mut sent) = (field.town.people.flooded, 0.0_f64, 0);
    let text = "\u{1f426}".repeat(MESSAGE_CHARS - 8);
    let mut strike = Strike::over(format!("on node {}", field.node + 1));
    while closed().await <= before {
        if sent >= FLOOD {
            strike.wrong.push((16, "somebody who reads nothing is never closed".to_owned()));
            break;
        }
        for user in 4..8 {
            let speaker = field.town.device_of(user).context("somebody speaks")?;
            if !speaker.view().client.is_settled() {
                // No faster than it is stored: their own outbox is not what is meant.
                continue;
            }
            for number in sent..sent + 10 {
                speaker.send(here, format!("{number:08}{text}"));
            }
            sent += 10;
        }
        sleep(Duration::from_millis(100)).await;
        most = most.max(node.metric("trunkline_queue_bytes_largest", "").await);
    }
    if most > QUEUE_BYTES as f64 + A_FRAME {
        strike.wrong.push((16, format!("{most:.0} bytes waited for one connection")));
    }
    strike.what.push_str(&format!(", after {sent} messages of 16 KiB, {:.0} KiB queued at most", most / 1024.0));
    way.link().clear();
    way.link().cut(Cut::Reset);
    strike.wounds = vec![Wound::Guest(slow), Wound::Way(way)];
    Ok(strike)
}

/// The balancer ends what is silent for ten seconds; who is silent keeps their connection all the same.
pub(super) async fn idle(field: &mut Field<'_>) -> Result<Strike> {
    field.cluster.nginx.stop().await;
    field.cluster.nginx.start(Some(IDLE)).await?;
    let silent = field.town.device_of(OUTSIDER).context("somebody is silent")?;
    let until = Instant::now() + COMES_WITHIN;
    while silent.view().client.link() != Link::Live {
        ensure!(Instant::now() < until, "the balancer is not back: {}", silent.describe());
        sleep(Duration::from_millis(20)).await;
    }
    let before = silent.view().closes.len();
    sleep(IDLE + Duration::from_secs(3)).await;
    let mut strike = Strike::one("nginx", Wound::BalancerHasty);
    if silent.view().closes.len() != before {
        strike.wrong.push((11, "who is silent lost their connection".to_owned()));
    }
    Ok(strike)
}
