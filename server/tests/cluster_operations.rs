//! What happens to those who run it: nodes that may not share a database, a backup that is put back, a disk that takes
//! nothing, a stop that has to end.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use bytes::Bytes;
use rusqlite::Connection;
use std::sync::Arc;
use std::time::Duration;
use support::child::{ChildNode, trunkline};
use support::cluster::options;
use support::device::Device;
use support::raw::{Heard, Raw};
use support::redis::RedisServer;
use support::server::{Database, Login, TestServer};
use support::{SOON, eventually};
use tokio::time::{Instant, timeout};
use trunkline_protocol::{ErrorCode, ServerFrame, limits};
use trunkline_server::bus::memory::MemoryBus;
use trunkline_server::bus::{Bus, Destination, INBOX};
use trunkline_server::config::Options;
use trunkline_server::metrics::Metrics;
use trunkline_server::node::host::System;
use trunkline_server::node::{Node, Parts, Routing};
use trunkline_server::presence::memory::MemoryRegistry;
use trunkline_server::store::sqlite::SqliteStore;
use trunkline_server::store::{Durability, NewAccount, Store};

/// Another process that looks into the database.
fn open(database: &Database) -> Connection {
    Connection::open(database.path()).expect("the file")
}

async fn refusal(database: &Arc<Database>, options: Options) -> String {
    let refused = TestServer::try_start_with(database, options).await.err().expect("a refusal");
    let sentence = format!("{refused:#}");
    assert!(sentence.contains("another node") && sentence.contains("--bus redis://"), "{sentence}");
    sentence
}

