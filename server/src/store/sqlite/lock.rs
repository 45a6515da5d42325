//! Which nodes may share a database: a file next to it, `{database}-nodes`, that every node keeps locked for as long as
//! it lives. SQLite means one host, so the kernel knows who lives: it takes the lock from a process that ends, however
//! it ends, and a node that was killed can start again at once.
//!
//! A node that can hear no other locks it alone. Nodes that hear each other share it, and it says over which bus they
//! do. It is never deleted: two nodes could hold a lock each, one of them on a file that has no name any more.

use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;
use thiserror::Error;

/// How often a lock that is refused is tried again: another node may be holding it just to look.
const TRIES: u32 = 25;
/// The pause between two tries. Half a second in all, within which a node that was killed is gone as well.
const PAUSE: Duration = Duration::from_millis(20);

/// Why a node may not use the database.
#[derive(Debug, Error)]
pub enum LockError {
    /// Another node uses it that this one can not hear.
    #[error("another node uses this database, with the bus {bus}")]
    Used {
        /// What it locked the file with.
        bus: String,
    },
    /// The file could not be made, read or locked.
    #[error("the file {} can not be locked", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// The system's own error.
        #[source]
        source: io::Error,
    },
}

/// A node's share of the lock. The database is free for others when it is dropped.
#[derive(Debug)]
pub struct NodeLock {
    _file: File,
}

impl NodeLock {
    /// Locks the database against every other node. `bus` is what they are told.
    ///
    /// # Errors
    /// As [`LockError`] says.
    pub fn alone(database: &Path, bus: &str) -> Result<Self, LockError> {
        Self::take(database, |file| exclusive(file, bus))
    }

    /// Locks the database against every node but those that share it over the same `bus`.
    ///
    /// # Errors
    /// As [`LockError`] says.
    pub fn shared(database: &Path, bus: &str) -> Result<Self, LockError> {
        Self::take(database, |file| shared(file, bus))
    }

    /// Blocks for half a second before it refuses. An attempt gives the bus of whoever stands in the way.
    fn take(database: &Path, attempt: impl Fn(&File) -> io::Result<Option<String>>) -> Result<Self, LockError> {
        let path = beside(database);
        let failed = |source| LockError::File { path: path.clone(), source };
        let file = File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        let mut left = TRIES;
        while let Some(bus) = attempt(&file).map_err(failed)? {
            left -= 1;
            if left == 0 {
                return Err(LockError::Used { bus });
            }
            thread::sleep(PAUSE);
        }
        Ok(Self { _file: file })
    }
}

/// The lock file of a database, whatever link leads to it.
fn beside(database: &Path) -> PathBuf {
    let mut path = database.canonicalize().unwrap_or_else(|_| database.to_owned()).into_os_string();
    path.push(OsString::from("-nodes"));
    path.into()
}

fn exclusive(file: &File, bus: &str) -> io::Result<Option<String>> {
    if !got(file.try_lock())? {
        return read(file).map(Some);
    }
    write(file, bus)?;
    Ok(None)
}

fn shared(file: &File, bus: &str) -> io::Result<Option<String>> {
    // Nobody is there: what the file says is of those who were.
    if got(file.try_lock())? {
        write(file, bus)?;
    }
    // From alone to shared is not one step, so another may have come between: what the file says now decides, since
    // nobody can write it while this lock is held.
    if !got(file.try_lock_shared())? {
        return read(file).map(Some);
    }
    let theirs = read(file)?;
    if theirs == bus {
        return Ok(None);
    }
    file.unlock()?;
    Ok(Some(theirs))
}

fn got(attempt: Result<(), TryLockError>) -> io::Result<bool> {
    match attempt {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn read(mut file: &File) -> io::Result<String> {
    let mut text = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).trim_end().to_owned())
}

fn write(mut file: &File, bus: &str) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(format!("{bus}\n").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(lock: Result<NodeLock, LockError>) -> String {
        match lock {
            Err(LockError::Used { bus }) => bus,
            other => panic!("expected a refusal, got {other:?}"),
        }
    }

    #[test]
    fn those_who_hear_each_other_share_and_nobody_else_does() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let database = folder.path().join("trunkline.db");
        let one = NodeLock::alone(&database, "memory");
        assert_eq!(refused(NodeLock::alone(&database, "memory")), "memory");
        assert_eq!(refused(NodeLock::shared(&database, "here")), "memory");
        drop(one);
        let here = [NodeLock::shared(&database, "here"), NodeLock::shared(&database, "here")];
        assert!(here.iter().all(Result::is_ok), "{here:?}");
        assert_eq!(refused(NodeLock::alone(&database, "memory")), "here");
        assert_eq!(refused(NodeLock::shared(&database, "there")), "here");
        let [first, second] = here;
        drop(first);
        assert_eq!(refused(NodeLock::shared(&database, "there")), "here");
        drop(second);
        assert!(NodeLock::shared(&database, "there").is_ok());
        Ok(())
    }

    #[test]
    fn a_link_to_the_database_is_the_database() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let (database, link) = (folder.path().join("trunkline.db"), folder.path().join("link.db"));
        File::create(&database)?;
        std::os::unix::fs::symlink(&database, &link)?;
        let _one = NodeLock::alone(&database, "memory");
        assert_eq!(refused(NodeLock::alone(&link, "memory")), "memory");
        Ok(())
    }

    #[test]
    fn nodes_that_start_together_share() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let database = folder.path().join("trunkline.db");
        drop(NodeLock::alone(&database, "memory"));
        let start = || {
            thread::scope(|scope| {
                let nodes: Vec<_> = (0..8).map(|_| scope.spawn(|| NodeLock::shared(&database, "here"))).collect();
                nodes.into_iter().map(|node| node.join().map(|lock| lock.is_ok())).collect::<Vec<_>>()
            })
        };
        for _ in 0..20 {
            assert!(start().into_iter().all(|started| matches!(started, Ok(true))));
        }
        Ok(())
    }
}
