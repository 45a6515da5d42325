//! What every registry must do, tried on each of them, and what the one in Redis must survive.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod contract;
mod forms;
mod outages;
#[path = "../support/mod.rs"]
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
        Box::new(RedisRegistry::new(&servers_at(&self.server.url()), "test"))
    }
}

/// Redis in any form, that others use as well.
struct AtRedis {
    servers: Servers,
    prefix: &'static str,
}

impl Engine for AtRedis {
    fn registry(&self) -> Box<dyn Registry> {
        Box::new(RedisRegistry::new(&self.servers, self.prefix))
    }
}

fn servers_at(url: &str) -> Servers {
    Servers::at(url).expect("the address is valid")
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

/// Runs every function over every engine.
macro_rules! contract {
    ($($name:ident),* $(,)?) => {
        mod memory {
            // Time is the test's own here, so that a lease ends at once.
            $(#[tokio::test(start_paused = true)]
            async fn $name() {
                super::contract::$name(&super::InMemory(Default::default())).await;
            })*
        }
        /// All of them at once, for they mostly wait.
        async fn keeps_the_contract(url: &str) {
            tokio::join!($(async {
                let engine = AtRedis { servers: servers_at(url), prefix: stringify!($name) };
                contract::$name(&engine).await;
            }),*);
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
