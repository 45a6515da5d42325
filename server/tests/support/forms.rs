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
        setup.settings.extend(["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"].map(str::to_owned));
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
        let table: Vec<(Slot, Slot, Vec<Value>)> = self.servers[0].ask(&["CLUSTER", "SLOTS"]);
        let (.., owner) =
            table.into_iter().find(|(first, last, _)| (*first..=*last).contains(&slot)).expect("an owner");
        let owner: u16 = redis::from_redis_value(owner[1].clone()).expect("a port");
        let from = self.servers.iter().find(|server| server.port() == owner).expect("the owner");
        let to = self.servers.iter().find(|server| server.port() != owner).expect("another one");
        let id = |server: &RedisServer| server.ask::<String>(&["CLUSTER", "MYID"]);
        let (from_id, to_id, slot) = (id(from), id(to), slot.to_string());
        to.command(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id]);
        from.command(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id]);
        for key in from.ask::<Vec<String>>(&["CLUSTER", "GETKEYSINSLOT", &slot, "1000"]) {
            from.command(&["MIGRATE", "127.0.0.1", &to.port().to_string(), &key, "0", "5000"]);
        }
        for server in [to, from].into_iter().chain(&self.servers) {
            server.command(&["CLUSTER", "SETSLOT", &slot, "NODE", &to_id]);
        }
    }
}
