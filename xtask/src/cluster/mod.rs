//! `cluster`: what `deploy/compose.yaml` describes, with the real programs on free ports of this machine, until Ctrl-C.
//!
//! # Layout
//!
//! - [`topology`] what there is, and with which settings
//! - [`service`] one program
//! - [`postgres`] the database, as a user who may run it

mod postgres;
#[cfg(test)]
mod schemas;
mod service;
#[cfg(test)]
mod tests;
mod topology;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::cli::Database;
use crate::pipeline::{self, Mode};
use crate::process;
use crate::tools::system::{self, NGINX, POSTGRES, REDIS};
use crate::workspace::Workspace;
use service::Service;

/// How long each program may take until it answers.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// How long the programs that hold nothing may take to end.
const END_WITHIN: Duration = Duration::from_secs(5);
/// How often it is looked whether all of them still run.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What is asked for.
pub(crate) struct Wanted {
    /// How the server is built.
    pub(crate) mode: Mode,
    /// How many nodes.
    pub(crate) nodes: usize,
    /// What they keep everything in.
    pub(crate) database: Database,
    /// Whether the server was built before.
    pub(crate) built: bool,
    /// Where programs want to read what was started.
    pub(crate) describe: Option<PathBuf>,
}

/// Builds the server, starts everything, and stops it again on Ctrl-C.
///
/// # Errors
/// Those of the build, and of a program that is missing, does not start, or ends by itself.
pub(crate) fn run(workspace: &Workspace, wanted: &Wanted) -> Result<ExitCode> {
    system::ensure(match wanted.database {
        Database::Sqlite => &[REDIS, NGINX],
        Database::Postgres => &[REDIS, NGINX, POSTGRES],
    })?;
    let binary = match wanted.built {
        true => pipeline::binary(workspace, wanted.mode),
        false => pipeline::build(workspace, wanted.mode)?,
    };
    let interrupted = process::notice_interrupts()?;
    let folder = Folder::new()?;
    let mut cluster = Cluster::start(workspace, &folder.0, &binary, wanted)?;
    println!("{}", cluster.invitation(&folder.0));
    if let Some(file) = &wanted.describe {
        write_at_once(file, &cluster.description(&folder.0).to_string())?;
    }
    let ended = cluster.watch(&interrupted);
    println!("\nStopping.");
    cluster.stop();
    ended.map(|()| ExitCode::SUCCESS)
}

struct Cluster {
    door: u16,
    nodes: Vec<Service>,
    /// Where the nodes listen.
    node_ports: Vec<u16>,
    /// What the nodes stand on, and nginx; in the order of their start.
    others: Vec<Service>,
}

