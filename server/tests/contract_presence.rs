//! What every registry must do, tried on each of them, and what the one in Redis must survive.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use std::collections::{HashMap, HashSet};
use std::time::Duration;
use support::redis::RedisServer;
use tokio::time::{Instant, sleep, timeout};
use trunkline_protocol::{NodeId, UserId};
use trunkline_server::presence::memory::MemoryRegistry;
use trunkline_server::presence::redis::RedisRegistry;
use trunkline_server::presence::{LEASE, PresenceError, RENEW_EVERY, Registry, Renewal};
use trunkline_server::redis::Servers;

/// How much later than exact the end of a lease may be seen.
const SLACK: Duration = Duration::from_secs(2);
const ALICE: UserId = UserId(1);
const BOB: UserId = UserId(2);
const CAROL: UserId = UserId((1 << 53) - 1);

/// Makes registries that share their entries, as those of two nodes do.
trait Engine {
    fn registry(&self) -> Box<dyn Registry>;
}

struct InMemory(MemoryRegistry);

impl Engine for InMemory {
    fn registry(&self) -> Box<dyn Registry> {
        Box::new(self.0.clone())
    }
}

struct InRedis {
    server: RedisServer,
}

impl InRedis {
    fn start() -> Self {
        Self { server: RedisServer::start() }
    }
}

impl Engine for InRedis {
    fn registry(&self) -> Box<dyn Registry> {
        Box::new(RedisRegistry::new(&Servers::at(&self.server.url()).expect("the address is valid"), "test"))
    }
}

/// A node with a lease and a registry of its own.
struct Node {
    id: NodeId,
    registry: Box<dyn Registry>,
}

impl Node {
    async fn on(engine: &dyn Engine) -> Self {
        let node = Self { id: NodeId::random(), registry: engine.registry() };
        assert_eq!(node.renew().await, Renewal::Fresh);
        node
    }

    async fn renew(&self) -> Renewal {
        self.registry.renew(self.id).await.expect("the registry answers")
    }

    async fn enter(&self, users: &[UserId]) {
        self.registry.enter(self.id, users).await.expect("the registry answers");
    }

    async fn leave(&self, users: &[UserId]) {
        self.registry.leave(self.id, users).await.expect("the registry answers");
    }

    async fn release(&self) {
        self.registry.release(self.id).await.expect("the registry answers");
    }

    /// Where the users are, as sets: the nodes stand in no order. No node may stand twice.
    async fn locate(&self, users: &[UserId]) -> HashMap<UserId, HashSet<NodeId>> {
        let found = self.registry.locate(users).await.expect("the registry answers");
        found
            .users
            .into_iter()
            .map(|(user, nodes)| {
                let set: HashSet<_> = nodes.iter().copied().collect();
                assert_eq!(set.len(), nodes.len(), "no node stands twice");
                (user, set)
            })
            .collect()
    }

    async fn nodes(&self) -> HashSet<NodeId> {
        let nodes = self.registry.nodes().await.expect("the registry answers");
        let set: HashSet<_> = nodes.iter().copied().collect();
        assert_eq!(set.len(), nodes.len(), "no node stands twice");
        set
    }
}

fn found<const N: usize>(entries: [(UserId, &[&Node]); N]) -> HashMap<UserId, HashSet<NodeId>> {
    entries.into_iter().map(|(user, nodes)| (user, nodes.iter().map(|node| node.id).collect())).collect()
}

async fn who_has_entered_is_found_until_they_leave(engine: &dyn Engine) {
    let (here, there) = (Node::on(engine).await, Node::on(engine).await);
    here.enter(&[ALICE, CAROL]).await;
    let everyone = [ALICE, BOB, CAROL];
    assert_eq!(there.locate(&everyone).await, found([(ALICE, &[&here]), (CAROL, &[&here])]));
    here.leave(&[ALICE]).await;
    assert_eq!(there.locate(&everyone).await, found([(CAROL, &[&here])]));
}

