//! A program of the cluster: its output in a file, ended for certain.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::process;

/// How often it is looked whether something has come true.
const POLL: Duration = Duration::from_millis(50);
/// Lines of a log that are shown when its program has failed.
const TAIL: usize = 15;

/// A running program. Ended when it is dropped.
pub(super) struct Service {
    pub(super) name: String,
    child: Child,
    log: PathBuf,
}

impl Service {
    /// Starts it, with its output in the folder.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) fn start(name: &str, command: &mut Command, folder: &Path) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let output = File::create(&log).with_context(|| format!("could not write {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        // A group of its own: Ctrl-C is ours to pass on, in order.
        process::lead_group(command);
        let child = command.spawn().with_context(|| format!("could not start {name}"))?;
        Ok(Self { name: name.to_owned(), child, log })
    }

    /// The id of its process.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until `ready` is true.
    ///
    /// # Errors
    /// When it ends before, or takes longer than `within`; with what it said last.
    pub(super) fn wait(&mut self, within: Duration, mut ready: impl FnMut() -> bool) -> Result<()> {
        let until = Instant::now() + within;
        while !ready() {
            if !self.is_running()? {
                bail!("{} has ended:\n{}", self.name, self.tail());
            }
            if Instant::now() > until {
                bail!("{} is not ready after {} s:\n{}", self.name, within.as_secs(), self.tail());
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// Whether it has not ended.
    ///
    /// # Errors
    /// When the system does not say.
    pub(super) fn is_running(&mut self) -> Result<bool> {
        Ok(self.child.try_wait().context("could not wait for a program")?.is_none())
    }

    /// Asks it to end.
    pub(super) fn ask_to_end(&mut self) {
        process::terminate_group(&mut self.child);
    }

    /// Waits until it has ended, and ends it then.
    pub(super) fn end(&mut self, within: Duration) {
        let until = Instant::now() + within;
        while self.is_running().unwrap_or(false) && Instant::now() < until {
            thread::sleep(POLL);
        }
        process::kill_group(&mut self.child);
        // It was killed, so this is no wait.
        let _ = self.child.wait();
    }

    /// What it said last.
    pub(super) fn tail(&self) -> String {
        let said = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = said.lines().collect();
        lines[lines.len().saturating_sub(TAIL)..].join("\n")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.end(Duration::ZERO);
    }
}
