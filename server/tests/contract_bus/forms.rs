//! The bus over Redis in every form that people run it.

use super::*;
use crate::support::forms::{RedisCluster, Sentinels, TlsRedis};
use crate::support::redis::{Setup, valkey};

/// Whatever this address names.
struct At(String);

impl Engine for At {
    fn bus(&self) -> Box<dyn Bus> {
        Box::new(bus_at(&self.0, "test"))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_keeps_the_contract() {
    let cluster = RedisCluster::start();
    keeps_the_contract(&At(cluster.url())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinel_keeps_the_contract() {
    let sentinels = Sentinels::start();
    keeps_the_contract(&At(sentinels.url())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_keeps_the_contract() {
    let redis = TlsRedis::start(true);
    keeps_the_contract(&At(redis.url_with_certificate())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn valkey_keeps_the_contract() {
    let valkey = RedisServer::start_with(&Setup { program: Some(valkey()), ..Setup::default() });
    keeps_the_contract(&At(valkey.url().replace("redis://", "valkey://"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_of_valkey_keeps_the_contract() {
    let cluster = RedisCluster::start_with(Setup { program: Some(valkey()), ..Setup::default() });
    keeps_the_contract(&At(cluster.url())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let redis = TlsRedis::start(false);
    let trusting = Node::listening(Box::new(bus_at(&redis.url(), "test"))).await;
    trusting.becomes(BusHealth::Up, LONG).await;
    // With the right authority and another name, and with the right name and no authority.
    let other_name = redis.url().replace("localhost", "[::ffff:127.0.0.1]");
    for url in [redis.url_without_authority(), other_name] {
        let node = Node::listening(Box::new(bus_at(&url, "test"))).await;
        sleep(Duration::from_secs(1)).await;
        assert_eq!(*node.bus.health().borrow(), BusHealth::Down, "{url}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_asks_who_it_is_gets_a_certificate_or_refuses() {
    let redis = TlsRedis::start(true);
    let stranger = Node::listening(Box::new(bus_at(&redis.url(), "test"))).await;
    let known = Node::listening(Box::new(bus_at(&redis.url_with_certificate(), "test"))).await;
    known.becomes(BusHealth::Up, LONG).await;
    assert_eq!(*stranger.bus.health().borrow(), BusHealth::Down);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_cluster_envelopes_cross_the_servers_of_their_channels_only() {
    let cluster = RedisCluster::start();
    let engine = At(cluster.url());
    let sender = Node::on(&engine).await;
    let published = |server: &RedisServer| -> u64 {
        let stats: String = server.ask(&["INFO", "commandstats"]);
        let line = stats.lines().find_map(|line| line.strip_prefix("cmdstat_spublish:calls="));
        line.and_then(|line| line.split(',').next()).map_or(0, |calls| calls.parse().expect("a number"))
    };
    // Enough that their channels lie on all three.
    let mut nodes = Vec::new();
    for _ in 0..12 {
        nodes.push(Node::on(&engine).await);
    }
    let everyone: Vec<NodeId> = nodes.iter().map(|node| node.id).collect();
    sender.to(&everyone, "to each");
    for node in &mut nodes {
        node.hears("to each").await;
    }
    let calls: Vec<u64> = cluster.servers.iter().map(published).collect();
    assert_eq!(calls.iter().sum::<u64>(), 12, "each crosses one server: {calls:?}");
    assert!(calls.iter().all(|calls| *calls > 0), "and they are spread: {calls:?}");
}
