//! What happens to the database.

use super::strike::{Field, is_file};
use super::wound::{Strike, Wound};
use crate::chaos::cluster::Cluster;
use anyhow::{Context as _, Result};
use rusqlite::Connection;
use rustix::process::geteuid;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;
use tokio::time::sleep;
use tokio_postgres::Client;

/// How long somebody else may hold the file.
const BUSY: Duration = Duration::from_secs(5);
/// How long a slow store takes for each commit, about.
const SLOW: Duration = Duration::from_millis(150);

/// The lock that every commit needs, held by somebody else.
pub(super) enum Held {
    File(Connection),
    Server(Client),
}

impl Held {
    /// Takes it.
    ///
    /// # Errors
    /// If it can not be had.
    pub(super) async fn take(cluster: &Cluster) -> Result<Self> {
        match &cluster.postgres {
            None => hold(&cluster.data).map(Self::File),
            Some(postgres) => {
                let client = postgres.connect().await?;
                // Whoever commits writes there; who reads is not disturbed.
                client.batch_execute("BEGIN; LOCK TABLE commits IN EXCLUSIVE MODE").await?;
                Ok(Self::Server(client))
            }
        }
    }

    /// Gives it back.
    pub(super) async fn release(self) {
        match self {
            Self::File(connection) => drop(connection),
            Self::Server(client) => {
                // It ends with the connection at the latest.
                let _ = client.batch_execute("ROLLBACK").await;
            }
        }
    }
}

fn hold(data: &Path) -> Result<Connection> {
    let connection = Connection::open(data.join("trunkline.db"))?;
    connection.busy_timeout(BUSY)?;
    connection.execute_batch("BEGIN IMMEDIATE").context("the file's lock can not be had")?;
    Ok(connection)
}

/// PostgreSQL is far away; a file is busy with somebody else most of the time.
pub(super) fn slow(field: &Field<'_>) -> Result<Strike> {
    if !is_file(field.cluster) {
        for node in 0..field.cluster.nodes.len() {
            let far = |weather: &mut crate::chaos::proxy::Weather| (weather.delay, weather.jitter) = (SLOW, SLOW);
            field.cluster.store(node).into_iter().for_each(|store| store.set(far));
        }
        return Ok(Strike::one("every way to PostgreSQL", Wound::Links));
    }
    let data = field.cluster.data.clone();
    let holding = tokio::spawn(async move {
        loop {
            // Somebody else may hold it just now.
            if let Ok(held) = hold(&data) {
                sleep(3 * SLOW).await;
                drop(held);
            }
            sleep(SLOW / 5).await;
        }
    });
    Ok(Strike::one("the file's lock", Wound::Task(holding.abort_handle())))
}

/// Takes all room.
pub(super) fn fill(field: &Field<'_>) -> Result<Strike> {
    let path = field.cluster.data.join("ballast");
    let mut file = File::create(&path).context("there is no room for a file")?;
    while file.write_all(&[0; 4096]).is_ok() {}
    Ok(Strike::one("all room is taken", Wound::Ballast(path)))
}

/// Whether a small file system can be mounted without anybody's noticing.
pub(super) fn may_mount() -> Result<(), String> {
    if geteuid().is_root() { Ok(()) } else { Err("only root may mount a small disk".to_owned()) }
}