async fn who_is_on_two_nodes_is_found_on_both(engine: &dyn Engine) {
    let (here, there) = (Node::on(engine).await, Node::on(engine).await);
    here.enter(&[ALICE, BOB]).await;
    there.enter(&[ALICE]).await;
    assert_eq!(here.locate(&[ALICE, BOB]).await, found([(ALICE, &[&here, &there]), (BOB, &[&here])]));
    here.leave(&[ALICE]).await;
    assert_eq!(here.locate(&[ALICE, BOB]).await, found([(ALICE, &[&there]), (BOB, &[&here])]));
}

async fn entering_and_leaving_twice_is_as_good_as_once(engine: &dyn Engine) {
    let node = Node::on(engine).await;
    node.enter(&[ALICE, ALICE]).await;
    node.enter(&[ALICE, BOB]).await;
    node.leave(&[BOB, BOB, CAROL]).await;
    node.leave(&[BOB]).await;
    assert_eq!(node.locate(&[ALICE, BOB, CAROL, ALICE]).await, found([(ALICE, &[&node])]));
}

async fn an_empty_list_asks_and_changes_nothing(engine: &dyn Engine) {
    let node = Node::on(engine).await;
    node.enter(&[]).await;
    node.leave(&[]).await;
    assert!(node.locate(&[]).await.is_empty());
    assert_eq!(node.nodes().await, HashSet::from([node.id]));
}

async fn a_renewal_keeps_the_lease_and_says_so(engine: &dyn Engine) {
    let node = Node::on(engine).await;
    node.enter(&[ALICE]).await;
    let start = Instant::now();
    while start.elapsed() < LEASE + SLACK {
        // The passing of time is what is tried here.
        sleep(RENEW_EVERY).await;
        assert_eq!(node.renew().await, Renewal::Kept);
    }
    assert_eq!(node.locate(&[ALICE]).await, found([(ALICE, &[&node])]));
}

async fn a_lease_that_ends_takes_its_entries_with_it(engine: &dyn Engine) {
    let (dead, alive) = (Node::on(engine).await, Node::on(engine).await);
    dead.enter(&[ALICE, BOB]).await;
    alive.enter(&[BOB]).await;
    let start = Instant::now();
    while alive.nodes().await.contains(&dead.id) {
        assert!(start.elapsed() < LEASE + SLACK, "the lease ends");
        sleep(Duration::from_millis(100)).await;
        alive.renew().await;
    }
    assert!(start.elapsed() > LEASE - SLACK, "the lease does not end early");
    assert_eq!(alive.locate(&[ALICE, BOB]).await, found([(BOB, &[&alive])]));
    // Entering late must not bring the lease back, or the renewal would not ask for the others.
    dead.enter(&[CAROL]).await;
    assert!(alive.locate(&[CAROL]).await.is_empty());
    assert_eq!(dead.renew().await, Renewal::Fresh);
    assert!(alive.locate(&[ALICE, CAROL]).await.is_empty());
}

async fn a_released_lease_takes_its_entries_with_it(engine: &dyn Engine) {
    let (here, there) = (Node::on(engine).await, Node::on(engine).await);
    here.enter(&[ALICE, BOB]).await;
    there.enter(&[BOB]).await;
    here.release().await;
    here.release().await;
    assert_eq!(there.nodes().await, HashSet::from([there.id]));
    assert_eq!(there.locate(&[ALICE, BOB]).await, found([(BOB, &[&there])]));
    assert_eq!(here.renew().await, Renewal::Fresh);
    assert!(there.locate(&[ALICE]).await.is_empty());
}

async fn a_new_incarnation_has_none_of_the_old_entries(engine: &dyn Engine) {
    let old = Node::on(engine).await;
    old.enter(&[ALICE]).await;
    let new = Node::on(engine).await;
    new.enter(&[BOB]).await;
    assert_eq!(new.locate(&[ALICE, BOB]).await, found([(ALICE, &[&old]), (BOB, &[&new])]));
    old.release().await;
    assert_eq!(new.locate(&[ALICE, BOB]).await, found([(BOB, &[&new])]));
}

