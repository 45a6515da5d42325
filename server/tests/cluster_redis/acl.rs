//! The rights that a user of Redis needs, as the document for operators says them: with all of them everything works, and
//! without any one of them something does not.

use crate::support::forms::RedisCluster;
use crate::support::redis::RedisServer;
use futures_util::future::join_all;
use std::time::Duration;
use tokio::time::timeout;
use trunkline_protocol::{NodeId, UserId};
use trunkline_server::bus::redis::RedisBus;
use trunkline_server::bus::{Bus, BusHealth, Destination};
use trunkline_server::presence::redis::RedisRegistry;
use trunkline_server::presence::{PresenceError, Registry};
use trunkline_server::redis::Servers;
use trunkline_server::redis::slots::slot_of;

/// How long a bus that may do what it needs takes to be up.
const WORKS_WITHIN: Duration = Duration::from_secs(8);

/// The rights in the line of the document that begins so.
fn documented(beginning: &str) -> Vec<&'static str> {
    let document = include_str!("../../../docs/OPERATIONS.md");
    let line = document.lines().find(|line| line.starts_with(beginning)).expect("the document says it");
    line.split_whitespace().skip(5).collect()
}

/// Whether bus and registry work from end to end for this user.
async fn works(url: &str) -> bool {
    let servers = Servers::at(url).expect("an address");
    let (bus, registry) = (RedisBus::new(&servers, "trunkline:test"), RedisRegistry::new(&servers, "trunkline:test"));
    timeout(WORKS_WITHIN, speaks(&bus)).await.is_ok() && registers(&registry).await.is_ok()
}

async fn speaks(bus: &RedisBus) {
    let node = NodeId::random();
    let mut inbox = bus.subscribe(node).await;
    let mut health = bus.health();
    health.wait_for(|health| *health == BusHealth::Up).await.expect("the bus is there");
    for to in [Destination::Nodes(&[node]), Destination::All] {
        let text = format!("{to:?} of {node}");
        bus.publish(to, text.clone().into());
        // Others speak to all as well.
        while inbox.recv().await.expect("the inbox is open") != text.as_bytes() {}
    }
}

async fn registers(registry: &RedisRegistry) -> Result<(), PresenceError> {
    let (node, user) = (NodeId::random(), UserId(1));
    registry.renew(node).await?;
    registry.enter(node, &[user]).await?;
    registry.locate(&[user]).await?;
    registry.leave(node, &[user]).await?;
    registry.release(node).await
}

/// A user with these rights; whether they can work.
async fn works_with(servers: &[RedisServer], name: &str, rights: &[&str], url: &impl Fn(&str) -> String) -> bool {
    for server in servers {
        let begin = ["ACL", "SETUSER", name, "reset", "on", ">secret"];
        server.command(&begin.into_iter().chain(rights.iter().copied()).collect::<Vec<_>>());
    }
    works(&url(&format!("{name}:secret@"))).await
}

/// With all rights it works, and without any one of them it does not.
async fn all_are_needed(servers: &[RedisServer], rights: &[&str], url: impl Fn(&str) -> String) {
    assert!(rights.len() > 10, "{rights:?}");
    assert!(works_with(servers, "all", rights, &url).await, "with all rights it works");
    let tried = rights.iter().enumerate().map(|(number, lacking)| {
        let given: Vec<_> = rights.iter().filter(|right| *right != lacking).copied().collect();
        let (name, url) = (format!("user{number}"), &url);
        async move { works_with(servers, &name, &given, url).await.then_some(*lacking) }
    });
    let working: Vec<_> = join_all(tried).await.into_iter().flatten().collect();
    assert!(working.is_empty(), "these are not needed: {working:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_needs_the_documented_rights_and_no_others() {
    let server = [RedisServer::start()];
    let rights = documented("ACL SETUSER trunkline on >secret ~trunkline:");
    let url = |login: &str| server[0].url().replace("redis://", &format!("redis://{login}"));
    all_are_needed(&server, &rights, url).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_cluster_too() {
    let cluster = RedisCluster::start();
    // On its way, so that each key is asked for where the slot goes.
    let _moving = cluster.begin_to_move(slot_of("{trunkline:test}"));
    let rights = documented("ACL SETUSER trunkline on >secret ~{trunkline:");
    let url = |login: &str| cluster.url().replace("cluster://", &format!("cluster://{login}"));
    all_are_needed(&cluster.servers, &rights, url).await;
}
