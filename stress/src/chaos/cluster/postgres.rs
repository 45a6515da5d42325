//! PostgreSQL, in a folder of its own.

use super::program::{Program, children, find, signal_to};
use anyhow::{Context as _, Result, ensure};
use rustix::process::{Signal, geteuid};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::{Client, NoTls};

/// "nobody", on every Linux: it refuses to be run by root.
const NOBODY: &str = "65534";
/// How long it may take to answer.
const ANSWER: Duration = Duration::from_secs(2);
/// How long what served its connections may take to notice that it is gone.
const GONE_WITHIN: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Debug)]
pub(crate) struct Postgres {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    data: PathBuf,
    folder: PathBuf,
    program: Option<Program>,
}

impl Postgres {
    /// Makes a cluster in `data`, which is there and empty, and starts it.
    ///
    /// # Errors
    /// If it is missing or does not start.
    pub(super) async fn new(address: SocketAddr, folder: &Path, data: &Path) -> Result<Self> {
        if geteuid().is_root() {
            run(Command::new("chown").arg(NOBODY).arg(data))?;
        }
        let mut initdb = unprivileged(&find("initdb")?);
        initdb.args(["--username=trunkline", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]);
        // A small file that is written ahead: a disk that is nearly full matters sooner.
        run(initdb.arg("--wal-segsize=1").arg("--pgdata").arg(data).current_dir(data))?;
        let mut postgres = Self { address, data: data.to_owned(), folder: folder.to_owned(), program: None };
        postgres.start().await?;
        Ok(postgres)
    }

    /// Starts it again.
    ///
    /// # Errors
    /// If it does not start.
    pub(crate) async fn start(&mut self) -> Result<()> {
        let mut command = unprivileged(&find("postgres")?);
        command.args(["-D".as_ref(), self.data.as_os_str()]).args(["-p", &self.address.port().to_string()]);
        let settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200"];
        let more = ["max_wal_size=8MB", "min_wal_size=2MB", "log_min_messages=fatal", "log_min_error_statement=fatal"];
        command.args(settings.iter().chain(&more).flat_map(|setting| ["-c", setting]));
        command.current_dir(&self.data);
        let mut program = Program::start("postgres", &mut command, &self.folder)?;
        let address = self.address;
        program.ready(async || connect(address).await.is_ok()).await?;
        self.program = Some(program);
        Ok(())
    }

    /// Whether it runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.program.as_mut().is_some_and(Program::runs)
    }

    /// Ends it as a power cut would: all its processes.
    pub(crate) async fn kill(&mut self) {
        let Some(mut program) = self.program.take() else { return };
        let serving = children(program.id());
        program.kill();
        serving.iter().for_each(|child| signal_to(*child, Signal::KILL));
        let until = Instant::now() + GONE_WITHIN;
        while serving.iter().any(|child| Path::new(&format!("/proc/{child}")).exists()) && Instant::now() < until {
            sleep(Duration::from_millis(10)).await;
        }
        // The file names a process that is no more, or is another one by now.
        let _ = std::fs::remove_file(self.data.join("postmaster.pid"));
    }

    /// A connection to it that bypasses the proxies.
    ///
    /// # Errors
    /// If it does not answer.
    pub(crate) async fn connect(&self) -> Result<Client> {
        connect(self.address).await
    }
}

async fn connect(address: SocketAddr) -> Result<Client> {
    let mut config = tokio_postgres::Config::new();
    config.host(address.ip().to_string()).port(address.port()).user("trunkline").dbname("postgres");
    let (client, connection) = timeout(ANSWER, config.connect(NoTls)).await.context("PostgreSQL does not answer")??;
    // It ends with the client.
    tokio::spawn(connection);
    Ok(client)
}

fn unprivileged(program: &Path) -> Command {
    if !geteuid().is_root() {
        return Command::new(program);
    }
    let (user, group) = (format!("--reuid={NOBODY}"), format!("--regid={NOBODY}"));
    let mut command = Command::new("setpriv");
    command.args([&user, &group, "--clear-groups"]).arg(program);
    command
}

fn run(command: &mut Command) -> Result<()> {
    let done = command.stdin(Stdio::null()).output().with_context(|| format!("{command:?} does not start"))?;
    ensure!(done.status.success(), "{command:?} failed: {}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}