async fn only_nodes_with_a_lease_are_listed(engine: &dyn Engine) {
    let stranger = Node { id: NodeId::random(), registry: engine.registry() };
    stranger.enter(&[ALICE]).await;
    assert!(stranger.nodes().await.is_empty());
    assert!(stranger.locate(&[ALICE]).await.is_empty());
    let (here, there) = (Node::on(engine).await, Node::on(engine).await);
    assert_eq!(stranger.nodes().await, HashSet::from([here.id, there.id]));
}

async fn hundreds_of_users_are_located_at_once(engine: &dyn Engine) {
    let nodes = [Node::on(engine).await, Node::on(engine).await, Node::on(engine).await];
    let users: Vec<UserId> = (1..=5_000).map(UserId).collect();
    for (number, node) in nodes.iter().enumerate() {
        let here: Vec<UserId> = users.iter().copied().filter(|user| user.0 % 4 == number as u64).collect();
        node.enter(&here).await;
    }
    let asked = &users[..500];
    let start = Instant::now();
    let answer = nodes[0].locate(asked).await;
    assert!(start.elapsed() < Duration::from_millis(200), "locating took {:?}", start.elapsed());
    for user in asked {
        let expected = nodes.get((user.0 % 4) as usize).map(|node| HashSet::from([node.id]));
        assert_eq!(answer.get(user), expected.as_ref(), "user {user}");
    }
}

async fn a_crowd_enters_and_leaves(engine: &dyn Engine) {
    let node = Node::on(engine).await;
    let crowd: Vec<UserId> = (1..=20_500).map(UserId).collect();
    node.enter(&crowd).await;
    assert_eq!(node.locate(&crowd).await.len(), crowd.len());
    node.leave(&crowd[..20_000]).await;
    assert_eq!(node.locate(&crowd).await.len(), 500);
    assert_eq!(node.renew().await, Renewal::Kept);
}

