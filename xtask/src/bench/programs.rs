//! The servers that are measured: started on one core and on free ports, in a folder of their own, and stopped for
//! certain.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::process;
use crate::tools;

/// Where everything but the driver runs, and where the driver.
pub(super) const CORES: (&str, &str) = ("0", "1");
/// How long a server may take to start, and to end.
const PATIENCE: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(20);

/// A folder that is gone in the end. Not among the system's temporary files, which may be kept in memory, where an
/// fsync costs nothing.
#[derive(Debug)]
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    /// A new one.
    ///
    /// # Errors
    /// If it can not be made.
    pub(super) fn new(name: &str) -> Result<Self> {
        let path = Path::new("/var/tmp").join(format!("trunkline-bench-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).with_context(|| format!("could not make {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left behind is in the way of nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A server that runs until this is dropped.
#[derive(Debug)]
pub(super) struct Running {
    /// Its name in the report.
    pub(super) name: String,
    child: Child,
    log: PathBuf,
}

impl Running {
    /// Starts a program on the servers' core. What it says goes into a file in `folder`.
    ///
    /// # Errors
    /// If it can not be started.
    pub(super) fn start(name: &str, folder: &Path, program: &Path, args: &[&str]) -> Result<Self> {
        Self::start_by(&[], name, folder, program, args)
    }

    /// The same through other programs that become it, such as one that gives up rights.
    ///
    /// # Errors
    /// As [`Running::start`].
    pub(super) fn start_by(by: &[&str], name: &str, folder: &Path, program: &Path, args: &[&str]) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let file = File::create(&log).with_context(|| format!("could not write {}", log.display()))?;
        let mut command = Command::new("taskset");
        command.args(["-c", CORES.0]).args(by).arg(program).args(args).current_dir(folder);
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let child = command.spawn().with_context(|| format!("could not start {name} through taskset (util-linux)"))?;
        Ok(Self { name: name.to_owned(), child, log })
    }

    /// Its process.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it is ready.
    ///
    /// # Errors
    /// If it ends or takes too long, with what it said last.
    pub(super) fn wait_until(&mut self, ready: impl Fn() -> bool) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        loop {
            if ready() {
                return Ok(());
            }
            let ended = self.child.try_wait().context("could not look after a server")?;
            if ended.is_some() || Instant::now() > until {
                let said = fs::read_to_string(&self.log).unwrap_or_default();
                bail!("{} did not start:\n{said}", self.name);
            }
            thread::sleep(LOOK);
        }
    }

    /// Kills it, as a power cut would.
    pub(super) fn kill(&mut self) {
        self.signal(Signal::KILL);
        let _ = self.child.wait();
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // It may have ended already.
            let _ = kill_process(pid, signal);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.signal(Signal::TERM);
        let until = Instant::now() + PATIENCE;
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > until {
                return self.kill();
            }
            thread::sleep(LOOK);
        }
    }
}

/// A port that is free now.
///
/// # Errors
/// If there is none.
pub(super) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Whether somebody listens there.
pub(super) fn listens(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// What a server answers to these bytes, as far as it comes at once; nothing if it does not.
pub(super) fn ask(port: u16, question: &str) -> Option<String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
    stream.write_all(question.as_bytes()).ok()?;
    let mut answer = vec![0; 64 * 1024];
    let length = stream.read(&mut answer).ok()?;
    answer.truncate(length);
    String::from_utf8(answer).ok()
}

/// Starts Redis, which keeps nothing on the disk.
///
/// # Errors
/// If it does not start.
pub(super) fn start_redis(folder: &Path, port: u16) -> Result<Running> {
    let program = tools::system::REDIS.find().context("there is no redis-server")?;
    let port_text = port.to_string();
    let args = ["--port", &port_text, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
    let mut redis = Running::start("redis", folder, &program, &args)?;
    redis.wait_until(|| ask(port, "PING\r\n").is_some_and(|answer| answer.starts_with("+PONG")))?;
    Ok(redis)
}

/// PostgreSQL refuses to run as root: then it runs as nobody.
fn unprivileged() -> &'static [&'static str] {
    if process::is_root() { &["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] } else { &[] }
}

/// Starts PostgreSQL on the data in `folder/postgres`, which is made if it is not there.
///
/// # Errors
/// If it is not installed or does not start.
pub(super) fn start_postgres(folder: &Path, port: u16, fsync: bool) -> Result<Running> {
    let initdb = postgres_program("initdb")?;
    let data = folder.join("postgres");
    let by = unprivileged();
    if !data.exists() {
        fs::create_dir(&data)?;
        if process::is_root() {
            let mut chown = Command::new("chown");
            process::run(chown.arg("nobody:nogroup").arg(&data), "the data folder can not be given away")?;
        }
        let mut make = command_by(by, &initdb);
        make.args(["--username=trunkline", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--pgdata"]);
        process::run(make.arg(&data).stdout(Stdio::null()), "PostgreSQL's data can not be made")?;
    }
    let (data, port_text) = (data.display().to_string(), port.to_string());
    let fsync = format!("fsync={}", if fsync { "on" } else { "off" });
    let args = [
        "-D",
        &data,
        "-p",
        &port_text,
        "-c",
        "listen_addresses=127.0.0.1",
        "-c",
        "unix_socket_directories=",
        "-c",
        &fsync,
    ];
    let mut postgres = Running::start_by(by, "postgres", folder, &postgres_program("postgres")?, &args)?;
    let is_ready = postgres_program("pg_isready")?;
    postgres.wait_until(|| {
        let mut probe = Command::new(&is_ready);
        probe.args(["--quiet", "--host=127.0.0.1", "--port", &port_text]);
        probe.status().is_ok_and(|status| status.success())
    })?;
    Ok(postgres)
}

fn command_by(by: &[&str], program: &Path) -> Command {
    let mut words = by.iter().map(PathBuf::from).chain([program.to_owned()]);
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words);
    command
}

/// On PATH, or where Debian keeps the servers of each version.
fn postgres_program(name: &str) -> Result<PathBuf> {
    if let Some(found) = tools::find(&[name]) {
        return Ok(found);
    }
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<_> = versions.map(|version| version.path().join("bin").join(name)).collect();
    found.retain(|path| path.is_file());
    found.sort();
    found.pop().with_context(|| format!("{name} is not installed (on Debian: apt-get install postgresql)"))
}
