//! Three nodes behind nginx, with Redis and a database, and a proxy in every way between two parts.
//!
//! Everything runs in a folder of its own and is ended with this.
//!
//! # Layout
//!
//! - [`node`], [`redis`], [`postgres`], [`nginx`]: the programs
//! - [`program`]: what they have in common
//! - [`ask`]: asking a node something over HTTP
//! - `who`: which node it is that connects

pub(crate) mod ask;
mod nginx;
mod node;
mod postgres;
mod program;
mod redis;
mod who;

pub(crate) use node::Node;
pub(crate) use program::find;

use super::proxy::{Link, Proxy, Who};
use anyhow::{Context as _, Result};
use clap::ValueEnum;
use nginx::Nginx;
use node::Processes;
use postgres::Postgres;
use redis::Redis;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

/// How many nodes there are.
pub(crate) const NODES: usize = 3;

/// What the nodes keep everything in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Database {
    /// One file, which all of them share.
    Sqlite,
    /// A server.
    Postgres,
}

impl Database {
    /// As it stands in tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// What it is made of.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The server's binary.
    pub(crate) binary: PathBuf,
    /// The project's folder of that name.
    pub(crate) deploy: PathBuf,
    /// What the nodes keep everything in.
    pub(crate) database: Database,
    /// Its files lie on a disk of their own, in memory, which is soon full.
    pub(crate) small_disk: bool,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) plan: Plan,
    /// In the order of their ends: nodes before what they stand on.
    pub(crate) nodes: Vec<Node>,
    pub(crate) nginx: Nginx,
    pub(crate) redis: Redis,
    pub(crate) postgres: Option<Postgres>,
    /// From clients to nginx.
    pub(crate) door: Proxy,
    /// From nginx to each node.
    fronts: Vec<Proxy>,
    /// From each node to Redis.
    bus: Proxy,
    /// From each node to PostgreSQL.
    stores: Vec<Proxy>,
    /// What the database's files are in.
    pub(crate) data: PathBuf,
    _disk: Option<SmallDisk>,
    _folder: Folder,
}

impl Cluster {
    /// Starts everything, and waits until it is ready.
    ///
    /// # Errors
    /// If something is missing or does not start.
    pub(crate) async fn start(plan: Plan) -> Result<Self> {
        let folder = Folder::new()?;
        let ports = free_ports(3 + NODES)?;
        let (door, redis, database, nodes) = (ports[0], ports[1], ports[2], &ports[3..]);
        let data = folder.0.join("data");
        std::fs::create_dir(&data)?;
        let disk = plan.small_disk.then(|| SmallDisk::mount(&data, plan.database)).transpose()?;
        let redis = Redis::new(redis, &folder.0).await?;
        let processes: Processes = Arc::new(Mutex::new(vec![None; NODES]));
        let known = processes.clone();
        let who: Who = Arc::new(move |peer| who::connects(&known, peer));
        let bus = Proxy::start_for(redis.address, NODES, who, true).await?;
        let (mut postgres, mut stores) = (None, Vec::new());
        if plan.database == Database::Postgres {
            let server = Postgres::new(database, &folder.0, &data).await?;
            for _ in 0..NODES {
                stores.push(Proxy::start(server.address).await?);
            }
            postgres = Some(server);
        }
        let mut members = Vec::new();
        for (number, &address) in nodes.iter().enumerate() {
            let database = match stores.get(number) {
                Some(store) => format!("postgres://trunkline@{}/postgres", store.address),
                None => format!("sqlite:{}", data.join("trunkline.db").display()),
            };
            let bus = format!("redis://{}", bus.address);
            let settings = ["--database", &database, "--bus", &bus].map(str::to_owned).to_vec();
            let mut node = Node::new(number, address, settings, &folder.0, processes.clone());
            node.start(&plan.binary).await?;
            members.push(node);
        }
        let mut fronts = Vec::new();
        for &address in nodes {
            fronts.push(Proxy::start(address).await?);
        }
        let addresses = fronts.iter().map(|front| front.address).collect();
        let nginx = Nginx::new(door, addresses, &folder.0, &plan.deploy).await?;
        let door = Proxy::start(nginx.address).await?;
        Ok(Self {
            plan,
            nodes: members,
            nginx,
            redis,
            postgres,
            door,
            fronts,
            bus,
            stores,
            data,
            _disk: disk,
            _folder: folder,
        })
    }

    /// The way from nginx to this node.
    pub(crate) fn front(&self, node: usize) -> &Link {
        self.fronts[node].link()
    }

    /// Where that way begins.
    pub(crate) fn front_address(&self, node: usize) -> SocketAddr {
        self.fronts[node].address
    }

    /// The way from this node to Redis.
    pub(crate) fn bus(&self, node: usize) -> &Link {
        &self.bus.links[node]
    }

    /// The way from this node to PostgreSQL.
    pub(crate) fn store(&self, node: usize) -> Option<&Link> {
        self.stores.get(node).map(Proxy::link)
    }

    /// Every way there is.
    pub(crate) fn links(&self) -> Vec<&Link> {
        let proxies = self.fronts.iter().chain(&self.stores).chain([&self.door, &self.bus]);
        proxies.flat_map(|proxy| &proxy.links).collect()
    }

    /// Where each node is reached without a proxy.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(|node| node.address).collect()
    }

    /// Starts a node again with the plan's binary.
    ///
    /// # Errors
    /// If it does not start.
    pub(crate) async fn start_node(&mut self, node: usize) -> Result<()> {
        self.nodes[node].start(&self.plan.binary).await
    }

    /// Whether every node is ready and hears the others.
    pub(crate) async fn is_well(&self) -> bool {
        for node in &self.nodes {
            let well = node.readiness().await.is_some_and(|said| said["ready"] == true && said["bus"] == "up");
            if !well {
                return false;
            }
        }
        true
    }
}

/// Ports below those that the system gives to outgoing connections: among those, a client that dials while the server is
/// down can be given the server's own port, connect to itself, and keep the server from coming back.
fn free_ports(count: usize) -> Result<Vec<SocketAddr>> {
    let begin = 10_000 + (std::process::id() * 97 % 15_000) as u16;
    let mut listeners = Vec::new();
    for port in begin..begin + 5_000 {
        if listeners.len() < count {
            listeners.extend(std::net::TcpListener::bind(("127.0.0.1", port)));
        }
    }
    anyhow::ensure!(listeners.len() == count, "there are not {count} free ports");
    let addresses: std::io::Result<_> = listeners.iter().map(std::net::TcpListener::local_addr).collect();
    addresses.context("the system gave no port")
}

/// A file system with little room. Gone with this, or with the namespace that it was mounted in.
#[derive(Debug)]
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path, database: Database) -> Result<Self> {
        // An empty cluster of PostgreSQL takes 40 MB.
        let size = if database == Database::Postgres { "size=96m" } else { "size=12m" };
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", size, "tmpfs"]).arg(at).status();
        anyhow::ensure!(mounted.context("mount")?.success(), "a small disk can not be mounted");
        Ok(Self(at.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a file may still be open.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// A folder of its own, gone in the end. Not below the project: the database's user must be able to enter it.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        let path = Path::new("/var/tmp").join(format!("trunkline-chaos-{}-{}", std::process::id(), unique()));
        std::fs::create_dir_all(&path).with_context(|| format!("could not make {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left behind is in the way of nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// In a namespace of its own every run has the same process id.
fn unique() -> u128 {
    std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(0, |elapsed| elapsed.as_nanos())
}
