//! How each of them is made to happen.

use super::wound::{Strike, Wound};
use super::{Extent, Fault, crowd, network, nodes, storage};
use crate::chaos::cluster::{Cluster, Database, NODES};
use crate::chaos::proxy::Nudges;
use crate::chaos::rng::Rng;
use crate::chaos::town::Town;
use crate::cli::ChaosOptions;
use anyhow::Result;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// How long Redis is gone when it is restarted, and how often its subscribers are cut.
const AWAY: Duration = Duration::from_millis(200);

/// Where things happen.
pub(crate) struct Field<'a> {
    pub(crate) cluster: &'a mut Cluster,
    pub(crate) town: &'a Arc<Town>,
    pub(crate) rng: &'a mut Rng,
    pub(crate) extent: Extent,
    /// The node that is meant, if one is.
    pub(crate) node: usize,
    /// A server of an earlier version.
    pub(crate) old: Option<PathBuf>,
}

/// Why it can not happen here, if it can not: of this machine, whatever the database.
pub(crate) fn possible(fault: Fault, options: &ChaosOptions) -> Result<(), String> {
    match fault {
        Fault::Loss => network::may_lose(),
        Fault::ClockAhead | Fault::ClockBehind => nodes::fake_clock().map(drop),
        Fault::DiskFull => storage::may_mount(),
        Fault::OldAndNew => options.earlier().map(drop).map_err(str::to_owned),
        _ => Ok(()),
    }
}

/// Makes it happen.
///
/// # Errors
/// If it does not, which says nothing of the cluster.
pub(crate) async fn strike(fault: Fault, field: &mut Field<'_>) -> Result<Strike> {
    let node = field.node;
    let named = format!("node {}", node + 1);
    match fault {
        Fault::Nothing => Ok(Strike::over("nobody")),
        Fault::KillBeforeCommit => nodes::kill_before_commit(field).await,
        Fault::KillAfterCommit => nodes::kill_after_commit(field).await,
        Fault::KillAfterAck => nodes::kill_after_ack(field).await,
        Fault::KillAll => {
            field.cluster.nodes.iter_mut().for_each(|node| node.kill());
            let wounds = (0..NODES).map(Wound::NodeDown).collect();
            Ok(Strike { wounds, ..Strike::over("all nodes") })
        }
        Fault::Stopped | Fault::StoppedLong => {
            field.cluster.nodes[node].freeze();
            Ok(Strike::one(named, Wound::NodeFrozen(node)))
        }
        Fault::RollingRestart => nodes::roll(field).await,
        Fault::OldAndNew => nodes::mix(field).await,
        Fault::ClockAhead => nodes::shift_clock(field, "+3600").await,
        Fault::ClockBehind => nodes::shift_clock(field, "-3600").await,
        Fault::StoreKilled => {
            if let Some(postgres) = &mut field.cluster.postgres {
                postgres.kill().await;
            }
            Ok(Strike::one("PostgreSQL", Wound::PostgresDown))
        }
        Fault::StoreSlow => storage::slow(field),
        Fault::DiskFull => storage::fill(field),
        Fault::RedisRestarted | Fault::RedisKilled | Fault::RedisFlushed => redis(fault, field.cluster).await,
        Fault::RedisPaused => {
            field.cluster.redis.freeze();
            Ok(Strike::one("Redis", Wound::RedisFrozen))
        }
        Fault::RedisFull => {
            let redis = &field.cluster.redis;
            redis.command(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]).await?;
            redis.command(&["CONFIG", "SET", "maxmemory", "1"]).await?;
            Ok(Strike::one("Redis", Wound::RedisFull))
        }
        Fault::SubscriberCut => {
            for _ in 0..3 {
                field.cluster.redis.command(&["CLIENT", "KILL", "TYPE", "pubsub"]).await?;
                sleep(AWAY).await;
            }
            Ok(Strike::over("three times"))
        }
        Fault::NudgesDropped | Fault::NudgesDoubled => {
            let nudges = if fault == Fault::NudgesDropped { Nudges::Dropped } else { Nudges::Doubled };
            (0..NODES).for_each(|node| field.cluster.bus(node).set(|weather| weather.nudges = nudges));
            Ok(Strike::one("all nodes", Wound::Links))
        }
        Fault::BalancerRestarted => {
            field.cluster.nginx.stop().await;
            sleep(AWAY).await;
            field.cluster.nginx.start(None).await?;
            Ok(Strike::over("nginx"))
        }
        Fault::BalancerIdle => crowd::idle(field).await,
        Fault::Storm => crowd::storm(field).await,
        Fault::SlowReader => crowd::slow_reader(field).await,
        _ => network::strike(fault, field),
    }
}

async fn redis(fault: Fault, cluster: &mut Cluster) -> Result<Strike> {
    match fault {
        Fault::RedisRestarted => {
            cluster.redis.stop().await;
            sleep(AWAY).await;
            cluster.redis.start().await?;
            Ok(Strike::over("Redis"))
        }
        Fault::RedisKilled => {
            cluster.redis.kill();
            Ok(Strike::one("Redis", Wound::RedisDown))
        }
        _ => {
            cluster.redis.command(&["FLUSHALL"]).await?;
            Ok(Strike::over("Redis"))
        }
    }
}

/// What is written of a database that is not PostgreSQL.
pub(super) fn is_file(cluster: &Cluster) -> bool {
    cluster.plan.database == Database::Sqlite
}
