//! The checkpointer: a thread that copies the write-ahead log into the database, so that no commit has to wait for it.
//!
//! SQLite would do it within a commit, with two syncs and everybody waiting behind it. Here most of it is copied beside
//! the commits. Only when the log has become long are they held up for a moment, in which the rest is copied and the
//! log begins anew: while somebody writes all the time, it would never be copied to its end otherwise.
//!
//! Several processes may share the file; whoever finds another one copying leaves it to that.

use rusqlite::Connection;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How often it looks how long the log is.
const EVERY: Duration = Duration::from_millis(100);
/// Pages by which the log grows until they are copied: 16 MiB. SQLite's own 4 MiB would be several syncs a second under
/// load, for pages that are written again right afterwards.
const STEP: u32 = 4_096;
/// Pages from which on the log is made to begin anew: 64 MiB, which is what its file keeps on the disk.
const LONG: u32 = 4 * STEP;
/// How long commits may be held up by somebody who reads an old part of the log. A backup reads for minutes: then the log
/// goes on growing.
pub(super) const PATIENCE: Duration = Duration::from_millis(20);

/// The checkpointer's handle. Dropping it ends the thread after what it is at.
pub(super) struct Checkpointer {
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// How many pages the log has, as of the last commit of this process.
#[derive(Clone, Default)]
pub(super) struct LogLength(Arc<AtomicU32>);

impl LogLength {
    /// Lets a connection that writes say how long the log is, and copy nothing itself.
    pub(super) fn watch(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        let length = self.clone();
        connection.wal_hook(Some(move |_: &mut _, pages: i32| {
            length.0.store(pages.unsigned_abs(), Ordering::Relaxed);
            Ok(())
        }))
    }

    fn pages(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Checkpointer {
    /// Starts the thread, with a connection of its own that has [`PATIENCE`].
    pub(super) fn start(connection: Connection, length: LogLength) -> std::io::Result<Self> {
        let (stop, stopped) = sync_channel(0);
        let work = move || run(&connection, &length, &stopped);
        let thread = thread::Builder::new().name("store-checkpointer".into()).spawn(work)?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

fn run(connection: &Connection, length: &LogLength, stopped: &Receiver<()>) {
    let mut due = STEP;
    while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
        let pages = length.pages();
        if pages < due {
            // Begun anew meanwhile, perhaps by another process.
            due = due.min(pages + STEP).max(STEP);
            continue;
        }
        let copied =
            copy(connection, "PASSIVE").and_then(|()| if pages < LONG { Ok(()) } else { copy(connection, "RESTART") });
        if let Err(error) = copied {
            tracing::warn!(%error, pages, "the write-ahead log can not be copied into the database; it grows meanwhile");
        }
        due = pages + STEP;
    }
}

/// Copies as far as it can. That somebody is in the way is no error: the next time will do.
fn copy(connection: &Connection, mode: &str) -> rusqlite::Result<()> {
    connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()))
}

#[cfg(test)]
mod tests {
    use super::super::connection;
    use super::*;
    use crate::store::Durability;
    use std::path::Path;

    /// A database in a folder, its writing connection, and how long its log is.
    fn database() -> (tempfile::TempDir, Connection, LogLength) {
        let open = || -> Result<_, Box<dyn std::error::Error>> {
            let folder = tempfile::tempdir()?;
            let mut writing = connection::open(&folder.path().join("trunkline.db"))?;
            connection::use_write_ahead_log(&writing)?;
            connection::for_writing(&writing, Durability::Os)?;
            let length = LogLength::default();
            length.watch(&mut writing)?;
            writing.execute_batch("CREATE TABLE filler (page BLOB)")?;
            Ok((folder, writing, length))
        };
        match open() {
            Ok(database) => database,
            Err(error) => panic!("{error}"),
        }
    }

    /// Makes the log this much longer, in many commits.
    fn fill(writing: &Connection, pages: u32) -> rusqlite::Result<()> {
        for _ in 0..pages / 64 {
            writing.execute("INSERT INTO filler VALUES (zeroblob(64 * 4096))", [])?;
        }
        Ok(())
    }

    fn start(path: &Path, length: &LogLength) -> Result<Checkpointer, Box<dyn std::error::Error>> {
        let connection = connection::open(path)?;
        connection.busy_timeout(PATIENCE)?;
        Ok(Checkpointer::start(connection, length.clone())?)
    }

    fn until(what: &str, holds: impl Fn() -> bool) {
        let begun = std::time::Instant::now();
        while !holds() {
            assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
            thread::yield_now();
        }
    }

    #[test]
    fn a_long_log_is_copied_and_begins_anew_while_somebody_writes() -> Result<(), Box<dyn std::error::Error>> {
        let (folder, writing, length) = database();
        let path = folder.path().join("trunkline.db");
        let before = std::fs::metadata(&path)?.len();
        fill(&writing, LONG + STEP)?;
        assert!(length.pages() > LONG, "without the thread nobody copies: {} pages", length.pages());
        assert_eq!(std::fs::metadata(&path)?.len(), before);
        let _checkpointer = start(&path, &length)?;
        until("the log did not begin anew", || fill(&writing, 64).is_ok() && length.pages() < STEP);
        assert!(std::fs::metadata(&path)?.len() > u64::from(LONG) * 4096);
        Ok(())
    }

    #[test]
    fn who_reads_for_long_holds_up_no_commit() -> Result<(), Box<dyn std::error::Error>> {
        let (folder, writing, length) = database();
        let path = folder.path().join("trunkline.db");
        let reading = connection::open(&path)?;
        reading.execute_batch("BEGIN; SELECT count(*) FROM filler")?;
        let _checkpointer = start(&path, &length)?;
        let mut longest = Duration::ZERO;
        let begun = std::time::Instant::now();
        fill(&writing, LONG)?;
        while begun.elapsed() < 4 * EVERY {
            let commit = std::time::Instant::now();
            fill(&writing, 64)?;
            longest = longest.max(commit.elapsed());
        }
        assert!(length.pages() > LONG, "the reader still needs it");
        assert!(longest < Duration::from_secs(2), "a commit took {longest:?}");
        Ok(())
    }
}
