//! A node: the real binary, on a port that it keeps over all its incarnations.

use super::ask::Ask;
use super::program::Program;
use anyhow::{Context as _, Result, bail};
use rustix::process::Signal;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long clients have to move when a node stops.
const DRAIN: &str = "2";
/// How long a node that was told to stop is waited for.
const STOP_WITHIN: Duration = Duration::from_secs(15);
/// How long a page may take of a node that is well.
const ANSWER: Duration = Duration::from_secs(3);

/// The processes of all nodes, for whoever has to know who connects.
pub(super) type Processes = Arc<Mutex<Vec<Option<u32>>>>;

/// See the module.
#[derive(Debug)]
pub(crate) struct Node {
    number: usize,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    settings: Vec<String>,
    folder: PathBuf,
    program: Option<Program>,
    processes: Processes,
}

impl Node {
    pub(super) fn new(
        number: usize,
        address: SocketAddr,
        settings: Vec<String>,
        folder: &Path,
        processes: Processes,
    ) -> Self {
        Self { number, address, settings, folder: folder.to_owned(), program: None, processes }
    }

    /// Starts it, and waits until it is ready.
    ///
    /// # Errors
    /// If it does not start.
    pub(crate) async fn start(&mut self, binary: &Path) -> Result<()> {
        self.start_with(binary, &[]).await
    }

    /// The same with further variables of its environment.
    ///
    /// # Errors
    /// If it does not start.
    pub(crate) async fn start_with(&mut self, binary: &Path, variables: &[(&str, &str)]) -> Result<()> {
        self.launch(binary, variables)?;
        self.becomes_ready().await
    }

    /// Waits until it is ready, after it was launched.
    ///
    /// # Errors
    /// If it ends, or takes too long.
    pub(crate) async fn becomes_ready(&mut self) -> Result<()> {
        let address = self.address;
        match &mut self.program {
            Some(program) => program.ready(async || is_ready(address).await).await,
            None => bail!("it was not started"),
        }
    }

    /// Starts it, and waits for nothing.
    ///
    /// # Errors
    /// If it does not start.
    pub(crate) fn launch(&mut self, binary: &Path, variables: &[(&str, &str)]) -> Result<()> {
        let name = format!("node-{}", self.number + 1);
        let mut command = Command::new(binary);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TRUNKLINE_")) {
            command.env_remove(name);
        }
        command.args(["--listen", &self.address.to_string(), "--trusted-proxies", "127.0.0.1"]);
        command.args(["--drain-seconds", DRAIN, "--sends-per-second", "50"]).args(&self.settings);
        command.envs(variables.iter().copied()).current_dir(&self.folder);
        let program = Program::start(&name, &mut command, &self.folder)?;
        self.told(Some(program.id()));
        self.program = Some(program);
        Ok(())
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&mut self) {
        self.told(None);
        self.program = None;
    }

    /// Stops it as a supervisor does, and waits until it has ended.
    ///
    /// # Errors
    /// If it does not end in time, or not well.
    pub(crate) async fn stop(&mut self) -> Result<()> {
        let mut program = self.program.take().context("the node does not run")?;
        program.signal(Signal::TERM);
        let ended = program.ended(STOP_WITHIN).await;
        self.told(None);
        match ended {
            Some(status) if status.success() => Ok(()),
            Some(status) => bail!("a node that was told to stop ended with {status}:\n{}", program.tail()),
            None => bail!("a node that was told to stop did not"),
        }
    }

    /// Lets it run no more, as a machine that sleeps.
    pub(crate) fn freeze(&self) {
        self.program.iter().for_each(|program| program.signal(Signal::STOP));
    }

    /// Lets it run on.
    pub(crate) fn thaw(&self) {
        self.program.iter().for_each(|program| program.signal(Signal::CONT));
    }

    /// What it says of its bus and store, if it says anything.
    pub(crate) async fn readiness(&self) -> Option<serde_json::Value> {
        let asked = Ask { what: "GET /readyz", cookie: "", body: "" }.of(self.address, ANSWER).await.ok()?;
        serde_json::from_str(&asked.body).ok()
    }

    /// The sum of a metric, over all its labels that contain this text.
    pub(crate) async fn metric(&self, name: &str, label: &str) -> f64 {
        let asked = Ask { what: "GET /metrics", cookie: "", body: "" }.of(self.address, ANSWER).await;
        let text = asked.map(|answer| answer.body).unwrap_or_default();
        let lines = text.lines().filter(|line| line.starts_with(name) && line.contains(label));
        lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
    }

    fn told(&self, process: Option<u32>) {
        self.processes.lock().unwrap_or_else(PoisonError::into_inner)[self.number] = process;
    }
}

async fn is_ready(address: SocketAddr) -> bool {
    let asked = Ask { what: "GET /readyz", cookie: "", body: "" }.of(address, ANSWER).await;
    asked.is_ok_and(|answer| answer.status == 200)
}
