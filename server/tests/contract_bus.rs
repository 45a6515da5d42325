//! What every bus must do, tried on each of them, and what the one over Redis must survive.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

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

async fn what_is_published_arrives_whole(engine: &dyn Engine) {
    let (sender, mut receiver) = (Node::on(engine).await, Node::on(engine).await);
    let every_byte: Vec<u8> = (0..=255).cycle().take(1_000_003).collect();
    for envelope in [&b""[..], b"\r\n", b"\0", b"$-1\r\n*3\r\n", &every_byte] {
        sender.bus.publish(Destination::Nodes(&[receiver.id]), Bytes::copy_from_slice(envelope));
        assert!(receiver.next().await == envelope, "{} bytes arrive as they were", envelope.len());
    }
}

async fn all_reaches_every_node_and_the_publisher(engine: &dyn Engine) {
    let mut nodes = [Node::on(engine).await, Node::on(engine).await, Node::on(engine).await];
    nodes[0].to_all("to all");
    for node in &mut nodes {
        node.hears("to all").await;
    }
}

async fn what_is_for_some_nodes_reaches_these_and_no_others(engine: &dyn Engine) {
    let mut nodes = [Node::on(engine).await, Node::on(engine).await, Node::on(engine).await, Node::on(engine).await];
    let (first, third) = (nodes[1].id, nodes[3].id);
    nodes[0].to(&[first, third], "to two");
    // One sender's envelopes keep their order to each node, so whoever hears this first has not heard the other.
    let everyone = nodes.each_ref().map(|node| node.id);
    nodes[0].to(&everyone, "to each");
    for (number, node) in nodes.iter_mut().enumerate() {
        if [1, 3].contains(&number) {
            node.hears("to two").await;
        }
        node.hears("to each").await;
    }
}

async fn a_node_hears_what_it_publishes_to_itself(engine: &dyn Engine) {
    let mut node = Node::on(engine).await;
    node.to(&[node.id], "to myself");
    node.hears("to myself").await;
}

async fn a_bus_that_says_it_is_up_loses_nothing(engine: &dyn Engine) {
    for _ in 0..300 {
        let mut node = Node::on(engine).await;
        node.to(&[node.id], "the first");
        assert_eq!(node.bus.dropped(), 0);
        node.hears("the first").await;
    }
}

async fn an_unknown_node_and_an_empty_list_reach_nobody(engine: &dyn Engine) {
    let mut node = Node::on(engine).await;
    node.to(&[], "to none");
    node.to(&[NodeId::random()], "to a stranger");
    node.to(&[node.id], "to me");
    node.hears("to me").await;
    assert_eq!(node.bus.dropped(), 0);
}

async fn a_burst_arrives_in_order(engine: &dyn Engine) {
    let (sender, mut receiver) = (Node::on(engine).await, Node::on(engine).await);
    for number in 0..10_000_u32 {
        sender.to(&[receiver.id], &number.to_string());
    }
    for number in 0..10_000_u32 {
        receiver.hears(&number.to_string()).await;
    }
    assert_eq!(sender.bus.dropped() + receiver.bus.dropped(), 0);
}

async fn publishing_never_waits_for_a_node_that_does_not_read(engine: &dyn Engine) {
    let (sender, receiver) = (Node::on(engine).await, Node::on(engine).await);
    let envelope = Bytes::from(vec![7; 200]);
    let many = INBOX * 4;
    let start = Instant::now();
    for _ in 0..many {
        sender.bus.publish(Destination::Nodes(&[receiver.id]), envelope.clone());
    }
    assert!(start.elapsed() < Duration::from_secs(2), "publishing took {:?}", start.elapsed());
    let kept = INBOX as u64;
    eventually("what does not fit is counted", || {
        sender.bus.dropped() + receiver.bus.dropped() + receiver.inbox.len() as u64 == many as u64
    })
    .await;
    assert!(receiver.inbox.len() as u64 <= kept, "the inbox holds no more than its bound");
    assert!(sender.bus.dropped() + receiver.bus.dropped() > 0, "something did not fit");
}

async fn a_node_that_fell_behind_hears_again_once_it_reads(engine: &dyn Engine) {
    let (sender, mut receiver) = (Node::on(engine).await, Node::on(engine).await);
    for round in 1..=2 {
        for _ in 0..INBOX {
            sender.to(&[receiver.id], "noise");
        }
        eventually("each of them is either there or counted", || {
            let lost = sender.bus.dropped() + receiver.bus.dropped();
            receiver.inbox.len() as u64 + lost == (round * INBOX) as u64
        })
        .await;
    }
    receiver.hears_itself_within(LONG).await;
}

async fn subscribing_again_replaces_what_was_heard_before(engine: &dyn Engine) {
    let mut sender = Node::on(engine).await;
    let Node { id: earlier, bus, inbox: mut earlier_inbox } = Node::on(engine).await;
    let mut receiver = Node::listening(bus).await;
    receiver.becomes(BusHealth::Up, LONG).await;
    assert_ne!(receiver.id, earlier);
    let ended = timeout(LONG, earlier_inbox.recv()).await.expect("the earlier inbox is closed");
    assert_eq!(ended, None);
    sender.to(&[earlier], "to the earlier one");
    sender.to(&[receiver.id, sender.id], "to the later one");
    receiver.hears("to the later one").await;
    sender.hears("to the later one").await;
}

async fn dropping_a_bus_ends_what_its_node_hears(engine: &dyn Engine) {
    let node = Node::on(engine).await;
    let Node { bus, mut inbox, .. } = node;
    drop(bus);
    let ended = timeout(LONG, inbox.recv()).await.expect("the inbox is closed");
    assert_eq!(ended, None);
}

