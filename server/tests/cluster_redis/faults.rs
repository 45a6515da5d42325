//! Each thing that may happen to Redis. They mostly wait, so all of them happen side by side, each with servers of its
//! own.

use crate::presence::a_node_is_stopped_for_a_minute;
use crate::scenario::Scenario;
use crate::support::forms::{RedisCluster, Sentinels};
use crate::support::proxy::Proxy;
use crate::support::redis::RedisServer;
use std::collections::HashSet;
use std::time::Duration;
use tokio::time::sleep;
use trunkline_server::redis::slots::slot_of;

/// Each in a thread and a runtime of its own, named for what happens.
macro_rules! side_by_side {
    ($($name:ident($($argument:expr)?)),+ $(,)?) => {
        [$(std::thread::Builder::new()
            .name(stringify!($name $($argument)?).to_owned())
            .spawn(|| run($name($($argument)?)))
            .expect("a thread")),+]
    };
}

#[test]
fn whatever_happens_to_redis_costs_latency_and_nothing_else() {
    let running = side_by_side!(
        redis_restarts_after(1),
        redis_restarts_after(12),
        redis_restarts_after(60),
        sentinel_fails_over(),
        slots_of_a_cluster_move(),
        a_slot_stays_half_moved(),
        a_server_of_a_cluster_restarts(),
        a_cluster_fails_over(),
        clients_are_paused(),
        subscribers_are_killed(),
        an_output_buffer_overruns(),
        connections_are_black_holed(),
        everything_is_flushed(),
        memory_is_full(),
        the_server_becomes_a_read_only_replica(),
        a_node_is_stopped_for_a_minute(),
    );
    let ended = running.map(|thread| (thread.thread().name().unwrap_or_default().to_owned(), thread.join()));
    let failed: Vec<_> = ended.into_iter().filter(|(_, ended)| ended.is_err()).map(|(name, _)| name).collect();
    assert!(failed.is_empty(), "what they panicked with is above: {failed:?}");
}

fn run(scenario: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.expect("a runtime").block_on(scenario);
}

/// Lets the fault last. How long it does is what is tried here; nothing else is waited for.
async fn lasts(seconds: u64) {
    sleep(Duration::from_secs(seconds)).await;
}

async fn redis_restarts_after(seconds: u64) {
    let mut redis = RedisServer::start();
    let scenario = Scenario::begin(&redis.url()).await;
    redis.kill();
    scenario.is_noticed().await;
    lasts(seconds).await;
    redis.start_again();
    scenario.both_talk().await;
    // Longer than that, nobody knows whether they are still there.
    if seconds < 20 {
        scenario.nobody_flickered();
    }
    scenario.ends_well().await;
}

async fn sentinel_fails_over() {
    let mut sentinels = Sentinels::start();
    let scenario = Scenario::begin(&sentinels.url()).await;
    sentinels.primary.kill();
    scenario.is_noticed().await;
    sentinels.wait_for_failover();
    scenario.both_talk().await;
    // The old one comes back, and is a replica soon.
    sentinels.primary.start_again();
    lasts(3).await;
    scenario.nobody_flickered();
    scenario.ends_well().await;
}

async fn slots_of_a_cluster_move() {
    let cluster = RedisCluster::start();
    let scenario = Scenario::begin(&cluster.url()).await;
    // That of everyone's channel, those of the nodes' own, and that of the registry.
    let mut names: Vec<String> = Vec::new();
    for server in &cluster.servers {
        names.extend(server.ask::<Vec<String>>(&["PUBSUB", "SHARDCHANNELS"]));
        names.extend(server.ask::<Vec<String>>(&["KEYS", "*"]));
    }
    assert!(names.len() >= 3 + 3, "three channels, two nodes and their list: {names:?}");
    let mut slots: Vec<_> = names.iter().map(|name| slot_of(name)).collect();
    slots.sort_unstable();
    slots.dedup();
    for slot in slots {
        cluster.move_slot(slot);
        scenario.both_talk().await;
    }
    // The registry's slot may be the last: until a cached answer has ended, nobody has asked where it was.
    lasts(3).await;
    scenario.nobody_flickered();
    scenario.ends_well().await;
}

/// The slot of the registry, in which its keys are: those of both nodes, and their list.
fn slot_of_registry(cluster: &RedisCluster) -> u16 {
    let keys = cluster.servers.iter().flat_map(|server| server.ask::<Vec<String>>(&["KEYS", "*"]));
    let slots: HashSet<_> = keys.map(|key| slot_of(&key)).collect();
    assert_eq!(slots.len(), 1, "all in one");
    slots.into_iter().next().expect("one")
}

async fn a_slot_stays_half_moved() {
    let cluster = RedisCluster::start();
    let scenario = Scenario::begin(&cluster.url()).await;
    let moving = cluster.begin_to_move(slot_of_registry(&cluster));
    for _ in 0..3 {
        moving.keys(1);
        // Longer than a lease in all.
        lasts(5).await;
        scenario.both_talk().await;
        scenario.registry_is_believed().await;
    }
    moving.finish();
    scenario.nobody_flickered();
    scenario.ends_well().await;
}

