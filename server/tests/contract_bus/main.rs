//! What every bus must do, tried on each of them, and what the one over Redis must survive.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod contract;
mod forms;
mod outages;
#[path = "../support/mod.rs"]
mod support;

use bytes::Bytes;
use std::time::Duration;
use support::redis::RedisServer;
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, sleep, timeout};
use trunkline_protocol::NodeId;
use trunkline_server::bus::memory::{MemoryBus, MemoryHub};
use trunkline_server::bus::redis::RedisBus;
use trunkline_server::bus::{Bus, BusHealth, Destination, INBOX};
use trunkline_server::redis::Servers;

/// Longer than anything here takes on a busy machine.
const LONG: Duration = Duration::from_secs(20);
/// Within this a bus works again after its Redis does.
const RECOVERY: Duration = Duration::from_secs(5);

/// Makes connected buses that reach each other.
trait Engine {
    fn bus(&self) -> Box<dyn Bus>;
}

struct InMemory(MemoryHub);

impl Engine for InMemory {
    fn bus(&self) -> Box<dyn Bus> {
        Box::new(MemoryBus::on(&self.0))
    }
}

struct InRedis {
    server: RedisServer,
    unix: bool,
}

impl InRedis {
    fn start() -> Self {
        Self { server: RedisServer::start(), unix: false }
    }

    fn connect(&self) -> RedisBus {
        let url = if self.unix { self.server.unix_url() } else { self.server.url() };
        bus_at(&url, "test")
    }
}

impl Engine for InRedis {
    fn bus(&self) -> Box<dyn Bus> {
        Box::new(self.connect())
    }
}

fn bus_at(url: &str, prefix: &str) -> RedisBus {
    RedisBus::new(&Servers::at(url).expect("the address is valid"), prefix)
}

/// A node that listens on a bus of its own.
struct Node {
    id: NodeId,
    bus: Box<dyn Bus>,
    inbox: Receiver<Bytes>,
}

impl Node {
    async fn on(engine: &dyn Engine) -> Self {
        let node = Self::listening(engine.bus()).await;
        node.becomes(BusHealth::Up, LONG).await;
        node
    }

    async fn listening(bus: Box<dyn Bus>) -> Self {
        let id = NodeId::random();
        let inbox = bus.subscribe(id).await;
        Self { id, bus, inbox }
    }

    fn to_all(&self, text: &str) {
        self.bus.publish(Destination::All, Bytes::copy_from_slice(text.as_bytes()));
    }

    fn to(&self, nodes: &[NodeId], text: &str) {
        self.bus.publish(Destination::Nodes(nodes), Bytes::copy_from_slice(text.as_bytes()));
    }

    async fn hears(&mut self, text: &str) {
        assert_eq!(self.next().await, text.as_bytes());
    }

    async fn next(&mut self) -> Bytes {
        timeout(LONG, self.inbox.recv()).await.expect("an envelope arrives").expect("the inbox is open")
    }

    /// Publishes to itself until it hears that, and so finds out that the bus works from end to end.
    async fn hears_itself_within(&mut self, limit: Duration) {
        let mark = NodeId::random().to_string();
        let heard = async {
            loop {
                self.to(&[self.id], &mark);
                while let Ok(Some(envelope)) = timeout(Duration::from_millis(50), self.inbox.recv()).await {
                    if envelope == mark.as_bytes() {
                        return;
                    }
                }
            }
        };
        timeout(limit, heard).await.expect("the bus works from end to end");
    }

    async fn becomes(&self, health: BusHealth, limit: Duration) {
        let mut shown = self.bus.health();
        let reached = timeout(limit, shown.wait_for(|now| *now == health)).await;
        reached.unwrap_or_else(|_| panic!("the bus becomes {health:?}")).expect("the bus is there");
    }
}

/// Polls until `condition` holds.
async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        sleep(Duration::from_millis(5)).await;
    }
}

/// Runs every function over every engine.
macro_rules! contract {
    ($($name:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $name() {
                super::contract::$name(&super::InMemory(Default::default())).await;
            })*
        }
        /// All of them, one after another.
        async fn keeps_the_contract(engine: &dyn Engine) {
            $(contract::$name(engine).await;)*
        }
        mod redis {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::contract::$name(&super::InRedis::start()).await;
            })*
        }
    };
}

contract! {
    what_is_published_arrives_whole,
    all_reaches_every_node_and_the_publisher,
    what_is_for_some_nodes_reaches_these_and_no_others,
    a_node_hears_what_it_publishes_to_itself,
    a_bus_that_says_it_is_up_loses_nothing,
    an_unknown_node_and_an_empty_list_reach_nobody,
    a_burst_arrives_in_order,
    publishing_never_waits_for_a_node_that_does_not_read,
    a_node_that_fell_behind_hears_again_once_it_reads,
    subscribing_again_replaces_what_was_heard_before,
    dropping_a_bus_ends_what_its_node_hears,
}
