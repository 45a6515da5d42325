//! Opens connections to the file, all with the same settings.

use crate::store::Durability;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::thread;
use std::time::Duration;

/// How long a connection waits for another process to finish its transaction. Ten times what the slowest group
/// commit took in measurements.
const BUSY_FOR: Duration = Duration::from_secs(10);
/// How often it looks. SQLite's own handler sleeps for up to 100 ms, and under load would never meet the gap
/// between two transactions of the other process.
const BUSY_POLL: Duration = Duration::from_micros(500);
/// How often it looks at first: where nothing waits for the disk, a transaction takes some 100 µs.
const BUSY_POLL_AT_FIRST: Duration = Duration::from_micros(50);
/// How many times it looks that often.
const AT_FIRST: u32 = 20;
/// All statements of the store fit, so that each is compiled once per connection.
const STATEMENTS: usize = 128;

/// Opens the file, which is made if it does not exist, and does not write to it.
pub(super) fn open(path: &Path) -> rusqlite::Result<Connection> {
    // One thread uses a connection at a time, so SQLite's own mutexes would only cost.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_handler(Some(move |seen: i32| {
        let seen = seen.unsigned_abs();
        thread::sleep(if seen < AT_FIRST { BUSY_POLL_AT_FIRST } else { BUSY_POLL });
        BUSY_POLL * seen < BUSY_FOR
    }))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // One plan a statement. Else SQLite compiles a statement again whenever a parameter turns from 0 or 1 into
    // something else or back, in the hope of a better one: a seventh of an append's cost.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.execute_batch(
        // 16 MiB of pages; sorting and savepoints stay in memory.
        "PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = ON;",
    )?;
    Ok(connection)
}

/// Makes a connection one that writes.
pub(super) fn for_writing(connection: &Connection, durability: Durability) -> rusqlite::Result<()> {
    // With NORMAL, SQLite syncs the write-ahead log only before it copies it into the database: a power cut loses
    // the last commits, but never leaves a broken file, as OFF could.
    let synchronous = match durability {
        Durability::Fsync => "FULL",
        Durability::Os => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", synchronous)
}

/// Makes a connection one that only reads. (Opened read-only it could not repair the log after a crash.)
pub(super) fn for_reading(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "query_only", "ON")
}

/// Turns on the write-ahead log, which lets readers and the writer work side by side. The file remembers it.
pub(super) fn use_write_ahead_log(connection: &Connection) -> rusqlite::Result<()> {
    // When two processes open a new file at once, SQLite answers one of them "busy" without asking the handler,
    // lest both wait for each other.
    let mut left = BUSY_FOR.as_micros() / BUSY_POLL.as_micros();
    loop {
        match connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0)) {
            Err(error) if left > 0 && error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => {
                left -= 1;
                thread::sleep(BUSY_POLL);
            }
            outcome => return outcome.map(drop),
        }
    }
}
