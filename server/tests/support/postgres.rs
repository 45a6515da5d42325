//! A real PostgreSQL for tests: its own cluster in a temporary folder, reached through a Unix socket there, on no port.
//!
//! It runs as an unprivileged user, also where the tests are run by root, whom it would refuse. It can be killed, started
//! again, and frozen. It ends with the test's process, however that ends, and so does its folder. A test that needs it
//! **fails** where PostgreSQL is missing; it is never skipped.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long a server may take to answer after it was started, on a machine that has much to do.
const UP_WITHIN: Duration = Duration::from_secs(30);

/// Who owns the databases.
const OWNER: &str = "chat";

/// A cluster.
pub(crate) struct PostgresServer {
    folder: PathBuf,
    process: Option<Child>,
    settings: Vec<String>,
    databases: AtomicUsize,
    /// Removes everything when its input is closed, which the system does for a process that was killed.
    _janitor: Child,
}

impl PostgresServer {
    /// The one that a whole test program shares. It does not wait for its disk.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<PostgresServer> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&["fsync=off"]))
    }

    /// A new one, with settings such as `fsync=off`, which answers.
    pub(crate) fn start(settings: &[&str]) -> Self {
        // A short path: those of Unix sockets have about a hundred characters.
        let folder = tempfile::Builder::new().prefix("pg").tempdir_in("/tmp").expect("a temporary folder").keep();
        let janitor = hire_janitor(&folder);
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        if let Some((user, group)) = unprivileged() {
            chown(&folder, Some(user), Some(group)).expect("a folder can be given away");
        }
        let mut server = Self { folder, process: None, settings, databases: AtomicUsize::new(0), _janitor: janitor };
        let made = server
            .program("initdb")
            .args(["--auth=trust", "--username=trunkline", "--encoding=UTF8", "--locale=C", "--no-sync"])
            .arg("--pgdata=data")
            .output()
            .expect("initdb runs");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        server.start_again();
        server.sql("postgres", &format!("CREATE ROLE {OWNER} LOGIN"));
        server
    }

    /// Starts it after [`Self::kill`] or [`Self::stop`], and waits until it answers.
    pub(crate) fn start_again(&mut self) {
        let mut command = self.program("postgres");
        command.args(["-D", "data", "-h", "", "-k"]).arg(&self.folder);
        for setting in ["max_connections=200", "logging_collector=off", "autovacuum_naptime=5s"] {
            command.args(["-c", setting]);
        }
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        let log = fs::File::options().create(true).append(true).open(self.folder.join("log")).expect("a log");
        command.stdout(Stdio::null()).stderr(log);
        self.process = Some(command.spawn().expect("postgres runs"));
        let deadline = Instant::now() + UP_WITHIN;
        while !self.answers() {
            assert!(Instant::now() < deadline, "postgres did not start: {}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Writes a file that only the server's user may read, into its folder or below.
    pub(crate) fn put(&self, name: &str, text: &str) {
        let path = self.folder.join(name);
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("its own");
        if let Some((user, group)) = unprivileged() {
            chown(&path, Some(user), Some(group)).expect("a file can be given away");
        }
    }

    /// Sets what the next start runs with.
    pub(crate) fn set(&mut self, settings: &[&str]) {
        self.settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
    }

    /// A database of its own, empty; its URL, for its owner, who may do nothing else.
    pub(crate) fn database(&self) -> String {
        let name = format!("d{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name} OWNER {OWNER} TEMPLATE template0"));
        self.url_of(OWNER, &name)
    }

    /// The URL of a database, for the user who may do everything.
    pub(crate) fn url(&self, database: &str) -> String {
        self.url_of("trunkline", database)
    }

    /// The same for another user.
    pub(crate) fn url_of(&self, user: &str, database: &str) -> String {
        let folder = self.folder.display().to_string().replace('/', "%2F");
        format!("postgres://{user}@{folder}/{database}")
    }

    /// Runs statements and gives what they say, one row a line.
    pub(crate) fn sql(&self, database: &str, sql: &str) -> String {
        let said = self.psql(database, sql);
        assert!(said.status.success(), "{sql}: {}", String::from_utf8_lossy(&said.stderr));
        String::from_utf8_lossy(&said.stdout).trim_end().to_owned()
    }

    /// Ends it as a crash would (SIGKILL), and waits until all of its processes are gone.
    pub(crate) fn kill(&mut self) {
        self.signal("KILL");
        self.gone();
    }

    /// Stops it in order.
    pub(crate) fn stop(&mut self) {
        self.signal("INT");
        self.gone();
    }

    /// Freezes it with all its processes: its sockets stay open, and nobody answers (SIGSTOP).
    pub(crate) fn freeze(&self) {
        self.signal_all("STOP");
    }

    /// Lets it go on (SIGCONT).
    pub(crate) fn thaw(&self) {
        self.signal_all("CONT");
    }

    /// One of its programs, run where it lives by the user who may.
    pub(crate) fn program(&self, name: &str) -> Command {
        let mut command = Command::new(find(name));
        command.current_dir(&self.folder).stdin(Stdio::null()).env("PGHOST", &self.folder).env("PGUSER", "trunkline");
        // The socket's name has the port's number.
        if let Some(port) = self.settings.iter().find_map(|setting| setting.strip_prefix("port=")) {
            command.env("PGPORT", port);
        }
        if let Some((user, group)) = unprivileged() {
            command.uid(user).gid(group);
        }
        command
    }

    /// Where its files are.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    fn psql(&self, database: &str, sql: &str) -> std::process::Output {
        let options = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"];
        self.program("psql").args(options).args(["-d", database, "-c", sql]).output().expect("psql runs")
    }

    fn answers(&self) -> bool {
        self.psql("postgres", "SELECT 1").status.success()
    }

    fn signal(&self, name: &str) {
        send(name, &[self.process.as_ref().expect("the server runs").id()]);
    }

    /// The parent last or first, so that it does not take a frozen child for a dead one; it does not mind either.
    fn signal_all(&self, name: &str) {
        let parent = self.process.as_ref().expect("the server runs").id();
        let mut all = vec![parent];
        all.extend(children(parent));
        send(name, &all);
    }

    fn gone(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        let left = children(process.id());
        process.wait().expect("postgres has ended");
        let deadline = Instant::now() + UP_WITHIN;
        // What serves a connection notices that its parent is gone, and would be in the way of a new one.
        while left.iter().any(|id| is_postgres(*id)) {
            assert!(Instant::now() < deadline, "processes of postgres are left");
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = fs::remove_file(self.folder.join("data/postmaster.pid"));
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        if let Some(process) = &self.process {
            send("QUIT", &[process.id()]);
            self.gone();
        }
    }
}

/// Starts somebody who waits for the end of this process and then clears up.
fn hire_janitor(folder: &Path) -> Child {
    let script = "cat; test -f \"$0/data/postmaster.pid\" && kill -QUIT $(head -n 1 \"$0/data/postmaster.pid\"); \
                  n=0; while test -e \"$0/data/postmaster.pid\" && test $n -lt 100; do sleep 0.1; n=$((n+1)); done; \
                  rm -rf \"$0\"";
    Command::new("sh")
        .args(["-c", script])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Not in the terminal's group: Ctrl+C is for the tests.
        .process_group(0)
        .spawn()
        .expect("a shell")
}

fn send(signal: &str, processes: &[u32]) {
    let ids: Vec<_> = processes.iter().map(ToString::to_string).collect();
    // The shell's own `kill`: the program of that name is not installed everywhere. A child may be gone by now.
    let done = Command::new("sh").args(["-c", &format!("kill -{signal} {} 2>/dev/null; true", ids.join(" "))]).status();
    assert!(done.expect("a shell").success(), "the signal {signal} reaches postgres");
}

fn children(parent: u32) -> Vec<u32> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let ids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|id| stat(*id).is_some_and(|(of, _)| of == parent)).collect()
}