/// Runs every function over every engine.
macro_rules! contract {
    ($($name:ident),* $(,)?) => {
        mod memory {
            // Time is the test's own here, so that a lease ends at once.
            $(#[tokio::test(start_paused = true)]
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
    who_has_entered_is_found_until_they_leave,
    who_is_on_two_nodes_is_found_on_both,
    entering_and_leaving_twice_is_as_good_as_once,
    an_empty_list_asks_and_changes_nothing,
    a_renewal_keeps_the_lease_and_says_so,
    a_lease_that_ends_takes_its_entries_with_it,
    a_released_lease_takes_its_entries_with_it,
    a_new_incarnation_has_none_of_the_old_entries,
    only_nodes_with_a_lease_are_listed,
    hundreds_of_users_are_located_at_once,
    a_crowd_enters_and_leaves,
}

/// What only a registry in another process can suffer.
mod outages {
    use super::*;

    /// Within this an operation has failed, however Redis behaves.
    const FAILS_WITHIN: Duration = Duration::from_secs(2);

    async fn every_operation_fails_in_time(node: &Node) {
        let (registry, id) = (&node.registry, node.id);
        let in_time = "it fails in time";
        let results = [
            ("renew", timeout(FAILS_WITHIN, registry.renew(id)).await.expect(in_time).map(drop)),
            ("enter", timeout(FAILS_WITHIN, registry.enter(id, &[ALICE])).await.expect(in_time)),
            ("leave", timeout(FAILS_WITHIN, registry.leave(id, &[ALICE])).await.expect(in_time)),
            ("locate", timeout(FAILS_WITHIN, registry.locate(&[ALICE])).await.expect(in_time).map(drop)),
            ("nodes", timeout(FAILS_WITHIN, registry.nodes()).await.expect(in_time).map(drop)),
            ("release", timeout(FAILS_WITHIN, registry.release(id)).await.expect(in_time)),
        ];
        for (operation, result) in results {
            assert!(matches!(result, Err(PresenceError::Unavailable { .. })), "{operation} without Redis: {result:?}");
        }
    }

    /// Renews as a node does, until that succeeds.
    async fn renewed(node: &Node) -> Renewal {
        let renewed = async {
            loop {
                match node.registry.renew(node.id).await {
                    Ok(renewal) => return renewal,
                    Err(_) => sleep(Duration::from_millis(50)).await,
                }
            }
        };
        timeout(Duration::from_secs(5), renewed).await.expect("the registry works again")
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_registry_that_lost_everything_asks_for_everything_again() {
        let engine = InRedis::start();
        let node = Node::on(&engine).await;
        node.enter(&[ALICE]).await;
        engine.server.command(&["FLUSHALL"]);
        assert!(node.locate(&[ALICE]).await.is_empty());
        assert_eq!(node.renew().await, Renewal::Fresh);
        node.enter(&[ALICE]).await;
        assert_eq!(node.locate(&[ALICE]).await, found([(ALICE, &[&node])]));
        assert_eq!(node.renew().await, Renewal::Kept);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_killed_redis_gives_errors_in_time_and_a_new_one_serves() {
        let mut engine = InRedis::start();
        let node = Node::on(&engine).await;
        node.enter(&[ALICE]).await;
        engine.server.kill();
        every_operation_fails_in_time(&node).await;
        engine.server.start_again();
        assert_eq!(renewed(&node).await, Renewal::Fresh);
        node.enter(&[ALICE]).await;
        assert_eq!(node.locate(&[ALICE]).await, found([(ALICE, &[&node])]));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_frozen_redis_gives_errors_in_time_and_serves_when_it_goes_on() {
        let engine = InRedis::start();
        let node = Node::on(&engine).await;
        engine.server.freeze();
        every_operation_fails_in_time(&node).await;
        engine.server.thaw();
        renewed(&node).await;
        node.enter(&[ALICE]).await;
        assert_eq!(node.locate(&[ALICE]).await, found([(ALICE, &[&node])]));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn callers_in_an_outage_do_not_queue_up() {
        let engine = InRedis::start();
        let node = Node::on(&engine).await;
        engine.server.freeze();
        let start = Instant::now();
        let callers = (0..200).map(|_| node.registry.locate(&[ALICE]));
        let answers = futures_util::future::join_all(callers).await;
        assert!(answers.iter().all(Result::is_err));
        assert!(start.elapsed() < FAILS_WITHIN, "they took {:?}", start.elapsed());
        engine.server.thaw();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_renewal_whose_answer_was_lost_is_fresh_the_next_time() {
        let engine = InRedis::start();
        let node = Node::on(&engine).await;
        node.enter(&[ALICE]).await;
        engine.server.command(&["FLUSHALL"]);
        // The command waits in the frozen server's socket, and is carried out when nobody waits for its answer.
        engine.server.freeze();
        node.registry.renew(node.id).await.expect_err("a frozen server does not answer");
        engine.server.thaw();
        assert_eq!(renewed(&node).await, Renewal::Fresh);
        assert_eq!(node.renew().await, Renewal::Kept);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn nothing_in_redis_lasts_for_ever() {
        let engine = InRedis::start();
        let node = Node::on(&engine).await;
        node.enter(&[ALICE, BOB]).await;
        let keys: Vec<String> = ::redis::from_redis_value(engine.server.command(&["KEYS", "*"])).expect("names");
        assert_eq!(keys.len(), 2);
        for key in keys {
            assert!(key.starts_with("test:"), "{key}");
            let left: i64 = ::redis::from_redis_value(engine.server.command(&["PTTL", &key])).expect("a number");
            assert!(left > 0, "{key} ends");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn dead_nodes_leave_the_index() {
        let engine = InRedis::start();
        let (dead, alive) = (Node::on(&engine).await, Node::on(&engine).await);
        engine.server.command(&["DEL", &format!("test:on:{}", dead.id)]);
        alive.locate(&[ALICE]).await;
        let index: Vec<String> =
            ::redis::from_redis_value(engine.server.command(&["SMEMBERS", "test:nodes"])).expect("names");
        assert_eq!(index, [alive.id.to_string()]);
    }
}
