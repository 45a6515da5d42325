//! The store in one SQLite file: what a node uses unless it is told otherwise.
//!
//! Several processes on one machine may share the file (not over a network file system). They hold nothing in
//! memory that the file says: every decision is read and written in one transaction that has the write lock
//! from its start.
//!
//! # Layout
//!
//! - `connection`, `migrations`, `boot`, `history`: the file, its settings, its schema (`schema/*.sql`) and its history
//! - `writer`: the one thread that writes, and its group commit; `readers`: those that read
//! - `seam`: the trait, each method handed to one of the two
//! - `checkpointer`: the thread that copies the write-ahead log into the database
//! - `append`, `log`, `cursors`, `conversations`, `groups`, `people`, `sessions`, `tokens`,
//!   `invites`: the SQL, by subject, next to the code that runs it
//! - `search`: what is found; `indexer`: the thread that keeps the index for it
//! - `rows`: what these share; `transfer`: all of it, on its way elsewhere or from there, and copies of the file
//! - `memory`: the same without a file and without threads, for simulations
//! - [`lock`]: which nodes may share the file

mod append;
mod boot;
mod checkpointer;
mod connection;
mod conversations;
mod cursors;
mod groups;
mod history;
mod indexer;
mod invites;
pub mod lock;
mod log;
mod memory;
mod migrations;
mod people;
mod readers;
mod rows;
mod seam;
mod search;
mod sessions;
mod tokens;
mod transfer;
mod writer;

use rusqlite::Connection;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokio::task;
use trunkline_protocol::Epoch;

use self::checkpointer::{Checkpointer, LogLength};
use self::indexer::Indexer;
use self::readers::Readers;
use self::writer::{Write, Writer};
use super::fault::Fault;
use super::{Durability, StoreError};

/// Connections that read: enough that a long welcome does not hold up a short one, few enough to stay cached.
const READERS: usize = 4;

/// What the caller was doing when opening failed.
const OPEN: &str = "open the database";

/// The store in one SQLite file. Dropping it finishes what is queued, and waits for that.
pub struct SqliteStore {
    // The others end before the writer, whose last act is to empty the write-ahead log.
    _checkpointer: Option<Checkpointer>,
    indexer: Option<Indexer>,
    readers: Readers,
    writer: Writer,
    durability: Durability,
    /// The only connection, if the store is in memory.
    memory: Option<Arc<Mutex<Connection>>>,
}

impl SqliteStore {
    /// Opens the file, which is made if it does not exist, and brings it to this version's schema.
    /// [`StoreError::NewerSchema`] if a later version has written it; it is left as it was.
    pub async fn open(path: impl AsRef<Path>, durability: Durability) -> Result<Self, StoreError> {
        let path = path.as_ref().to_owned();
        let opened = task::spawn_blocking(move || open(&path, durability)).await;
        opened.map_err(|error| Fault::Failed(error.into())).flatten().map_err(|fault| fault.during(OPEN))
    }

    /// Begins a new history: for a file that went back in time, as a backup does that was put back. What devices
    /// remember of the old one is void then. No node may be running.
    pub async fn begin_new_history(&self) -> Result<(), StoreError> {
        let epoch = Epoch::random();
        let work = move |write: &Write<'_>| Ok(history::begin(write, epoch)?);
        self.writer.write("begin a new history", work).await
    }

    /// Finishes what is queued and closes the file. (Dropping does the same, but makes its thread wait.)
    pub async fn close(self) -> Result<(), StoreError> {
        let closed = task::spawn_blocking(move || drop(self)).await;
        closed.map_err(|error| Fault::Failed(error.into()).during("close the database"))
    }
}

fn open(path: &Path, durability: Durability) -> Result<SqliteStore, Fault> {
    let mut writing = open_for_writing(path, durability)?;
    let length = LogLength::default();
    length.watch(&mut writing)?;
    let checkpointer = Checkpointer::start(for_checkpoints(path, durability)?, length, checkpointer::LENGTHS);
    let checkpointer = checkpointer.map_err(|error| Fault::Failed(error.into()))?;
    let mut reading = Vec::with_capacity(READERS);
    for _ in 0..READERS {
        let connection = connection::open(path)?;
        connection::for_reading(&connection)?;
        reading.push(connection);
    }
    let readers = Readers::start(reading).map_err(|error| Fault::Failed(error.into()))?;
    let writer = Writer::start(writing).map_err(|error| Fault::Failed(error.into()))?;
    let reading = connection::open(path)?;
    connection::for_reading(&reading)?;
    let indexer = Indexer::start(reading, writer.blocking()?).map_err(|error| Fault::Failed(error.into()))?;
    Ok(SqliteStore {
        _checkpointer: Some(checkpointer),
        indexer: Some(indexer),
        readers,
        writer,
        durability,
        memory: None,
    })
}

fn for_checkpoints(path: &Path, durability: Durability) -> Result<Connection, Fault> {
    let connection = connection::open(path)?;
    connection::for_writing(&connection, durability)?;
    connection.busy_timeout(checkpointer::PATIENCE)?;
    Ok(connection)
}

fn open_for_writing(path: &Path, durability: Durability) -> Result<Connection, Fault> {
    let mut connection = connection::open(path)?;
    migrations::check(&connection)?;
    connection::use_write_ahead_log(&connection)?;
    migrations::migrate(&mut connection)?;
    boot::check(&mut connection, durability, &boot::current())?;
    connection::for_writing(&connection, durability)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_durability_that_was_asked_for_is_the_one_that_writes() -> Result<(), Fault> {
        // As SQLite counts them: NORMAL is 1, FULL is 2. (Tests can not cut the power.)
        for (durability, synchronous) in [(Durability::Fsync, 2), (Durability::Os, 1)] {
            let folder = tempfile::tempdir().map_err(|error| Fault::Failed(error.into()))?;
            for _ in 0..2 {
                let connection = open_for_writing(&folder.path().join("trunkline.db"), durability)?;
                let found: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0))?;
                assert_eq!(found, synchronous, "{durability:?}");
                let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
                assert_eq!(mode, "wal");
            }
        }
        Ok(())
    }
}
