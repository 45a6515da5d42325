//! How it is made good again.

use crate::chaos::cluster::Cluster;
use crate::chaos::device::Device;
use crate::chaos::proxy::Proxy;
use anyhow::{Context as _, Result};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use tokio::task::AbortHandle;

/// What is left of a fault.
#[derive(Debug)]
pub(crate) enum Wound {
    /// This node does not run.
    NodeDown(usize),
    /// This node is stopped.
    NodeFrozen(usize),
    /// This node runs with something that it should not have.
    NodeStrange(usize),
    /// There is no Redis.
    RedisDown,
    /// It does not answer.
    RedisFrozen,
    /// It takes nothing.
    RedisFull,
    /// There is no PostgreSQL.
    PostgresDown,
    /// A task goes on.
    Task(AbortHandle),
    /// Some links are bad.
    Links,
    /// This rule of the firewall is there.
    Rule(Vec<String>),
    /// It ends what is silent too early.
    BalancerHasty,
    /// This file takes all room.
    Ballast(PathBuf),
    /// These have come.
    Crowd(Vec<Device>),
    /// This one has come to the town.
    Guest(Arc<Device>),
    /// Somebody's own way.
    Way(Proxy),
}

/// What was done.
#[derive(Debug, Default)]
pub(crate) struct Strike {
    /// To whom, for the log of the run.
    pub(crate) what: String,
    /// What is to be made good, the last first.
    pub(crate) wounds: Vec<Wound>,
    /// What was seen to be wrong by the fault itself, by invariant.
    pub(crate) wrong: Vec<(u8, String)>,
}

impl Strike {
    /// One wound.
    pub(crate) fn one(what: impl Into<String>, wound: Wound) -> Self {
        Self { what: what.into(), wounds: vec![wound], wrong: Vec::new() }
    }

    /// Nothing that has to be made good.
    pub(crate) fn over(what: impl Into<String>) -> Self {
        Self { what: what.into(), ..Self::default() }
    }
}

/// Who has come for a fault's sake, and stays until all is at rest.
#[derive(Debug, Default)]
pub(crate) struct Left {
    /// They have to be served, and are shown nothing.
    pub(crate) crowd: Vec<Device>,
    /// They belong to the town.
    pub(crate) guests: Vec<Arc<Device>>,
    /// Their ways.
    pub(crate) ways: Vec<Proxy>,
}

/// Makes it good. What had come for the fault's sake is given back, to be looked at.
///
/// # Errors
/// If something does not start again.
pub(crate) async fn heal(cluster: &mut Cluster, wounds: Vec<Wound>) -> Result<Left> {
    let (mut left, mut down) = (Left::default(), Vec::new());
    for wound in wounds.into_iter().rev() {
        match wound {
            // All at once in the end: when all were killed, they start beside each other.
            Wound::NodeDown(node) => down.push(node),
            Wound::NodeFrozen(node) => cluster.nodes[node].thaw(),
            Wound::NodeStrange(node) => {
                cluster.nodes[node].stop().await.context("a node does not stop")?;
                down.push(node);
            }
            Wound::RedisDown => cluster.redis.start().await?,
            Wound::RedisFrozen => cluster.redis.thaw(),
            Wound::RedisFull => drop(cluster.redis.command(&["CONFIG", "SET", "maxmemory", "0"]).await?),
            Wound::PostgresDown => start_postgres(cluster).await?,
            Wound::Task(task) => task.abort(),
            Wound::Links => clear(cluster),
            Wound::Rule(words) => {
                let done = Command::new("iptables").arg("-D").args(&words).status();
                anyhow::ensure!(done.context("iptables")?.success(), "a rule of the firewall can not be removed");
            }
            Wound::BalancerHasty => {
                cluster.nginx.stop().await;
                cluster.nginx.start(None).await?;
            }
            Wound::Ballast(file) => {
                std::fs::remove_file(&file).context("the disk stays full")?;
                start_postgres(cluster).await?;
            }
            Wound::Crowd(devices) => left.crowd.extend(devices),
            Wound::Guest(device) => left.guests.push(device),
            Wound::Way(way) => left.ways.push(way),
        }
    }
    for &node in &down {
        let binary = cluster.plan.binary.clone();
        cluster.nodes[node].launch(&binary, &[])?;
    }
    for node in down {
        cluster.nodes[node].becomes_ready().await?;
    }
    Ok(left)
}

/// Starts it unless it runs.
async fn start_postgres(cluster: &mut Cluster) -> Result<()> {
    let Some(postgres) = &mut cluster.postgres else { return Ok(()) };
    if !postgres.runs() {
        // What is left of its processes is in the way of the next.
        postgres.kill().await;
        postgres.start().await?;
    }
    Ok(())
}

fn clear(cluster: &Cluster) {
    cluster.links().into_iter().for_each(|link| link.clear());
}
