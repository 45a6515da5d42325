//! What is seen of several nodes: the way of a message over them, how they are, and that who is shut out is out on all.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;
use support::child::ChildNode;
use support::cluster::{Cluster, options};
use support::device::Device;
use support::redis::RedisServer;
use support::server::{Database, Login, TestServer};
use support::{SOON, eventually};
use tokio::time::Instant;
use trunkline_protocol::{CloseCode, ConversationId, NodeId, Seq};
use trunkline_server::node::Routing;
use trunkline_server::node::questions::{Answer, Question};
use trunkline_server::node::trace::{By, DeviceSteps, Found};
use trunkline_server::node::way::Way;
use trunkline_server::store::Credential;

over_both_routings!(a_message_is_followed_over_two_nodes_to_every_device_and_back);

/// The way of a message, once it is as the test wants it.
async fn way(server: &TestServer, who: &Login, message: (ConversationId, Seq), fits: impl Fn(&Way) -> bool) -> Way {
    eventually("the way is whole", SOON, async || {
        let way = server.node().way(who.id(), false, message.0, message.1).await.expect("a way");
        fits(&way).then_some(way)
    })
    .await
}

fn found(way: &Way, node: NodeId) -> &Found {
    way.nodes.get(&node).expect("a node that is known").as_ref().expect("an answer")
}

fn devices(way: &Way) -> Vec<&DeviceSteps> {
    way.nodes.values().flatten().flat_map(|found| &found.devices).collect()
}

async fn say(device: &Device, here: ConversationId, text: &str) {
    device.send(here, text);
    device.settled().await;
}

