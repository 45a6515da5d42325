//! A real Redis for one test: its own process, port and folder, gone when the test ends.
//!
//! It can be killed, started again on the same port, and frozen. A test that needs it **fails** where the program
//! `redis-server` (or `valkey-server`) is missing; it is never skipped.

use redis::{Client, FromRedisValue, Value};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A Redis server that keeps nothing on disk.
pub(crate) struct RedisServer {
    folder: TempDir,
    port: u16,
    setup: Setup,
    process: Option<Child>,
}

/// What is special about a server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Setup {
    /// Another program than `redis-server`.
    pub(crate) program: Option<PathBuf>,
    /// A Sentinel and no store.
    pub(crate) is_sentinel: bool,
    /// Further settings.
    pub(crate) settings: Vec<String>,
}

impl Setup {
    /// A server with these settings, as in `["--cluster-enabled", "yes"]`.
    pub(crate) fn with(settings: &[&str]) -> Self {
        Self { settings: settings.iter().map(|word| (*word).to_owned()).collect(), ..Self::default() }
    }
}

/// The program `valkey-server`: of the system, or where `cargo xtask test` puts it.
pub(crate) fn valkey() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let of_system = std::env::split_paths(&path).map(|folder| folder.join("valkey-server"));
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target folder");
    let mut all = of_system.chain([target.join("tools/valkey-server")]);
    all.find(|program| program.is_file())
        .expect("this test needs the program valkey-server: `cargo xtask test` brings it")
}

impl RedisServer {
    /// Starts one and waits until it answers.
    pub(crate) fn start() -> Self {
        Self::start_with(&Setup::default())
    }

    /// The same for a special one.
    pub(crate) fn start_with(setup: &Setup) -> Self {
        // The free port was only seen to be free, and tests run side by side.
        for _ in 0..20 {
            let mut server = Self::stopped_with(setup);
            if server.try_start() {
                return server;
            }
        }
        panic!("the server did not start on any of 20 ports");
    }

    /// One that has an address and does not run yet: see [`Self::start_again`].
    pub(crate) fn stopped() -> Self {
        Self::stopped_with(&Setup::default())
    }

    fn stopped_with(setup: &Setup) -> Self {
        let (folder, setup) = (TempDir::new().expect("a temporary folder"), setup.clone());
        Self { folder, port: free_port(), setup, process: None }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Where it is, as a client wants it.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Where it is as well, through a Unix socket.
    pub(crate) fn unix_url(&self) -> String {
        format!("redis+unix://{}", self.folder.path().join("redis.sock").display())
    }

    /// Starts it on the port it had, empty.
    pub(crate) fn start_again(&mut self) {
        assert!(self.try_start(), "redis-server did not start on port {}", self.port);
    }

    /// Ends it as a crash would (SIGKILL).
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("redis-server can be killed");
            process.wait().expect("redis-server has ended");
        }
    }

    /// Freezes it: its sockets stay open, and nobody answers (SIGSTOP).
    pub(crate) fn freeze(&self) {
        self.signal("STOP");
    }

    /// Lets it go on (SIGCONT).
    pub(crate) fn thaw(&self) {
        self.signal("CONT");
    }

    /// Runs a command, as in `["CLIENT", "KILL", "TYPE", "pubsub"]`.
    pub(crate) fn command(&self, words: &[&str]) -> Value {
        self.try_command(words).expect("Redis answers")
    }

    /// Runs a command and understands the answer.
    pub(crate) fn ask<T: FromRedisValue>(&self, words: &[&str]) -> T {
        T::from_redis_value(self.command(words)).expect("an answer as expected")
    }

    fn try_command(&self, words: &[&str]) -> redis::RedisResult<Value> {
        let limit = Duration::from_secs(5);
        let mut connection = Client::open(self.url())?.get_connection_with_timeout(limit)?;
        connection.set_read_timeout(Some(limit))?;
        let mut command = redis::Cmd::new();
        command.arg(words).query(&mut connection)
    }

    fn try_start(&mut self) -> bool {
        let default = PathBuf::from("redis-server");
        let mut command = Command::new(self.setup.program.as_ref().unwrap_or(&default));
        if self.setup.is_sentinel {
            // It writes what it finds out into its settings.
            std::fs::write(self.folder.path().join("sentinel.conf"), "").expect("written");
            command.args(["sentinel.conf", "--sentinel"]);
        } else {
            command.args(["--save", "", "--appendonly", "no", "--unixsocket", "redis.sock"]);
        }
        let process = command
            .args(["--bind", "127.0.0.1", "--daemonize", "no", "--port", &self.port.to_string()])
            .args(&self.setup.settings)
            .current_dir(self.folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("this test needs the program redis-server: install the package of that name (Debian: apt-get install redis-server)");
        let id = format!("process_id:{}\r\n", process.id());
        self.process = Some(process);
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline && self.runs() {
            // Somebody else's server may answer on the port, if both saw it free.
            if let Ok(Value::BulkString(info)) = self.try_command(&["INFO", "server"]) {
                return String::from_utf8_lossy(&info).contains(&id);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }

    fn runs(&mut self) -> bool {
        self.process.as_mut().is_some_and(|process| matches!(process.try_wait(), Ok(None)))
    }

    fn signal(&self, name: &str) {
        let id = self.process.as_ref().expect("the server runs").id();
        // The shell's own `kill`: the program of that name is not installed everywhere.
        let done = Command::new("sh").args(["-c", &format!("kill -{name} {id}")]).status();
        assert!(done.expect("a shell").success(), "the signal {name} reaches redis-server");
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A free port below those that the system gives to outgoing connections. Among those, a client that dials while
/// the server is down can be given the server's own port, connect to itself, and keep the server from coming back.
pub(crate) fn free_port() -> u16 {
    loop {
        let [high, low, ..] = uuid::Uuid::new_v4().into_bytes();
        let port = 10_000 + u16::from_be_bytes([high, low]) % 20_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
