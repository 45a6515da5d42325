//! Nodes with a bus and a store, and the load that is put on them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::programs::{CORES, Folder, Running, ask, free_port, listens, start_postgres, start_redis};
use crate::process;
use crate::tools;

/// What a user of the load may send a second: more than any load asks for.
const SENDS: &str = "1000";

/// The programs under measurement.
#[derive(Clone, Debug)]
pub(super) struct Built {
    /// The server.
    pub(super) server: PathBuf,
    /// The driver.
    pub(super) stress: PathBuf,
    /// `bench/peers`, installed.
    pub(super) peers: PathBuf,
}

/// What is started.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum System {
    /// Trunkline on a store; whether with fsync.
    Trunkline(Store, bool),
    /// Socket.IO with its sharded Redis adapter.
    SocketIo,
}

/// Where Trunkline keeps everything.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Store {
    /// One file.
    Sqlite,
    /// A server.
    Postgres,
}

impl System {
    /// Its name in the report.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Trunkline(Store::Sqlite, false) => "Trunkline, SQLite, `os`",
            Self::Trunkline(Store::Sqlite, true) => "Trunkline, SQLite, `fsync`",
            Self::Trunkline(Store::Postgres, false) => "Trunkline, PostgreSQL, `os`",
            Self::Trunkline(Store::Postgres, true) => "Trunkline, PostgreSQL, `fsync`",
            Self::SocketIo => "Socket.IO, Redis adapter (sharded)",
        }
    }
}

/// What runs, until it is dropped.
#[derive(Debug)]
pub(super) struct Cluster {
    system: System,
    /// In this order they are stopped: nodes before what they need.
    pub(super) servers: Vec<Running>,
    /// Where clients connect.
    pub(super) nodes: Vec<u16>,
    /// Where Redis listens.
    pub(super) redis: u16,
    _folder: Folder,
}

/// Accounts and their database, to begin from again and again.
#[derive(Debug)]
pub(super) struct Prepared {
    /// The users' file of the driver.
    users: PathBuf,
    /// The database: what is beside it is copied.
    folder: Folder,
}

impl Cluster {
    /// Starts nodes with further arguments, on a copy of what was prepared.
    ///
    /// # Errors
    /// If something does not start.
    pub(super) fn start(
        built: &Built,
        system: System,
        count: usize,
        prepared: Option<&Prepared>,
        args: &[&str],
    ) -> Result<Self> {
        let folder = Folder::new("run")?;
        if let Some(prepared) = prepared {
            copy(&prepared.folder.0.join("data"), &folder.0.join("data"))?;
        } else {
            fs::create_dir_all(folder.0.join("data"))?;
        }
        let mut servers = Vec::new();
        let redis = free_port()?;
        let broker = start_redis(&folder.0, redis)?;
        let mut nodes = Vec::new();
        let mut database = None;
        if let System::Trunkline(Store::Postgres, fsync) = system {
            let port = free_port()?;
            database = Some((start_postgres(&folder.0.join("data"), port, fsync)?, port));
        }
        for number in 1..=count {
            let port = free_port()?;
            let database = database.as_ref().map(|&(_, port)| port);
            servers.push(start_node(built, system, &folder.0, number, port, redis, database, args)?);
            nodes.push(port);
        }
        for (server, &port) in servers.iter_mut().zip(&nodes) {
            server.wait_until(|| is_ready(system, port))?;
        }
        servers.extend(database.map(|(postgres, _)| postgres));
        servers.push(broker);
        Ok(Self { system, servers, nodes, redis, _folder: folder })
    }

    /// Runs the driver with further arguments; what it found.
    ///
    /// # Errors
    /// If it found nothing.
    pub(super) fn load(&self, built: &Built, prepared: Option<&Prepared>, args: &[&str]) -> Result<Value> {
        let mut stress = Command::new(&built.stress);
        stress.arg("load");
        match prepared {
            Some(prepared) => stress.arg(&prepared.users),
            None => stress.args(["--dialect", "socket-io"]),
        };
        for server in &self.servers {
            stress.args(["--process".to_owned(), format!("{}={}", server.name, server.pid())]);
        }
        self.name_nodes(&mut stress);
        stress.args(["--core", CORES.1, "--json"]).args(args).stderr(Stdio::inherit());
        let output = stress.output().context("could not start the driver")?;
        serde_json::from_slice(&output.stdout)
            .with_context(|| format!("the driver failed against {}", self.system.name()))
    }