async fn a_message_is_followed_over_two_nodes_to_every_device_and_back(routing: Routing) {
    let cluster = Cluster::start(routing).await;
    let (ann, bob) = (cluster.a.register("ann").await, cluster.a.register("bob").await);
    let here = cluster.a.direct(&ann, &bob).await;
    let anns = cluster.a.device(&ann).await;
    let bobs = [cluster.a.device(&bob).await, cluster.b.device(&bob).await];
    // Bob's node is to be known before it is written to.
    eventually("found", SOON, async || {
        let seen = cluster.a.node().presence(&[bob.id()]).await;
        seen[0].online.then_some(())
    })
    .await;
    say(&anns, here, "over there?").await;
    for device in &bobs {
        device.shows(here, &["over there?"]).await;
        device.read_all(here);
    }
    let (a, b) = (cluster.a.node().id(), cluster.b.node().id());
    let whole = |way: &Way| {
        let read = devices(way).iter().filter(|device| device.user == bob.id() && device.read.is_some()).count();
        read == 2 && way.nodes.values().all(Option::is_some)
    };
    // From either node the same is seen.
    for server in [&cluster.a, &cluster.b] {
        let way = way(server, &ann, (here, Seq(1)), whole).await;
        assert!(!way.incomplete && way.nodes.len() == 2);
        let (on_a, on_b) = (found(&way, a), found(&way, b));
        assert!(on_a.accepted.is_some() && on_a.accepted <= on_a.stored && on_a.heard.is_none(), "{on_a:?}");
        let routed = on_a.routed.as_ref().expect("it was routed");
        assert!(routed.to.as_ref().is_none_or(|to| *to == [b]), "{routed:?}");
        assert_eq!((on_b.heard.expect("heard").by, on_b.stored), (By::Bus, None));
        for found in [on_a, on_b] {
            let bobs: Vec<_> = found.devices.iter().filter(|device| device.user == bob.id()).collect();
            let [device] = bobs[..] else { panic!("one device of bob's on each node: {found:?}") };
            let times = [device.handed, device.written, device.acknowledged, device.read];
            assert!(times.iter().all(Option::is_some) && times.is_sorted(), "{times:?}");
            assert!(!device.fetched);
        }
        let [recipient] = &way.recipients[..] else { panic!("bob alone") };
        assert_eq!((recipient.user.id, recipient.read), (bob.id(), Seq(1)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_told_a_node_it_says_to_have_found_in_the_store() {
    let cluster = Cluster::start_without_nudges(Routing::Broadcast).await;
    let (ann, bob) = (cluster.a.register("ann").await, cluster.a.register("bob").await);
    let here = cluster.a.direct(&ann, &bob).await;
    let (anns, bobs) = (cluster.a.device(&ann).await, cluster.b.device(&bob).await);
    say(&anns, here, "by the log").await;
    bobs.shows_count(here, 1, Duration::from_secs(12)).await;
    let way = way(&cluster.b, &ann, (here, Seq(1)), |way| !devices(way).is_empty()).await;
    let found = found(&way, cluster.b.node().id());
    assert_eq!(found.heard.map(|heard| heard.by), Some(By::Store));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_was_away_fetches_and_the_way_says_so() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.register("ann").await, server.register("bob").await);
    let here = server.direct(&ann, &bob).await;
    for text in ["one", "two", "three"] {
        server.store_message(&ann, here, text).await;
    }
    let bobs = server.device(&bob).await;
    bobs.shows(here, &["one", "two", "three"]).await;
    let acknowledged = |way: &Way| {
        let is_whole = |device: &&DeviceSteps| device.acknowledged.is_some() && device.written.is_some();
        devices(way).iter().any(is_whole)
    };
    for seq in 1..=3 {
        let way = way(&server, &ann, (here, Seq(seq)), acknowledged).await;
        let [device] = devices(&way)[..] else { panic!("one device: {way:?}") };
        assert!(device.fetched && device.handed <= device.written, "{device:?}");
    }
}

async fn node_of(child: &ChildNode) -> NodeId {
    let url = format!("http://{}/readyz", child.address());
    let body: serde_json::Value = reqwest::get(url).await.expect("an answer").json().await.expect("JSON");
    body["node"].as_str().expect("a node").parse().expect("its id")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_does_not_answer_is_named_and_holds_nobody_up_for_long() {
    let (redis, database) = (RedisServer::start(), Database::new());
    let a = TestServer::start_with(&database, options(&redis, Routing::Directed)).await;
    let child = ChildNode::start(&database, &["--bus", &redis.url()]);
    let other = node_of(&child).await;
    let statuses = eventually("both answer", SOON, async || {
        let answers = a.node().ask_all(Question::Status {}).await;
        answers.nodes.get(&other).is_some_and(Option::is_some).then_some(answers.nodes)
    })
    .await;
    assert_eq!(statuses.len(), 2);
    let Some(Some(Answer::Status(status))) = statuses.get(&other) else { panic!("a status: {statuses:?}") };
    assert_eq!((status.version.as_str(), status.connections), (env!("CARGO_PKG_VERSION"), 0));
    assert!(status.started > 0 && status.store_up && status.lease_up && !status.draining, "{status:?}");
    child.freeze();
    let begun = Instant::now();
    let answers = a.node().ask_all(Question::Status {}).await;
    assert!(begun.elapsed() < Duration::from_secs(4), "it took {:?}", begun.elapsed());
    assert_eq!(answers.nodes.get(&other), Some(&None), "its lease is alive, and it says nothing");
    assert!(!answers.incomplete);
    child.thaw();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_redis_is_down_this_node_answers_and_says_that_there_may_be_others() {
    let mut cluster = Cluster::start(Routing::Directed).await;
    cluster.redis.kill();
    let answers = cluster.a.node().ask_all(Question::Status {}).await;
    assert!(answers.incomplete && answers.nodes.get(&cluster.a.node().id()).is_some_and(Option::is_some));
}

async fn is_shut_out_within(cluster: &Cluster, admin: &Login, bob: &Login, limit: Duration) {
    let sockets = [cluster.a.welcomed(bob).await, cluster.b.welcomed(bob).await];
    let secret = cluster.a.state().accounts.create_token(bob.id(), "a script").await.expect("a token");
    let identity = cluster.b.state().accounts.identify_token(secret.reveal()).await.expect("the store");
    assert!(matches!(identity.expect("a token").credential, Credential::Token(_)));
    let begun = Instant::now();
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let form = http.post(cluster.a.url("/api/fn/disable_account")).header("cookie", &admin.cookie);
    let form = form.header("content-type", "application/x-www-form-urlencoded").body(format!("user={}", bob.id()));
    assert_eq!(form.send().await.expect("an answer").status(), 303);
    for mut socket in sockets {
        assert_eq!(socket.closed_within(limit).await, Some(CloseCode::SessionEnded.as_u16()));
    }
    assert!(begun.elapsed() < limit, "it took {:?}", begun.elapsed());
    assert!(cluster.b.state().accounts.identify_token(secret.reveal()).await.expect("the store").is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_disabled_is_off_every_node_within_two_seconds_and_four_without_redis() {
    let mut cluster = Cluster::start(Routing::Directed).await;
    let (admin, bob) = (cluster.a.register("admin").await, cluster.a.register("bob").await);
    is_shut_out_within(&cluster, &admin, &bob, Duration::from_secs(2)).await;
    let carl = cluster.a.register("carl").await;
    cluster.redis.kill();
    for server in [&cluster.a, &cluster.b] {
        server.bus_is("down", SOON).await;
    }
    is_shut_out_within(&cluster, &admin, &carl, Duration::from_secs(4)).await;
}
