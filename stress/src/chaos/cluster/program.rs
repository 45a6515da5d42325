//! A program of the cluster: its output in a file, signals, and its certain end.

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// How long a program may take until it answers, on a machine that has much to do.
pub(super) const READY_WITHIN: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);
/// Lines of a log that are shown when its program has failed.
const TAIL: usize = 15;

/// A running program. Killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Program {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts it. What it says is added to a file in this folder.
    ///
    /// # Errors
    /// If it is not there.
    pub(super) fn start(name: &str, command: &mut Command, folder: &Path) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&log);
        let file = file.with_context(|| format!("{} can not be written", log.display()))?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let child = command.spawn().with_context(|| format!("{name} does not start"))?;
        Ok(Self { name: name.to_owned(), child, log })
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until `ready` says so.
    ///
    /// # Errors
    /// If it ends before, or takes too long; with what it said last.
    pub(super) async fn ready(&mut self, mut ready: impl AsyncFnMut() -> bool) -> Result<()> {
        let until = Instant::now() + READY_WITHIN;
        while !ready().await {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} has ended ({status}):\n{}", self.name, self.tail());
            }
            ensure!(Instant::now() < until, "{} is not ready in time:\n{}", self.name, self.tail());
            sleep(POLL).await;
        }
        Ok(())
    }

    /// Whether it still runs.
    pub(super) fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends it a signal.
    pub(super) fn signal(&self, signal: Signal) {
        signal_to(self.child.id(), signal);
    }

    /// Waits for its end, and ends it then.
    pub(super) async fn ended(&mut self, within: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + within;
        while Instant::now() < until {
            match self.child.try_wait() {
                Ok(None) => sleep(POLL).await,
                Ok(status) => return status,
                Err(_) => break,
            }
        }
        self.kill();
        None
    }

    /// Ends it as a power cut would.
    pub(super) fn kill(&mut self) {
        self.signal(Signal::KILL);
        // A killed process ends at once.
        let _ = self.child.wait();
    }

    /// What it said last.
    pub(super) fn tail(&self) -> String {
        let said = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = said.lines().collect();
        lines[lines.len().saturating_sub(TAIL)..].join("\n")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if self.runs() {
            self.kill();
        }
    }
}

/// Sends a signal to a process that may be gone.
pub(super) fn signal_to(process: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(process).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

/// The children of a process.
pub(super) fn children(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|id| {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        // Behind the name, which may hold anything: the state, and the parent.
        let fields =
            stat.rsplit_once(')').map(|(_, fields)| fields.split_whitespace().nth(1) == Some(&parent.to_string()));
        fields == Some(true)
    })
    .collect()
}

/// Where a program is: on PATH, or where servers are kept off it.
///
/// # Errors
/// If it is not installed.
pub(crate) fn find(name: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = std::env::split_paths(&path).collect();
    folders.extend(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from));
    let mut versions: Vec<_> = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().collect();
    versions.sort_by_key(fs::DirEntry::file_name);
    // The newest version before whatever PATH names: those that are there may be wrappers.
    let found = versions.into_iter().rev().map(|version| version.path().join("bin")).chain(folders);
    let mut found = found.map(|folder| folder.join(name)).filter(|path| path.is_file());
    found.next().with_context(|| format!("{name} is not installed"))
}
