//! A node as a process of its own: the real binary, which can be killed as by a power cut.

use super::server::Database;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// The binary under test.
pub(crate) fn trunkline() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trunkline"));
    // Settings of whoever runs the tests are not the test's.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TRUNKLINE_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// See the module. Killed when the test ends.
pub(crate) struct ChildNode {
    process: Child,
    address: SocketAddr,
}

impl ChildNode {
    /// Starts it on a free port and waits until it says where it is.
    pub(crate) fn start(database: &Database, settings: &[&str]) -> Self {
        Self::start_logged(database, settings, Stdio::null())
    }

    /// The same, with its log going there.
    pub(crate) fn start_logged(database: &Database, settings: &[&str], log: impl Into<Stdio>) -> Self {
        // It is told of files that are too large by an error, not by the signal that ends a program.
        let mut shell = Command::new("sh");
        let known = trunkline();
        for (name, value) in known.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        let mut process = shell
            .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
            .arg(known.get_program())
            .stdin(Stdio::null())
            .args(["--listen", "127.0.0.1:0", "--durability", "os", "--database", &database.url()])
            .args(settings)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the binary starts");
        let lines = BufReader::new(process.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
        let (said, hears) = mpsc::channel();
        std::thread::spawn(move || lines.for_each(|line| drop(said.send(line))));
        let address = loop {
            let line = hears.recv_timeout(Duration::from_secs(20)).expect("it says where it is");
            if let Some((_, address)) = line.split_once("http://") {
                break address.trim().parse().expect("an address");
            }
        };
        Self { process, address }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How long it has worked, on all cores together.
    pub(crate) fn cpu_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).expect("the process is there");
        // Behind the name, which may hold anything: its state, and from there on numbers. In hundredths of a second.
        let (_, fields) = stat.rsplit_once(')').expect("a name");
        let ticks = fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().expect("a number"));
        Duration::from_millis(10 * ticks.sum::<u64>())
    }

    /// How much memory it has in use, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("the process is there");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line about it");
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kib * 1024
    }

    /// Stops it as a supervisor does (SIGTERM), and waits until it has ended.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.process.wait().expect("it has ended")
    }

    /// Lets it run no more, as a machine that sleeps (SIGSTOP). Returns when it stands still.
    pub(crate) fn freeze(&self) {
        self.signal("STOP");
        wait_until_stopped(self.process.id());
    }

    /// Lets it run on.
    pub(crate) fn thaw(&self) {
        self.signal("CONT");
    }

    /// Lets it write no file longer than so many bytes (or "unlimited").
    pub(crate) fn limit_files(&self, bytes: &str) {
        let (process, limit) = (format!("--pid={}", self.process.id()), format!("--fsize={bytes}:unlimited"));
        let done = Command::new("prlimit").args([process, limit]).status();
        assert!(done.expect("prlimit").success(), "the limit is set");
    }

    fn signal(&self, name: &str) {
        // The shell's own `kill`: the program of that name is not installed everywhere.
        let done = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.process.id())]).status();
        assert!(done.expect("a shell").success(), "the signal {name} reaches the node");
    }

    /// Ends it as a power cut would (SIGKILL).
    pub(crate) fn kill(&mut self) {
        self.process.kill().expect("it can be killed");
        self.process.wait().expect("it has ended");
    }
}

impl Drop for ChildNode {
    fn drop(&mut self) {
        // Killed before, perhaps.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Waits until none of a process' threads runs: on a busy machine each gets to its signal when its turn comes.
pub(crate) fn wait_until_stopped(process: u32) {
    let is_stopped = |thread: &std::path::Path| {
        let stat = std::fs::read_to_string(thread.join("stat")).unwrap_or_default();
        // The state stands behind the name, which may contain anything.
        stat.rsplit_once(") ").is_none_or(|(_, state)| state.starts_with('T'))
    };
    let begun = Instant::now();
    loop {
        let threads = std::fs::read_dir(format!("/proc/{process}/task")).expect("its threads");
        if threads.flatten().all(|thread| is_stopped(&thread.path())) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "the process does not stop");
        std::thread::yield_now();
    }
}