    /// Kills the first node while so many clients are on it; how they came back.
    ///
    /// # Errors
    /// If that could not be seen.
    pub(super) fn storm(&self, built: &Built, prepared: &Prepared, clients: usize) -> Result<Value> {
        let mut stress = Command::new(&built.stress);
        stress.arg("storm").arg(&prepared.users).args(["--count", &clients.to_string(), "--core", CORES.1, "--json"]);
        let [lost, left @ ..] = &self.servers[..] else { bail!("there is no node") };
        stress.args(["--kill", &lost.pid().to_string()]);
        for server in left {
            stress.args(["--process".to_owned(), format!("{}={}", server.name, server.pid())]);
        }
        self.name_nodes(&mut stress);
        let output = stress.stderr(Stdio::inherit()).output().context("could not start the driver")?;
        serde_json::from_slice(&output.stdout).context("the driver could not make a storm")
    }

    fn name_nodes(&self, stress: &mut Command) {
        for node in &self.nodes {
            stress.args(["--node".to_owned(), format!("127.0.0.1:{node}")]);
        }
    }
}

impl Prepared {
    /// Makes accounts and conversations of these sizes on new nodes, and stops the nodes.
    ///
    /// # Errors
    /// If that fails.
    pub(super) fn make(built: &Built, store: Store, users: usize, sizes: &[usize]) -> Result<Self> {
        let folder = Folder::new(if store == Store::Sqlite { "sqlite" } else { "postgres" })?;
        let file = folder.0.join("users.json");
        let cluster = Cluster::start(built, System::Trunkline(store, false), 2, None, &[])?;
        for size in sizes {
            let mut stress = Command::new(&built.stress);
            stress.arg("users").arg(&file).args(["--count", &users.to_string(), "--group", &size.to_string()]);
            cluster.name_nodes(&mut stress);
            process::run(&mut stress, "the users could not be made")?;
        }
        let data = cluster._folder.0.join("data");
        let Cluster { servers, _folder: run, .. } = cluster;
        // All of it is on the disk once they have ended.
        servers.into_iter().for_each(drop);
        copy(&data, &folder.0.join("data"))?;
        drop(run);
        Ok(Self { users: file, folder })
    }
}

#[expect(clippy::too_many_arguments, reason = "each is one thing that a node is told")]
fn start_node(
    built: &Built,
    system: System,
    folder: &Path,
    number: usize,
    port: u16,
    redis: u16,
    postgres: Option<u16>,
    more: &[&str],
) -> Result<Running> {
    let (name, bus) = (format!("node-{number}"), format!("redis://127.0.0.1:{redis}"));
    let System::Trunkline(_, fsync) = system else {
        let node = tools::system::NODE.find().context("there is no Node.js")?;
        let script = built.peers.join("socket-io.mjs").display().to_string();
        return Running::start(&name, folder, &node, &[&script, &port.to_string(), &bus]);
    };
    let database = match postgres {
        Some(port) => format!("postgres://trunkline@127.0.0.1:{port}/postgres"),
        None => format!("sqlite:{}", folder.join("data/trunkline.db").display()),
    };
    let durability = if fsync { "fsync" } else { "os" };
    let listen = format!("127.0.0.1:{port}");
    let mut args = vec!["--listen", &listen, "--database", &database, "--durability", durability, "--bus", &bus];
    args.extend(["--sends-per-second", SENDS, "--log", "warn", "--drain-seconds", "0"]);
    args.extend(more);
    Running::start(&name, folder, &built.server, &args)
}

fn is_ready(system: System, port: u16) -> bool {
    match system {
        // A node that has found the others.
        System::Trunkline(..) => {
            ask(port, "GET /readyz HTTP/1.0\r\n\r\n").is_some_and(|answer| answer.contains(r#""bus":"up""#))
        }
        System::SocketIo => listens(port),
    }
}

/// Copies a folder with its owners and rights.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let mut copy = Command::new("cp");
    copy.arg("-a").arg(from).arg(to);
    process::run(&mut copy, "the prepared data can not be copied")
}

/// Whether the server can be given a PostgreSQL database.
///
/// # Errors
/// If it does not say.
pub(super) fn knows_postgres(server: &Path) -> Result<bool> {
    let help = Command::new(server).arg("--help").output().context("could not start the server")?;
    if !help.status.success() {
        bail!("the server does not start");
    }
    Ok(String::from_utf8_lossy(&help.stdout).contains("postgres"))
}
