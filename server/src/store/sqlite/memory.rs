//! The store in memory, on the thread of whoever calls it: the same SQL and the same decisions, with nothing that happens
//! beside or by chance. For simulations, which bring the waiting, the failures and the crashes themselves.

use super::readers::Readers;
use super::writer::Writer;
use super::{SqliteStore, connection, history, migrations};
use crate::store::fault::Fault;
use crate::store::{Durability, StoreError};
use rusqlite::Connection;
use rusqlite::backup::Backup;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use trunkline_protocol::Epoch;

const OPEN: &str = "open a database in memory";
const COPY: &str = "copy a database in memory";
/// To SQLite, all pages in one step.
const ALL_PAGES: i32 = -1;

impl SqliteStore {
    /// A new store in memory that begins this history. It is gone when it is dropped.
    ///
    /// # Errors
    /// If there is no memory.
    pub fn in_memory(epoch: Epoch) -> Result<Self, StoreError> {
        let begin = || {
            let mut connection = connection::open(Path::new(":memory:"))?;
            migrations::migrate(&mut connection)?;
            connection.execute("UPDATE meta SET epoch = ?1", [epoch.0])?;
            Ok::<_, Fault>(here(connection))
        };
        begin().map_err(|fault| fault.during(OPEN))
    }

    /// A copy of a store in memory as it is now, that begins another history: what a backup becomes that is put back.
    ///
    /// # Errors
    /// If there is no memory, or this store is not in memory.
    pub fn copy_in_memory(&self, epoch: Epoch) -> Result<Self, StoreError> {
        let copy = || {
            let unfit = StoreError::Unfit("only a store in memory can be copied in memory");
            let from = self.memory.as_ref().ok_or(unfit)?.lock().unwrap_or_else(PoisonError::into_inner);
            let mut to = connection::open(Path::new(":memory:"))?;
            Backup::new(&from, &mut to)?.step(ALL_PAGES)?;
            history::begin(&to, epoch)?;
            Ok::<_, Fault>(here(to))
        };
        copy().map_err(|fault| fault.during(COPY))
    }
}

fn here(connection: Connection) -> SqliteStore {
    let memory = Arc::new(Mutex::new(connection));
    SqliteStore {
        _checkpointer: None,
        indexer: None,
        readers: Readers::here(memory.clone()),
        writer: Writer::here(memory.clone()),
        durability: Durability::Os,
        memory: Some(memory),
    }
}
