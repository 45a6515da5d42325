//! Nodes that share a PostgreSQL database: the main things that nodes do, and what may happen to the server and to them.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;
use support::child::ChildNode;
use support::cluster::{Cluster, options};
use support::device::Device;
use support::postgres::PostgresServer;
use support::server::{Database, TestServer};
use support::{SOON, eventually};
use trunkline_protocol::Seq;
use trunkline_server::config::Options;
use trunkline_server::node::Routing;
use trunkline_server::store::Amendment;

/// How long a server that was started again takes to let everybody in, and clients to come back.
const RECOVERED: Duration = Duration::from_secs(25);

fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_on_different_nodes_chat() {
    const EACH: usize = 15;
    for routing in [Routing::Broadcast, Routing::Directed] {
        let Cluster { a, b, redis: _redis } =
            Cluster::start_with(Database::postgres(PostgresServer::shared()), routing).await;
        let mut people = Vec::new();
        for name in ["ann", "bob", "carol", "dave"] {
            people.push(a.register(name).await);
        }
        let here = a.group(&people[0], &[&people[1], &people[2]]).await;
        let mut devices = Vec::new();
        for (number, login) in people.iter().enumerate() {
            devices.push([&a, &b][number % 2].device(login).await);
        }
        for number in 0..EACH {
            for device in &devices[..3] {
                device.send(here, number.to_string());
            }
        }
        for device in &devices[..3] {
            device.shows_count(here, EACH * 3, Duration::from_secs(30)).await;
            device.settled().await;
        }
        let log = devices[0].log(here);
        assert_eq!(devices[1].log(here), log);
        assert_eq!(devices[2].log(here), log);
        // Who comes later sees what comes later; what is read on one node is seen as read on the other.
        a.amend(&people[0], here, Amendment::AddMembers(vec![people[3].id()])).await;
        devices[3].knows(here).await;
        devices[1].send(here, "welcome");
        devices[3].shows(here, &["welcome"]).await;
        devices[3].read_all(here);
        let (dave, last) = (people[3].id(), Seq(2 + EACH as u64 * 3 + 2));
        devices[0].until("seen", |view| (view.cursors(here, dave)?.1 >= last).then_some(())).await;
        // A session that is ended here is closed there.
        let phone = a.log_in("bob").await;
        let phones = a.device(&phone).await;
        b.state().accounts.end_session(phone.id(), phone.session).await.expect("ended");
        phones.stopped(SOON).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_dies_while_messages_flow_costs_time_only() {
    let mut server = PostgresServer::start(&[]);
    let Cluster { a, b, redis: _redis } = Cluster::start_with(Database::postgres(&server), Routing::Directed).await;
    let (ann, bob) = (a.register("ann").await, a.register("bob").await);
    let here = a.direct(&ann, &bob).await;
    let (anns, bobs) = (a.device(&ann).await, b.device(&bob).await);
    assert_eq!(a.readiness().await.1["durability"], "fsync");
    let texts = numbers(0..24);
    for text in &texts[..12] {
        anns.send(here, text);
    }
    bobs.until("the first", |view| (!view.texts(here).is_empty()).then_some(())).await;
    server.kill();
    for text in &texts[12..] {
        anns.send(here, text);
    }
    eventually("not ready", SOON, async || (a.readiness().await.0 == 503).then_some(())).await;
    server.start_again();
    assert_eq!(bobs.shows_count(here, texts.len(), RECOVERED).await, texts);
    assert_eq!(anns.shows_count(here, texts.len(), SOON).await, texts);
    anns.settled().await;
    assert_eq!(anns.log(here), bobs.log(here));
    for node in [&a, &b] {
        eventually("ready", RECOVERED, async || (node.readiness().await.0 == 200).then_some(())).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_stopped_in_its_tracks_holds_nobody_up() {
    let database = Database::postgres(PostgresServer::shared());
    let Cluster { a, b, redis } = Cluster::start_with(database.clone(), Routing::Directed).await;
    let third = ChildNode::start(&database, &["--bus", &redis.url()]);
    let (ann, bob) = (a.register("ann").await, a.register("bob").await);
    let here = a.direct(&ann, &bob).await;
    let (anns, bobs) = (a.device(&ann).await, b.device(&bob).await);
    let thirds = Device::start(&bob, &[third.address()]);
    thirds.live().await;
    // In the middle of its own writing.
    for number in 0..16 {
        thirds.send(here, format!("third {number}"));
    }
    third.freeze();
    let before = anns.view().texts(here).len();
    let texts = numbers(0..8);
    for text in &texts {
        anns.send(here, text);
    }
    let own = |seen: &[String]| seen.iter().filter(|text| !text.starts_with("third")).cloned().collect::<Vec<_>>();
    for device in [&anns, &bobs] {
        device
            .until_within(Duration::from_secs(12), "heard", |view| {
                let seen: Vec<_> = view.texts(here).into_iter().map(str::to_owned).collect();
                (seen.len() >= before && own(&seen) == texts).then_some(())
            })
            .await;
    }
    third.thaw();
    anns.shows_count(here, 24, RECOVERED).await;
    thirds.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_can_not_hear_each_other_do_not_share_a_database() {
    let database = Database::postgres(PostgresServer::shared());
    let redis = support::redis::RedisServer::stopped();
    let first = TestServer::start_with(&database, options(&redis, Routing::Directed)).await;
    let refused = TestServer::try_start_with(&database, Options::default()).await.err().expect("a refusal");
    let sentence = format!("{refused:#}");
    assert!(sentence.contains("another node") && sentence.contains(&redis.url()), "{sentence}");
    let second = TestServer::start_with(&database, options(&redis, Routing::Directed)).await;
    first.stop().await;
    second.stop().await;
    TestServer::start_with(&database, Options::default()).await.stop().await;
}
