//! Thousands lose their node at once, and come back to the others. (`cargo xtask bench storm` measures it in release.)
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use futures_util::future::join_all;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;
use support::child::ChildNode;
use support::device::{Device, View};
use support::redis::RedisServer;
use support::server::{Database, Login, TestServer};
use tokio::time::Instant;
use trunkline_protocol::Seq;
use trunkline_protocol::client::Link;
use trunkline_protocol::limits::CONNECTIONS_PER_USER;
use trunkline_server::config::Options;

const USERS: usize = 100;
const CLIENTS: usize = 2_000;
/// Those who send a message while nobody is connected.
const SPEAKERS: usize = 10;
/// How long all but one in a hundred may take to be served again.
const P99: Duration = Duration::from_secs(15);
/// The others too, before long.
const ALL: Duration = Duration::from_secs(30);
/// What the nodes may work for each that comes back, in a debug build. Comparing a password takes several times as long,
/// optimised.
const WORK: Duration = Duration::from_millis(5);

/// Allows this process, and those that it starts, so many open files, where only the softer limit is lower.
fn allow_files(count: usize) {
    let (process, limit) = (format!("--pid={}", std::process::id()), format!("--nofile={count}:"));
    let done = Command::new("prlimit").args([process, limit]).status().expect("prlimit");
    assert!(done.success(), "this test needs {count} open files");
}

/// Somebody on each device, all of whom begin at the first node and know the others.
async fn everybody_connects(logins: &[Login], nodes: &[SocketAddr]) -> Vec<Device> {
    let mut devices = Vec::with_capacity(CLIENTS);
    while devices.len() < CLIENTS {
        let begun = devices.len();
        for number in begun..CLIENTS.min(begun + 200) {
            // Half of them try the one of the others first, and half the other.
            let mut nodes = nodes.to_vec();
            nodes[1..].rotate_left(number / USERS % 2);
            let device = Device::start(&logins[number % USERS], &nodes);
            device.hold_nothing();
            devices.push(device);
        }
        join_all(devices[begun..].iter().map(|device| device.until_within(ALL, "live", is_live))).await;
    }
    devices
}

fn is_live(view: &View) -> Option<()> {
    (view.client.link() == Link::Live).then_some(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_who_lose_their_node_are_served_again_in_time_and_nobody_logs_in() {
    assert_eq!(CLIENTS, USERS * CONNECTIONS_PER_USER, "as many as one node takes of each");
    allow_files(8_192);
    let (redis, database) = (RedisServer::start(), Database::new());
    // The test's own node, which nobody is on.
    let own = TestServer::start_with(&database, Options { bus: Some(redis.url()), ..Options::default() }).await;
    let mut logins = Vec::new();
    for number in 0..USERS {
        logins.push(own.register(&format!("user-{number}")).await);
    }
    // People talk in pairs: what a message costs in a large group is another question.
    let mut talks = Vec::new();
    for number in 0..SPEAKERS {
        talks.push(own.direct(&logins[number], &logins[SPEAKERS + number]).await);
    }
    let child = || ChildNode::start(&database, &["--bus", &redis.url()]);
    let (mut lost, left) = (child(), [child(), child()]);
    let nodes = [lost.address(), left[0].address(), left[1].address()];
    let devices = everybody_connects(&logins, &nodes).await;
    let worked = || left.iter().map(ChildNode::cpu_time).sum::<Duration>();
    let (before, killed) = (worked(), Instant::now());
    lost.kill();
    for (device, talk) in devices.iter().zip(&talks) {
        device.send(*talk, "is anybody there?");
    }
    let back = |view: &View| (view.welcomes >= 2).then(|| is_live(view)).flatten();
    let all_back = devices.iter().map(async |device| {
        device.until_within(ALL, "served again", back).await;
        killed.elapsed()
    });
    let mut took = join_all(all_back).await;
    let work = worked() - before;
    took.sort_unstable();
    let p99 = took[CLIENTS * 99 / 100];
    assert!(p99 < P99, "p99 {p99:?}, the last {:?}", took.last());
    assert!(work < WORK * u32::try_from(CLIENTS).expect("a small number"), "the nodes worked for {work:?}");
    // What was sent meanwhile has arrived, once, and all devices of both know of it.
    for (number, device) in devices.iter().enumerate().filter(|(number, _)| number % USERS < 2 * SPEAKERS) {
        let talk = talks[number % USERS % SPEAKERS];
        let head = |view: &View| Some(view.client.replica(talk)?.conversation().head);
        assert_eq!(device.until("knows of it", |view| head(view).filter(|head| *head > Seq(0))).await, Seq(1));
        device.settled().await;
    }
    // Nobody logged in: they came back with the sessions that they had.
    for login in &logins {
        let sessions = own.node().store.sessions(login.id(), 0).await.expect("the store");
        assert_eq!(sessions.len(), 1);
    }
}