impl Cluster {
    fn start(workspace: &Workspace, folder: &Path, binary: &Path, wanted: &Wanted) -> Result<Self> {
        let ports = free_ports(wanted.nodes + 3)?;
        let (door, redis_port, database_port, node_ports) = (ports[0], ports[1], ports[2], &ports[3..]);
        let mut others = vec![redis(folder, redis_port)?];
        let database = match wanted.database {
            Database::Sqlite => format!("sqlite:{}", folder.join("trunkline.db").display()),
            Database::Postgres => {
                let (service, url) = postgres::start(folder, database_port)?;
                others.push(service);
                url
            }
        };
        let bus = format!("redis://127.0.0.1:{redis_port}");
        let mut nodes = Vec::new();
        for (number, port) in (1..).zip(node_ports) {
            let listen = format!("127.0.0.1:{port}");
            let mut command = Command::new(binary);
            for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TRUNKLINE_")) {
                command.env_remove(name);
            }
            command.envs(topology::node(&listen, &database, &bus, "127.0.0.1")).current_dir(folder);
            let mut node = Service::start(&format!("node-{number}"), &mut command, folder)?;
            node.wait(READY_WITHIN, || answers(*port, "/readyz"))?;
            nodes.push(node);
        }
        let configuration = folder.join("nginx.conf");
        let deploy = workspace.root.join("deploy");
        std::fs::write(&configuration, topology::nginx(&deploy, folder, door, node_ports, process::is_root()))?;
        let mut command = Command::new(NGINX.find().context("nginx is missing")?);
        command.args(["-e", "stderr", "-p"]).arg(folder).arg("-c").arg(&configuration);
        let mut nginx = Service::start("nginx", &mut command, folder)?;
        nginx.wait(READY_WITHIN, || answers(door, "/readyz"))?;
        others.push(nginx);
        Ok(Self { door, nodes, node_ports: node_ports.to_vec(), others })
    }

    /// What to do now.
    fn invitation(&self, folder: &Path) -> String {
        let all = self.nodes.iter().chain(&self.others);
        let programs: String = all.map(|service| format!("    {:<10} {}\n", service.name, service.id())).collect();
        let first = self.nodes.first().map_or(0, Service::id);
        format!(
            "
  Trunkline is at http://127.0.0.1:{door}, on {count} nodes.
  Open it in two browsers: the first account is the administrator's, and /console says on which node each is.

  Programs and their processes (their logs are in {folder}):
{programs}
  Try, while people write:
    kill -TERM {first}   a deploy: everybody moves to another node, and nobody notices
    kill -KILL {first}   a crash: they come back elsewhere, and nothing is lost
  Ctrl-C stops everything.",
            door = self.door,
            count = self.nodes.len(),
            folder = folder.display(),
        )
    }

    /// The same for programs.
    fn description(&self, folder: &Path) -> Value {
        let node =
            |(service, port): (&Service, &u16)| json!({ "name": service.name, "process": service.id(), "port": port });
        let other = |service: &Service| json!({ "name": service.name, "process": service.id() });
        json!({
            "door": self.door,
            "nodes": self.nodes.iter().zip(&self.node_ports).map(node).collect::<Vec<_>>(),
            "others": self.others.iter().map(other).collect::<Vec<_>>(),
            "logs": folder,
        })
    }

    /// Until the user says so, or nothing serves any more: programs may be ended to see what happens.
    fn watch(&mut self, interrupted: &AtomicBool) -> Result<()> {
        while !interrupted.load(Ordering::Relaxed) {
            let mut serving = 0;
            for node in &mut self.nodes {
                serving += usize::from(node.is_running()?);
            }
            if serving == 0 {
                let last = self.nodes.last().map(Service::tail).unwrap_or_default();
                bail!("all nodes have ended; the last one said:\n{last}");
            }
            thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// The nodes first, all at once: they take leave of what the others are for.
    fn stop(mut self) {
        self.nodes.iter_mut().for_each(Service::ask_to_end);
        for node in &mut self.nodes {
            node.end(Duration::from_secs(topology::STOP_SECONDS));
        }
        for service in self.others.iter_mut().rev() {
            service.ask_to_end();
            service.end(END_WITHIN);
        }
    }
}

/// Writes a file that is not there before it is whole: somebody waits for it.
fn write_at_once(file: &Path, text: &str) -> Result<()> {
    let beside = file.with_extension("part");
    std::fs::write(&beside, text)
        .and_then(|()| std::fs::rename(&beside, file))
        .with_context(|| format!("could not write {}", file.display()))
}

fn redis(folder: &Path, port: u16) -> Result<Service> {
    let mut command = Command::new(REDIS.find().context("redis-server is missing")?);
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string()]).args(topology::REDIS).current_dir(folder);
    let mut redis = Service::start("redis", &mut command, folder)?;
    redis.wait(READY_WITHIN, || said(port, b"PING\r\n").starts_with("+PONG"))?;
    Ok(redis)
}

/// Whether a page is answered with 200.
fn answers(port: u16, path: &str) -> bool {
    said(port, format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").as_bytes()).contains(" 200 ")
}

/// The beginning of what somebody says to this; nothing if nobody is there.
fn said(port: u16, words: &[u8]) -> String {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(words)?;
        let mut answer = [0; 64];
        let length = stream.read(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
    };
    ask().unwrap_or_default()
}

/// Ports that nobody listens on now.
fn free_ports(count: usize) -> Result<Vec<u16>> {
    // All at once, or the same one could come twice.
    let listeners: std::io::Result<Vec<_>> = (0..count).map(|_| TcpListener::bind(("127.0.0.1", 0))).collect();
    let ports: std::io::Result<Vec<_>> = listeners?.iter().map(|listener| Ok(listener.local_addr()?.port())).collect();
    ports.context("the system gave no port")
}

/// A folder of its own, gone in the end. Not below the project: the database's user must be able to enter it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("trunkline-cluster-{}", std::process::id()));
        std::fs::create_dir(&folder).with_context(|| format!("could not make {}", folder.display()))?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left in a temporary folder is nobody's loss.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