async fn a_cluster_fails_over() {
    let mut cluster = RedisCluster::start();
    let scenario = Scenario::begin(&cluster.url()).await;
    let slot = slot_of_registry(&cluster);
    let owner = cluster.owner(slot).port();
    let number = cluster.servers.iter().position(|server| server.port() == owner).expect("one of them");
    let replica = cluster.add_replica_of(number);
    cluster.servers[number].kill();
    scenario.is_noticed().await;
    let others: Vec<_> = (0..cluster.servers.len()).filter(|other| *other != number).collect();
    cluster.wait_for_failover(slot, &replica, &others);
    scenario.both_talk().await;
    // The old one comes back, and is a replica soon.
    cluster.servers[number].start_again();
    lasts(3).await;
    scenario.nobody_flickered();
    scenario.ends_well().await;
}

async fn a_server_of_a_cluster_restarts() {
    let mut cluster = RedisCluster::start();
    let scenario = Scenario::begin(&cluster.url()).await;
    cluster.servers[0].kill();
    scenario.is_noticed().await;
    // The others call it failed meanwhile, and the Cluster down.
    lasts(4).await;
    cluster.servers[0].start_again();
    scenario.both_talk().await;
    scenario.nobody_flickered();
    scenario.ends_well().await;
}

async fn clients_are_paused() {
    let redis = RedisServer::start();
    let scenario = Scenario::begin(&redis.url()).await;
    redis.command(&["CLIENT", "PAUSE", "8000", "ALL"]);
    scenario.is_noticed().await;
    scenario.both_talk().await;
    scenario.nobody_flickered();
    scenario.ends_well().await;
}

async fn subscribers_are_killed() {
    let redis = RedisServer::start();
    let scenario = Scenario::begin(&redis.url()).await;
    for _ in 0..4 {
        redis.command(&["CLIENT", "KILL", "TYPE", "pubsub"]);
        scenario.both_talk().await;
    }
    scenario.nobody_flickered();
    scenario.ends_well().await;
}

async fn an_output_buffer_overruns() {
    let redis = RedisServer::start();
    let scenario = Scenario::begin(&redis.url()).await;
    redis.command(&["CONFIG", "SET", "client-output-buffer-limit", "pubsub 100kb 0 0"]);
    // More than a subscriber's buffer holds, and no envelope.
    let flood = "x".repeat(1_000_000);
    let clients = |kind: &str| redis.ask::<String>(&["CLIENT", "LIST", "TYPE", kind]);
    for _ in 0..3 {
        let before = clients("pubsub");
        for channel in redis.ask::<Vec<String>>(&["PUBSUB", "CHANNELS"]) {
            redis.command(&["PUBLISH", &channel, &flood]);
        }
        assert_ne!(clients("pubsub"), before, "they were cut");
        scenario.both_talk().await;
    }
    scenario.nobody_flickered();
    scenario.ends_well().await;
}

async fn connections_are_black_holed() {
    let redis = RedisServer::start();
    let proxy = Proxy::to(redis.port()).await;
    let scenario = Scenario::begin(&format!("redis://127.0.0.1:{}", proxy.port())).await;
    for _ in 0..2 {
        proxy.swallow();
        scenario.is_noticed().await;
        scenario.both_talk().await;
        scenario.a.bus_is("up", Duration::from_secs(10)).await;
    }
    scenario.nobody_flickered();
    scenario.ends_well().await;
}

async fn everything_is_flushed() {
    let redis = RedisServer::start();
    let scenario = Scenario::begin(&redis.url()).await;
    for _ in 0..4 {
        redis.command(&["FLUSHALL"]);
        redis.command(&["SCRIPT", "FLUSH"]);
        scenario.both_talk().await;
        lasts(2).await;
    }
    scenario.nobody_flickered();
    scenario.ends_well().await;
}

async fn memory_is_full() {
    let redis = RedisServer::start();
    let scenario = Scenario::begin(&redis.url()).await;
    redis.command(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    redis.command(&["CONFIG", "SET", "maxmemory", "1"]);
    // Longer than a lease: those that there are, are kept.
    lasts(12).await;
    scenario.both_talk().await;
    assert_eq!(scenario.a.node().metrics.lease_up.get(), 1);
    // All is lost, and nothing can be entered.
    redis.command(&["FLUSHALL"]);
    lasts(5).await;
    scenario.both_talk().await;
    redis.command(&["CONFIG", "SET", "maxmemory", "0"]);
    scenario.nobody_flickered();
    scenario.ends_well().await;
}

async fn the_server_becomes_a_read_only_replica() {
    let (redis, other) = (RedisServer::start(), RedisServer::start());
    let scenario = Scenario::begin(&redis.url()).await;
    redis.command(&["REPLICAOF", "127.0.0.1", &other.port().to_string()]);
    scenario.is_noticed().await;
    lasts(5).await;
    scenario.both_talk().await;
    redis.command(&["REPLICAOF", "NO", "ONE"]);
    scenario.nobody_flickered();
    scenario.ends_well().await;
}
