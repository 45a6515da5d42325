//! What routing costs at Redis: with directed routing it sends out no more than it takes in, however many nodes there are.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;
use support::SOON;
use support::cluster::options;
use support::device::Device;
use support::redis::RedisServer;
use support::server::{Database, Login, TestServer};
use tokio::time::Instant;
use trunkline_protocol::ConversationId;
use trunkline_server::node::Routing;

/// Bytes out of Redis for each byte in. What is between it and 1 is for the canaries, the leases, and our own question.
const MOST: f64 = 1.1;
/// Messages of each person in one round: enough that the rest does not count.
const EACH: usize = 60;
/// Until all nodes believe the registry.
const SETTLED: Duration = Duration::from_secs(20);

/// As many people as nodes, each on another one, who talk to the next.
struct Circle {
    redis: RedisServer,
    nodes: Vec<TestServer>,
    people: Vec<(Login, Device)>,
    talks: Vec<ConversationId>,
    rounds: usize,
}

impl Circle {
    async fn of(size: usize, routing: Routing) -> Self {
        let (redis, database) = (RedisServer::start(), Database::new());
        let mut nodes = Vec::new();
        for _ in 0..size {
            let node = TestServer::start_with(&database, options(&redis, routing)).await;
            node.bus_is("up", SOON).await;
            nodes.push(node);
        }
        let mut people = Vec::new();
        for (number, node) in nodes.iter().enumerate() {
            let login = node.register(&format!("user-{number}")).await;
            let device = node.device(&login).await;
            people.push((login, device));
        }
        let mut talks = Vec::new();
        for number in 0..size {
            let (login, device) = &people[number];
            let (next, nexts) = &people[(number + 1) % size];
            let talk = nodes[number].direct(login, next).await;
            device.knows(talk).await;
            nexts.knows(talk).await;
            talks.push(talk);
        }
        Self { redis, nodes, people, talks, rounds: 0 }
    }

    fn traffic(&self) -> (f64, f64) {
        let stats: String = self.redis.ask(&["INFO", "stats"]);
        let value = |name: &str| {
            let line = stats.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.expect("Redis counts").trim().parse::<f64>().expect("a number")
        };
        (value("total_net_input_bytes"), value("total_net_output_bytes"))
    }

    /// Everybody says something to the next one; bytes out for each byte in meanwhile.
    async fn round(&mut self) -> f64 {
        let before = self.traffic();
        self.rounds += 1;
        let text = "x".repeat(100);
        for number in 0..EACH {
            for (at, node) in self.nodes.iter().enumerate() {
                node.store_message(&self.people[at].0, self.talks[at], &format!("{text} {number}")).await;
            }
        }
        for (at, talk) in self.talks.iter().enumerate() {
            let (_, next) = &self.people[(at + 1) % self.people.len()];
            // Those who are two make one conversation.
            let talks = if self.people.len() == 2 { 2 } else { 1 };
            next.shows_count(*talk, talks * EACH * self.rounds, SOON).await;
        }
        let after = self.traffic();
        (after.1 - before.1) / (after.0 - before.0)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_directed_routing_redis_sends_out_what_it_takes_in_at_every_number_of_nodes() {
    for size in [2, 4, 8] {
        let mut circle = Circle::of(size, Routing::Directed).await;
        // Until everybody's place is known, everybody is told.
        let until = Instant::now() + SETTLED;
        while circle.round().await > MOST {
            assert!(Instant::now() < until, "with {size} nodes everybody is told of everything");
        }
        for _ in 0..3 {
            let ratio = circle.round().await;
            assert!(ratio <= MOST, "with {size} nodes {ratio:.2} bytes out for each byte in");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_broadcast_routing_it_sends_out_as_much_to_every_node() {
    let mut circle = Circle::of(4, Routing::Broadcast).await;
    let ratio = circle.round().await;
    assert!(ratio > 3.0, "so what is measured above can be told apart: {ratio:.2}");
}
