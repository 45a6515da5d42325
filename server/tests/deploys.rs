//! A node is replaced while people talk: who is connected to it is welcomed elsewhere before they leave it.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;
use support::SOON;
use support::cluster::{Cluster, options};
use support::device::{Device, View};
use support::redis::RedisServer;
use support::server::{Database, TestServer};
use tokio::time::Instant;
use trunkline_protocol::client::Link;
use trunkline_server::config::Options;
use trunkline_server::node::Routing;

over_both_routings!(who_moves_is_not_missed_by_anybody, every_node_is_replaced_one_after_the_other);

fn draining(redis: &RedisServer, routing: Routing, seconds: u64) -> Options {
    Options { drain_seconds: Some(seconds), ..options(redis, routing) }
}

async fn who_moves_is_not_missed_by_anybody(routing: Routing) {
    let Cluster { redis, a: old, b } = Cluster::start(routing).await;
    old.stop().await;
    let mut a = TestServer::start_with(b.database(), draining(&redis, routing, 6)).await;
    a.bus_is("up", SOON).await;
    let (ann, bob) = (a.register("ann").await, b.register("bob").await);
    let here = a.direct(&ann, &bob).await;
    // As behind a balancer: the node that stops refuses, and the next one is tried.
    let anns = Device::start(&ann, &[a.address(), b.address()]);
    anns.live().await;
    let (bobs, also) = (b.device(&bob).await, Device::start(&bob, &[a.address(), b.address()]));
    also.live().await;
    bobs.act(|client, _| client.watch(vec![ann.id()]));
    also.act(|client, _| client.watch(vec![ann.id()]));
    bobs.until("here", |view| view.presence.get(&ann.id()).filter(|known| known.online).map(|_| ())).await;
    let mut said = Vec::new();
    let mut say = |count: usize| {
        for _ in 0..count {
            said.push(said.len().to_string());
            anns.send(here, said.last().expect("just said"));
        }
    };
    say(3);
    let begun = Instant::now();
    a.begin_stop();
    say(3);
    anns.until("told", |view| view.moving.first().copied()).await;
    say(3);
    anns.until("welcomed elsewhere", |view| (view.welcomes == 2).then_some(())).await;
    say(3);
    also.until("welcomed elsewhere", |view| (view.welcomes == 2).then_some(())).await;
    a.stop().await;
    // It does not wait longer than it has to.
    assert!(begun.elapsed() < Duration::from_secs(6), "it took {:?}", begun.elapsed());
    say(3);
    anns.settled().await;
    for device in [&anns, &bobs, &also] {
        assert_eq!(device.shows_count(here, said.len(), SOON).await, said);
        let absences = device.view().absences.clone();
        assert_eq!(absences, [], "somebody was shown as gone");
        device.never_was_without_a_node();
        device.sent_nothing_twice();
    }
    // Longer than it takes a node to look again who is here.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let absences = bobs.view().absences.clone();
    assert_eq!(absences, []);
}

async fn every_node_is_replaced_one_after_the_other(routing: Routing) {
    let (redis, database) = (RedisServer::start(), Database::new());
    let start = async || {
        let server = TestServer::start_with(&database, draining(&redis, routing, 3)).await;
        server.bus_is("up", SOON).await;
        server
    };
    let mut nodes = vec![start().await, start().await, start().await];
    let mut addresses: Vec<_> = nodes.iter().map(TestServer::address).collect();
    let mut devices = Vec::new();
    for (number, name) in ["ann", "bob", "carol"].into_iter().enumerate() {
        let login = nodes[number].register(name).await;
        addresses.rotate_left(usize::from(number > 0));
        let device = Device::start(&login, &addresses);
        device.live().await;
        devices.push((login, device));
    }
    let here = nodes[0].group(&devices[0].0, &[&devices[1].0, &devices[2].0]).await;
    for (_, device) in &devices {
        device.knows(here).await;
        let all: Vec<_> = devices.iter().map(|(login, _)| login.id()).collect();
        device.act(|client, _| client.watch(all.clone()));
        let here = |view: &View| all.iter().all(|user| view.presence.get(user).is_some_and(|known| known.online));
        device.until("everybody is here", |view| here(view).then_some(())).await;
        // Whatever was believed before they came.
        device.view().absences.clear();
    }
    let mut count = 0;
    let mut say = || {
        for (login, device) in &devices {
            device.send(here, format!("{} {count}", login.user.name));
        }
        count += 1;
    };
    for _ in 0..3 {
        nodes.push(start().await);
        // As behind a balancer that has not noticed yet: the node that stops refuses, and another one is tried.
        let addresses: Vec<_> = nodes.iter().map(TestServer::address).collect();
        devices.iter().for_each(|(_, device)| device.set_nodes(&addresses));
        say();
        let mut old = nodes.remove(0);
        old.begin_stop();
        say();
        old.stop().await;
        say();
    }
    for (login, device) in &devices {
        let texts = device.shows_count(here, 27, SOON).await;
        for (author, _) in &devices {
            let theirs: Vec<_> = texts.iter().filter(|text| text.starts_with(&author.user.name)).collect();
            let expected: Vec<_> = (0..9).map(|number| format!("{} {number}", author.user.name)).collect();
            assert_eq!(theirs, expected.iter().collect::<Vec<_>>(), "as {} sees it", login.user.name);
        }
        device.settled().await;
        device.never_was_without_a_node();
        device.sent_nothing_twice();
        let absences = device.view().absences.clone();
        assert_eq!(absences, [], "{} saw them go", login.user.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_nowhere_to_go_is_served_until_the_window_ends_and_comes_back_later() {
    let database = Database::new();
    let options = Options { drain_seconds: Some(3), ..Options::default() };
    let mut server = TestServer::start_with(&database, options).await;
    let (ann, bob) = (server.register("ann").await, server.register("bob").await);
    let here = server.direct(&ann, &bob).await;
    let anns = server.device(&ann).await;
    let begun = Instant::now();
    server.begin_stop();
    anns.until("told", |view| view.moving.first().copied()).await;
    let (status, body) = server.readiness().await;
    assert_eq!((status, body["draining"].as_bool()), (503, Some(true)));
    // New upgrades are refused in a way that a balancer understands, and tries the next one.
    let request = support::raw::request(server.address(), &ann.cookie);
    let refused = tokio_tungstenite::connect_async(request).await.expect_err("refused");
    let tokio_tungstenite::tungstenite::Error::Http(answer) = refused else { panic!("{refused}") };
    assert_eq!(answer.status().as_u16(), 503);
    assert!(answer.headers().contains_key("retry-after"));
    anns.send(here, "to the end");
    anns.settled().await;
    assert_eq!(anns.view().client.link(), Link::Live);
    server.stop().await;
    assert!(begun.elapsed() >= Duration::from_secs(3), "the window was cut short: {:?}", begun.elapsed());
    anns.until("without a node", |view| (view.client.link() != Link::Live).then_some(())).await;
    anns.send(here, "kept");
    let server = TestServer::start_with(&database, Options::default()).await;
    anns.set_nodes(&[server.address()]);
    anns.until_within(Duration::from_secs(15), "back", |view| (view.client.link() == Link::Live).then_some(())).await;
    anns.shows(here, &["to the end", "kept"]).await;
}
