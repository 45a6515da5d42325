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
/// The lengths that are kept to.
pub(super) const LENGTHS: Lengths = Lengths { step: 2_048, long: 32 * 2_048 };
/// How long commits may be held up by somebody who reads an old part of the log. A backup reads for minutes: then the log
/// goes on growing.
pub(super) const PATIENCE: Duration = Duration::from_millis(20);

/// From which lengths of the log on something is done about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lengths {
    /// Pages by which it grows until they are copied: 8 MiB. With fewer, pages are copied that are written again right
    /// afterwards; with more, the sync before it takes so long that commits feel it.
    step: u32,
    /// Pages from which on it is made to begin anew: 256 MiB. Commits are held up for two syncs then, so it has to be
    /// rare: every few seconds when as much is written as one core can, and never where there are pauses, in which it
    /// begins anew by itself. After a crash so much is read again, which takes less than a second.
    long: u32,
}

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
        // What the file may keep on the disk. Less than it was just used for would be cut off within the next commit, for
        // a tenth of a second, and be made again right afterwards.
        connection.pragma_update(None, "journal_size_limit", u64::from(2 * LENGTHS.long) * 4_096)?;
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
    pub(super) fn start(connection: Connection, length: LogLength, lengths: Lengths) -> std::io::Result<Self> {
        let (stop, stopped) = sync_channel(0);
        let work = move || run(&connection, &length, lengths, &stopped);
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

fn run(connection: &Connection, length: &LogLength, lengths: Lengths, stopped: &Receiver<()>) {
    let Lengths { step, long } = lengths;
    let mut due = step;
    while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
        let pages = length.pages();
        if pages < due {
            // Begun anew meanwhile, perhaps by another process.
            due = due.min(pages + step).max(step);
            continue;
        }
        let copied =
            copy(connection, "PASSIVE").and_then(|()| if pages < long { Ok(()) } else { copy(connection, "RESTART") });
        if let Err(error) = copied {
            tracing::warn!(%error, pages, "the write-ahead log can not be copied into the database; it grows meanwhile");
        }
        due = pages + step;
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

    /// Short ones, to be reached soon.
    const STEP: u32 = 512;
    const LONG: u32 = 4 * STEP;

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
        Ok(Checkpointer::start(connection, length.clone(), Lengths { step: STEP, long: LONG })?)
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
