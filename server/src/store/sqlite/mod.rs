//! The store in one SQLite file: what a node uses unless it is told otherwise.
//!
//! Several processes on one machine may share the file (not over a network file system). They hold nothing in
//! memory that the file says: every decision is read and written in one transaction that has the write lock
//! from its start.
//!
//! # Layout
//!
//! - `connection`, `migrations`: the file, its settings and its schema (`schema/*.sql`)
//! - `writer`: the one thread that writes, and its group commit; `readers`: those that read
//! - `seam`: the trait, each method handed to one of the two
//! - `append`, `log`, `cursors`, `conversations`, `groups`, `people`, `sessions`, `tokens`,
//!   `invites`, `nodes`: the SQL, by subject, next to the code that runs it
//! - `rows`, `fault`: what these share

mod append;
mod connection;
mod conversations;
mod cursors;
mod fault;
mod groups;
mod invites;
mod log;
mod migrations;
mod nodes;
mod people;
mod readers;
mod rows;
mod seam;
mod sessions;
mod tokens;
mod writer;

use std::path::Path;
use tokio::task;

use self::fault::Fault;
use self::readers::Readers;
use self::writer::Writer;
use super::{Durability, StoreError};

/// Connections that read: enough that a long welcome does not hold up a short one, few enough to stay cached.
const READERS: usize = 4;

/// What the caller was doing when opening failed.
const OPEN: &str = "open the database";

/// The store in one SQLite file. Dropping it finishes what is queued, and waits for that.
pub struct SqliteStore {
    // The readers end before the writer, whose last act is to empty the write-ahead log.
    readers: Readers,
    writer: Writer,
}

impl SqliteStore {
    /// Opens the file, which is made if it does not exist, and brings it to this version's schema.
    /// [`StoreError::NewerSchema`] if a later version has written it; it is left as it was.
    pub async fn open(path: impl AsRef<Path>, durability: Durability) -> Result<Self, StoreError> {
        let path = path.as_ref().to_owned();
        let opened = task::spawn_blocking(move || open(&path, durability)).await;
        opened.map_err(|error| Fault::Failed(error.into())).flatten().map_err(|fault| fault.during(OPEN))
    }

    /// Finishes what is queued and closes the file. (Dropping does the same, but makes its thread wait.)
    pub async fn close(self) -> Result<(), StoreError> {
        let closed = task::spawn_blocking(move || drop(self)).await;
        closed.map_err(|error| Fault::Failed(error.into()).during("close the database"))
    }
}

fn open(path: &Path, durability: Durability) -> Result<SqliteStore, Fault> {
    let mut writing = connection::open(path)?;
    migrations::check(&writing)?;
    connection::use_write_ahead_log(&writing)?;
    connection::for_writing(&writing, durability)?;
    migrations::migrate(&mut writing)?;
    let mut reading = Vec::with_capacity(READERS);
    for _ in 0..READERS {
        let connection = connection::open(path)?;
        connection::for_reading(&connection)?;
        reading.push(connection);
    }
    let readers = Readers::start(reading).map_err(|error| Fault::Failed(error.into()))?;
    let writer = Writer::start(writing).map_err(|error| Fault::Failed(error.into()))?;
    Ok(SqliteStore { readers, writer })
}