/// Whether this is one of those that were seen, and not another process that has got the number since.
fn is_postgres(id: u32) -> bool {
    stat(id).is_some_and(|(_, state)| state != "Z")
        && fs::read_to_string(format!("/proc/{id}/comm")).is_ok_and(|name| name.trim() == "postgres")
}

/// A process' parent and state.
fn stat(id: u32) -> Option<(u32, String)> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?.to_owned();
    Some((fields.next()?.parse().ok()?, state))
}

/// Whom root hands the server to: PostgreSQL's own user, or nobody.
fn unprivileged() -> Option<(u32, u32)> {
    if fs::metadata("/proc/self").expect("a process").uid() != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").expect("users");
    let ids = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    Some(ids("postgres").or_else(|| ids("nobody")).expect("a user who is not root"))
}

/// Debian keeps the programs of each version in a folder of its own; the newest is taken.
fn find(name: &str) -> PathBuf {
    let versions =
        fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let mut found: Vec<_> =
        versions.map(|version| version.join("bin").join(name)).filter(|path| path.exists()).collect();
    found.sort_by_key(|path| path.to_string_lossy().split('/').find_map(|part| part.parse::<u32>().ok()));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.exists());
    found.pop().or(on_path).unwrap_or_else(|| {
        panic!("this test needs {name}: install the package postgresql (Debian: apt-get install postgresql)")
    })
}