// ---- who may share a database --------------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_can_not_hear_each_other_do_not_share_a_database() {
    let (redis, other) = (RedisServer::stopped(), RedisServer::stopped());
    let (database, alone) = (Database::new(), Options::default);
    let shared = || options(&redis, Routing::Directed);
    let first = TestServer::start_with(&database, alone()).await;
    refusal(&database, alone()).await;
    refusal(&database, shared()).await;
    first.stop().await;
    let first = TestServer::start_with(&database, shared()).await;
    let second = TestServer::start_with(&database, shared()).await;
    assert!(refusal(&database, alone()).await.contains(&redis.url()));
    refusal(&database, options(&other, Routing::Directed)).await;
    let prefix = Options { bus_prefix: Some("elsewhere".to_owned()), ..shared() };
    assert!(refusal(&database, prefix).await.contains("elsewhere"));
    first.stop().await;
    refusal(&database, alone()).await;
    second.stop().await;
    TestServer::start_with(&database, alone()).await.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_was_killed_starts_again_at_once() {
    let database = Database::new();
    for _ in 0..2 {
        let start = Instant::now();
        let mut node = ChildNode::start(&database, &[]);
        assert!(start.elapsed() < Duration::from_secs(5), "it took {:?}", start.elapsed());
        node.kill();
    }
    // Nor does one that was refused stay in the way: its address was taken.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let _listener = std::net::TcpListener::bind(taken).expect("the same");
    let options = Options { listen: Some(taken), ..Options::default() };
    assert!(TestServer::try_start_with(&database, options).await.is_err());
    TestServer::start_with(&database, Options::default()).await.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_deployments_on_one_redis_do_not_hear_each_other() {
    let redis = RedisServer::start();
    let mut told = Vec::new();
    for text in ["of one", "of the other"] {
        let server = TestServer::start_with(&Database::new(), options(&redis, Routing::Broadcast)).await;
        server.bus_is("up", SOON).await;
        let (ann, bob) = (server.register("ann").await, server.register("bob").await);
        let here = server.direct(&ann, &bob).await;
        let devices = [server.device(&ann).await, server.device(&bob).await];
        told.push((server, devices, here, text));
    }
    // The same conversation, by its number, and the same seq.
    for (_, devices, here, text) in &told {
        devices[0].send(*here, *text);
        devices[1].shows(*here, &[text]).await;
    }
    for (server, devices, here, text) in &told {
        devices[1].shows(*here, &[text]).await;
        // Its own broadcast comes back to it, and nothing else does.
        assert!(server.node().metrics.nudges_received.get() <= 1);
    }
}

// ---- a file that went back in time ---------------------------------------------------------------------------

async fn say(device: &Device, here: trunkline_protocol::ConversationId, texts: &[&str]) {
    for text in texts {
        device.send(here, *text);
    }
    device.settled().await;
}

fn new_epoch(database: &Database) -> bool {
    let status = trunkline().args(["new-epoch", "--database", &database.url()]).output().expect("the binary runs");
    status.status.success()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_backup_was_put_back_devices_load_everything_anew_and_keep_their_outbox() {
    let database = Database::new();
    let server = TestServer::start_with(&database, Options::default()).await;
    let (ann, bob): (Login, Login) = (server.register("ann").await, server.register("bob").await);
    let here = server.direct(&ann, &bob).await;
    let (anns, bobs) = (server.device(&ann).await, server.device(&bob).await);
    say(&bobs, here, &["1", "2"]).await;
    let copy = database.path().with_extension("copy");
    open(&database).execute("VACUUM INTO ?1", [copy.display().to_string()]).expect("a backup");
    say(&bobs, here, &["lost 3", "lost 4", "lost 5"]).await;
    anns.shows_count(here, 5, SOON).await;
    assert!(!new_epoch(&database), "a node is running");
    server.stop().await;
    drop(bobs);
    anns.send(here, "kept");
    let log = database.path().with_extension("db-wal");
    eventually("the file is closed", SOON, async || (!log.exists()).then_some(())).await;
    std::fs::copy(&copy, database.path()).expect("put back");
    assert!(new_epoch(&database));
    let server = TestServer::start_with(&database, Options::default()).await;
    let bobs = server.device(&bob).await;
    say(&bobs, here, &["3", "4", "5", "6", "7"]).await;
    anns.set_nodes(&[server.address()]);
    let texts = ["1", "2", "3", "4", "5", "6", "7", "kept"];
    anns.shows_count(here, texts.len(), Duration::from_secs(20)).await;
    anns.shows(here, &texts).await;
    anns.settled().await;
    assert_eq!(anns.view().resets, 1);
    let fresh = server.device(&ann).await;
    fresh.shows(here, &texts).await;
    assert_eq!(anns.log(here), fresh.log(here));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_database_is_replaced_stops_and_says_so() {
    for replace in ["UPDATE meta SET epoch = randomblob(16)", "UPDATE meta SET position = 0"] {
        let database = Database::new();
        let mut server = TestServer::start_with(&database, Options::default()).await;
        let (ann, bob) = (server.register("ann").await, server.register("bob").await);
        server.direct(&ann, &bob).await;
        let node = server.node().clone();
        eventually("the node has followed", SOON, async || (node.position().0 > 0).then_some(())).await;
        open(&database).execute(replace, []).expect("replaced");
        let ended = timeout(SOON, server.ended()).await.expect("it stops by itself");
        let said = format!("{:#}", ended.expect_err("an error"));
        assert!(said.contains("was replaced") && said.contains("trunkline new-epoch"), "{said}");
    }
}

// ---- a store that hangs --------------------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_can_not_write_is_told_to_senders_and_balancers_and_nothing_is_lost() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.register("ann").await, server.register("bob").await);
    let here = server.direct(&ann, &bob).await;
    let mut raw = server.welcomed(&ann).await;
    assert_eq!(server.readiness().await.0, 200);
    let other = open(server.database());
    other.execute_batch("BEGIN IMMEDIATE").expect("locked");
    let key = raw.send(here, "in the end").await;
    // Longer than the store waits for another process, for this and for what it had in hand before.
    let (code, retry_after) = loop {
        match raw.next_within(Duration::from_secs(45)).await.expect("an answer") {
            Heard::Frame(ServerFrame::Refused { key: refused, code, retry_after, .. }) if refused == key => {
                break (code, retry_after);
            }
            Heard::Frame(_) => {}
            Heard::Closed(code) => panic!("closed: {code:?}"),
        }
    };
    assert_eq!(code, ErrorCode::StoreUnavailable);
    assert!(retry_after.is_some());
    let (status, body) = server.readiness().await;
    assert_eq!((status, body["store"].as_str()), (503, Some("down")));
    let writable = || server.node().metrics.store_writable.get();
    eventually("the metric says so", SOON, async || (writable() == 0).then_some(())).await;
    other.execute_batch("ROLLBACK").expect("free again");
    // By itself: nobody writes.
    eventually("ready", Duration::from_secs(20), async || (server.readiness().await.0 == 200).then_some(())).await;
    eventually("the metric says so", SOON, async || (writable() == 1).then_some(())).await;
    raw.send_as(key, here, "in the end").await;
    raw.acked(key).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_was_told_to_stop_is_gone_within_ten_seconds_whatever_hangs() {
    let database = Database::new();
    let server = TestServer::start_with(&database, Options::default()).await;
    let (ann, bob) = (server.register("ann").await, server.register("bob").await);
    let here = server.direct(&ann, &bob).await;
    server.stop().await;
    let mut node = ChildNode::start(&database, &["--drain-seconds", "6"]);
    // A client that does not move, and reads nothing of what it is told.
    let mut raw = Raw::connect(node.address(), &ann.cookie).await;
    raw.hello().await;
    let other = open(&database);
    other.execute_batch("BEGIN IMMEDIATE").expect("locked");
    // Each waits for the file ten seconds after the one before it.
    for _ in 0..2 {
        raw.send(here, "not to be stored").await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let start = Instant::now();
    let status = tokio::task::block_in_place(|| node.terminate());
    assert!(start.elapsed() < Duration::from_secs(10), "it took {:?}", start.elapsed());
    assert!(status.success(), "{status}");
}

// ---- a node that can not keep up -----------------------------------------------------------------------------

#[tokio::test]
async fn what_does_not_fit_into_the_inbox_is_counted_and_read_from_the_store_at_once() {
    let database = Database::new();
    let store = Arc::new(SqliteStore::open(database.path(), Durability::Os).await.expect("a store"));
    let (bus, metrics) = (Arc::new(MemoryBus::new()), Arc::new(Metrics::new().expect("metrics")));
    let registry = Arc::new(MemoryRegistry::new());
    let mut users = Vec::new();
    for name in ["ann", "bob"] {
        let (name, display_name, password) = (name.to_owned(), name.to_owned(), String::new());
        let account = NewAccount { name, display_name, password, at: 0, invite: None, first_only: false };
        users.push(store.create_account(account).await.expect("an account").user.id);
    }
    let parts = Parts {
        host: Arc::new(System),
        store: store.clone(),
        bus: bus.clone(),
        registry,
        routing: Routing::Broadcast,
        metrics: metrics.clone(),
        sends_per_second: limits::SENDS_PER_SECOND,
    };
    let node = Node::start(parts).await.expect("a node");
    let start = Instant::now();
    store.direct(users[0], users[1], 0).await.expect("a conversation");
    let wanted = store.follow(None).await.expect("a position").position;
    // One thread: the node takes nothing in before this test waits.
    for _ in 0..INBOX + 10 {
        bus.publish(Destination::All, Bytes::from_static(b"whatever"));
    }
    assert!(bus.dropped() >= 10);
    while node.position() < wanted {
        // It asks every two seconds by itself.
        assert!(start.elapsed() < Duration::from_millis(1_500), "nobody woke the follower");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(metrics.bus_dropped.get(), bus.dropped());
    node.stop().await;
}
