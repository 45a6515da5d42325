//! The forms of Redis that are more than one server or more than TCP: TLS, Sentinel, Cluster. Real servers, formed by
//! commands.

use super::certificates::Certificates;
use super::redis::{RedisServer, Setup, free_port};
use redis::Value;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use trunkline_server::redis::slots::{SLOTS, Slot};

/// How long a group of servers may take to find itself.
const FORMED: Duration = Duration::from_secs(20);

/// The settings of a Cluster's servers, which find out within two seconds that one of them is dead.
const CLUSTERED: [&str; 4] = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"];

/// Polls until it is so. For what is not awaited: servers, which a test waits for before anything else.
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + FORMED;
    while !condition() {
        assert!(Instant::now() < deadline, "not within {FORMED:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A server that is reached over TLS, and by its own port without.
pub(crate) struct TlsRedis {
    pub(crate) server: RedisServer,
    pub(crate) certificates: Certificates,
    port: u16,
}

impl TlsRedis {
    /// With or without asking clients for a certificate.
    pub(crate) fn start(asks_clients: bool) -> Self {
        let certificates = Certificates::make();
        for _ in 0..20 {
            let port = free_port();
            let (number, asks) = (port.to_string(), if asks_clients { "yes" } else { "no" });
            let (ca, certificate) = (certificates.text("ca.pem"), certificates.text("server.pem"));
            let key = certificates.text("server.key");
            let server = RedisServer::start_with(&Setup::with(&[
                "--tls-port",
                &number,
                "--tls-auth-clients",
                asks,
                "--tls-ca-cert-file",
                &ca,
                "--tls-cert-file",
                &certificate,
                "--tls-key-file",
                &key,
            ]));
            // The other port was only seen to be free.
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Self { server, certificates, port };
            }
        }
        panic!("redis-server did not listen with TLS on any of 20 ports");
    }

    /// With whom to believe.
    pub(crate) fn url(&self) -> String {
        format!("rediss://localhost:{}?ca={}", self.port, self.certificates.text("ca.pem"))
    }

    /// With a certificate of our own as well.
    pub(crate) fn url_with_certificate(&self) -> String {
        let (certificate, key) = (self.certificates.text("client.pem"), self.certificates.text("client.key"));
        format!("{}&cert={certificate}&key={key}", self.url())
    }

    /// With nobody to believe but whom the system trusts.
    pub(crate) fn url_without_authority(&self) -> String {
        format!("rediss://localhost:{}", self.port)
    }
}

/// A primary, a replica, and three that watch them.
pub(crate) struct Sentinels {
    pub(crate) primary: RedisServer,
    pub(crate) replica: RedisServer,
    sentinels: Vec<RedisServer>,
}

impl Sentinels {
    /// All of them, which know each other.
    pub(crate) fn start() -> Self {
        let (primary, replica) = (RedisServer::start(), RedisServer::start());
        replica.command(&["REPLICAOF", "127.0.0.1", &primary.port().to_string()]);
        until("the replica follows", || replica.ask::<String>(&["INFO", "replication"]).contains("link_status:up"));
        let setup = Setup { is_sentinel: true, ..Setup::default() };
        let sentinels: Vec<_> = (0..3).map(|_| RedisServer::start_with(&setup)).collect();
        for sentinel in &sentinels {
            sentinel.command(&["SENTINEL", "MONITOR", "main", "127.0.0.1", &primary.port().to_string(), "2"]);
            for (name, value) in [("down-after-milliseconds", "1000"), ("failover-timeout", "5000")] {
                sentinel.command(&["SENTINEL", "SET", "main", name, value]);
            }
        }
        for sentinel in &sentinels {
            until("the Sentinels know each other and the replica", || {
                let state: HashMap<String, String> = sentinel.ask(&["SENTINEL", "MASTER", "main"]);
                state["num-slaves"] == "1" && state["num-other-sentinels"] == "2"
            });
        }
        Self { primary, replica, sentinels }
    }

    /// Also names one that is not there.
    pub(crate) fn url(&self) -> String {
        let there = self.sentinels.iter().map(|sentinel| format!("127.0.0.1:{}", sentinel.port()));
        let hosts: Vec<_> = there.chain([format!("127.0.0.1:{}", free_port())]).collect();
        format!("redis+sentinel://{}/main", hosts.join(","))
    }

    /// Waits until they name the replica as the primary.
    pub(crate) fn wait_for_failover(&self) {
        until("a failover", || {
            let (_, port): (String, u16) = self.sentinels[0].ask(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main"]);
            port == self.replica.port()
        });
    }
}

/// Three primaries, a third of the slots each.
pub(crate) struct RedisCluster {
    pub(crate) servers: Vec<RedisServer>,
}

impl RedisCluster {
    /// All of them, which know each other.
    pub(crate) fn start() -> Self {
        Self::start_with(Setup::default())
    }

    /// The same of another program.
    pub(crate) fn start_with(mut setup: Setup) -> Self {
        setup.settings.extend(CLUSTERED.map(str::to_owned));
        let servers: Vec<_> = (0..3).map(|_| RedisServer::start_with(&setup)).collect();
        let third = SLOTS / 3;
        let ranges = [(0, third), (third + 1, 2 * third), (2 * third + 1, SLOTS - 1)];
        for (number, (server, (first, last))) in servers.iter().zip(ranges).enumerate() {
            server.command(&["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &last.to_string()]);
            server.command(&["CLUSTER", "SET-CONFIG-EPOCH", &(number + 1).to_string()]);
            server.command(&["CLUSTER", "MEET", "127.0.0.1", &servers[0].port().to_string()]);
        }
        for server in &servers {
            until("the Cluster knows its slots", || {
                let state: String = server.ask(&["CLUSTER", "INFO"]);
                ["cluster_state:ok", "cluster_known_nodes:3\r", "cluster_slots_ok:16384"]
                    .iter()
                    .all(|part| state.contains(part))
            });
        }
        Self { servers }
    }

    /// Names two of the three.
    pub(crate) fn url(&self) -> String {
        let (one, other) = (self.servers[0].port(), self.servers[1].port());
        format!("redis+cluster://127.0.0.1:{one},127.0.0.1:{other}")
    }

    /// Moves a slot with all its keys to another server, as an operator does.
    pub(crate) fn move_slot(&self, slot: Slot) {
        let moving = self.begin_to_move(slot);
        moving.keys(usize::MAX);
        moving.finish();
    }

    /// Begins it, and moves no key yet.
    pub(crate) fn begin_to_move(&self, slot: Slot) -> Move<'_> {
        let from = self.owner(slot);
        let to = self.servers.iter().find(|server| server.port() != from.port()).expect("another one");
        let moving = Move { cluster: self, from, to, slot: slot.to_string() };
        to.command(&["CLUSTER", "SETSLOT", &moving.slot, "IMPORTING", &id(from)]);
        from.command(&["CLUSTER", "SETSLOT", &moving.slot, "MIGRATING", &id(to)]);
        moving
    }

    /// Who has a slot now.
    pub(crate) fn owner(&self, slot: Slot) -> &RedisServer {
        let owner = owner_by(&self.servers[0], slot);
        self.servers.iter().find(|server| server.port() == owner).expect("the owner")
    }

    /// Starts a replica of the server at this place in the list.
    pub(crate) fn add_replica_of(&self, number: usize) -> RedisServer {
        let primary = &self.servers[number];
        let mut setup = Setup::default();
        setup.settings.extend(CLUSTERED.map(str::to_owned));
        let replica = RedisServer::start_with(&setup);
        replica.command(&["CLUSTER", "MEET", "127.0.0.1", &primary.port().to_string()]);
        until("the replica knows whom to follow", || {
            let known: String = replica.ask(&["CLUSTER", "NODES"]);
            known.contains(&id(primary)) && known.lines().count() == self.servers.len() + 1
        });
        replica.command(&["CLUSTER", "REPLICATE", &id(primary)]);
        until("the replica follows", || replica.ask::<String>(&["INFO", "replication"]).contains("link_status:up"));
        for server in &self.servers {
            until("all know of the replica", || {
                let known: String = server.ask(&["CLUSTER", "NODES"]);
                known.lines().any(|line| line.contains(&id(&replica)) && line.contains("slave"))
            });
        }
        replica
    }

    /// Waits until this one, which was a replica, has the slot in the eyes of all of these.
    pub(crate) fn wait_for_failover(&self, slot: Slot, to: &RedisServer, seen_by: &[usize]) {
        for &number in seen_by {
            until("a failover", || {
                let state: String = self.servers[number].ask(&["CLUSTER", "INFO"]);
                owner_by(&self.servers[number], slot) == to.port() && state.contains("cluster_state:ok")
            });
        }
    }
}

/// A slot that is on its way: see [`RedisCluster::begin_to_move`].
pub(crate) struct Move<'a> {
    cluster: &'a RedisCluster,
    from: &'a RedisServer,
    to: &'a RedisServer,
    slot: String,
}

impl Move<'_> {
    /// Moves at most so many of its keys.
    pub(crate) fn keys(&self, most: usize) {
        let keys: Vec<String> = self.from.ask(&["CLUSTER", "GETKEYSINSLOT", &self.slot, "1000"]);
        for key in keys.into_iter().take(most) {
            self.from.command(&["MIGRATE", "127.0.0.1", &self.to.port().to_string(), &key, "0", "5000"]);
        }
    }

    /// Gives the slot to where its keys are now.
    pub(crate) fn finish(self) {
        for server in [self.to, self.from].into_iter().chain(&self.cluster.servers) {
            server.command(&["CLUSTER", "SETSLOT", &self.slot, "NODE", &id(self.to)]);
        }
    }
}

fn id(server: &RedisServer) -> String {
    server.ask(&["CLUSTER", "MYID"])
}

/// The port of whoever has a slot, as this server sees it.
fn owner_by(server: &RedisServer, slot: Slot) -> u16 {
    // First and last slot, the primary, and its replicas; of each first its host and port.
    let table: Vec<Vec<Value>> = server.ask(&["CLUSTER", "SLOTS"]);
    let number = |value: &Value| redis::from_redis_value::<u16>(value.clone()).expect("a number");
    let mut ranges = table.iter();
    let range = ranges.find(|range| (number(&range[0])..=number(&range[1])).contains(&slot)).expect("an owner");
    let primary: Vec<Value> = redis::from_redis_value(range[2].clone()).expect("a server");
    number(&primary[1])
}