/// Runs every function over every engine.
macro_rules! contract {
    ($($name:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $name() {
                super::$name(&super::InMemory(Default::default())).await;
            })*
        }
        mod redis {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(&super::InRedis::start()).await;
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

/// Outages of Redis, which only the bus over Redis can have.
mod outages {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_restarted_redis_is_found_again_after_a_short_and_after_a_long_outage() {
        let mut engine = InRedis::start();
        let mut node = Node::on(&engine).await;
        // The second one is longer than the six seconds after which the redis crate's own reconnecting gives up.
        for outage in [Duration::from_millis(300), Duration::from_secs(8)] {
            engine.server.kill();
            node.becomes(BusHealth::Down, Duration::from_secs(1)).await;
            let before = node.bus.dropped();
            node.to_all("into the void");
            eventually("what can not be sent is counted", || node.bus.dropped() > before).await;
            // The length of the outage is what is tried here; it waits for no condition.
            sleep(outage).await;
            engine.server.start_again();
            node.hears_itself_within(RECOVERY).await;
            node.becomes(BusHealth::Up, RECOVERY).await;
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_cut_subscription_is_made_again() {
        let engine = InRedis::start();
        let mut node = Node::on(&engine).await;
        let mut health = node.bus.health();
        health.mark_unchanged();
        engine.server.command(&["CLIENT", "KILL", "TYPE", "pubsub"]);
        timeout(RECOVERY, health.changed()).await.expect("the loss is shown").expect("the bus is there");
        node.hears_itself_within(RECOVERY).await;
        node.becomes(BusHealth::Up, RECOVERY).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_cut_publisher_is_noticed_while_it_is_idle() {
        let engine = InRedis::start();
        let mut node = Node::on(&engine).await;
        let mut health = node.bus.health();
        health.mark_unchanged();
        engine.server.command(&["CLIENT", "KILL", "TYPE", "normal"]);
        timeout(RECOVERY, health.changed()).await.expect("the loss is shown").expect("the bus is there");
        node.hears_itself_within(RECOVERY).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_redis_that_comes_later_is_found() {
        let mut engine = InRedis { server: RedisServer::stopped(), unix: false };
        let start = Instant::now();
        let mut node = Node::listening(engine.bus()).await;
        assert!(start.elapsed() < Duration::from_millis(500), "subscribing waits for nothing");
        assert_eq!(*node.bus.health().borrow(), BusHealth::Down);
        engine.server.start_again();
        node.hears_itself_within(RECOVERY).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_silent_redis_is_dialled_anew_on_request() {
        let engine = InRedis::start();
        let mut node = Node::on(&engine).await;
        engine.server.freeze();
        node.bus.reconnect();
        node.becomes(BusHealth::Down, Duration::from_secs(1)).await;
        engine.server.thaw();
        node.hears_itself_within(RECOVERY).await;
        node.becomes(BusHealth::Up, RECOVERY).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_request_for_new_connections_replaces_both() {
        let engine = InRedis::start();
        let mut node = Node::on(&engine).await;
        let before = connection_ids(&engine.server);
        assert_eq!(before.len(), 2);
        node.bus.reconnect();
        eventually("both connections are others", || {
            let now = connection_ids(&engine.server);
            now.len() == 2 && now.iter().all(|id| !before.contains(id))
        })
        .await;
        node.hears_itself_within(RECOVERY).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_silent_redis_makes_publishing_neither_wait_nor_grow() {
        let engine = InRedis::start();
        let mut node = Node::on(&engine).await;
        engine.server.freeze();
        let envelope = Bytes::from(vec![7; 1024]);
        let start = Instant::now();
        for _ in 0..100_000 {
            node.bus.publish(Destination::All, envelope.clone());
        }
        assert!(start.elapsed() < Duration::from_secs(2), "publishing took {:?}", start.elapsed());
        assert!(node.bus.dropped() > 50_000, "what does not fit is dropped at once");
        node.becomes(BusHealth::Down, RECOVERY).await;
        engine.server.thaw();
        node.hears_itself_within(RECOVERY).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_redis_that_refuses_to_publish_is_shown_as_down() {
        let engine = InRedis::start();
        let mut node = Node::on(&engine).await;
        engine.server.command(&["ACL", "SETUSER", "default", "-publish"]);
        node.to_all("refused");
        node.becomes(BusHealth::Down, RECOVERY).await;
        assert_eq!(node.bus.dropped(), 1);
        engine.server.command(&["ACL", "SETUSER", "default", "+publish"]);
        node.hears_itself_within(RECOVERY).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_unix_socket_serves_as_well() {
        let engine = InRedis { server: RedisServer::start(), unix: true };
        let mut node = Node::on(&engine).await;
        node.hears_itself_within(RECOVERY).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_dropped_bus_leaves_no_connection() {
        let engine = InRedis::start();
        let node = Node::on(&engine).await;
        assert_eq!(connection_ids(&engine.server).len(), 2);
        drop(node);
        eventually("its connections are closed", || connection_ids(&engine.server).is_empty()).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn buses_with_other_prefixes_hear_nothing() {
        let engine = InRedis::start();
        let mut stranger = Node::listening(Box::new(bus_at(&engine.server.url(), "other"))).await;
        stranger.becomes(BusHealth::Up, LONG).await;
        let mut node = Node::on(&engine).await;
        node.to_all("not for strangers");
        node.hears("not for strangers").await;
        stranger.to_all("for strangers");
        stranger.hears("for strangers").await;
    }

    /// The connections of the server, without the one that asks.
    fn connection_ids(server: &RedisServer) -> Vec<String> {
        let list: String = ::redis::from_redis_value(server.command(&["CLIENT", "LIST"])).expect("a list of clients");
        let others = list.lines().filter(|line| !line.contains("cmd=client"));
        others.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
    }
}
