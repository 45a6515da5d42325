//! Two nodes that work: what is said on one is heard on the other, in one order, by those whom it concerns.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;
use support::cluster::Cluster;
use support::device::{Device, View};
use support::server::TestServer;
use tokio::time::Instant;
use trunkline_protocol::{CloseCode, Seq};
use trunkline_server::node::Routing;
use trunkline_server::store::Amendment;

over_both_routings!(
    people_on_different_nodes_chat,
    all_devices_of_both_are_told,
    a_group_over_two_nodes_sees_one_order,
    who_was_away_gets_everything_in_order,
    a_conversation_made_on_one_node_appears_on_the_other,
    who_is_added_on_one_node_is_told_on_the_other,
    who_is_removed_on_one_node_gets_nothing_more_on_the_other,
    cursors_typing_and_presence_cross_nodes,
    a_session_ended_on_one_node_closes_on_the_other,
    a_node_without_a_member_is_told_by_broadcast_only,
);

async fn a_node_without_a_member_is_told_by_broadcast_only(routing: Routing) {
    let Cluster { a, b, redis } = Cluster::start(routing).await;
    let third = TestServer::start_with(a.database(), support::cluster::options(&redis, routing)).await;
    third.bus_is("up", support::SOON).await;
    let (ann, bob) = (a.register("ann").await, a.register("bob").await);
    let here = a.direct(&ann, &bob).await;
    let (anns, bobs) = (a.device(&ann).await, b.device(&bob).await);
    // Both are known to be where they are.
    anns.send(here, "0");
    bobs.shows(here, &["0"]).await;
    let received = |server: &TestServer| server.node().metrics.nudges_received.get();
    let expected = match routing {
        Routing::Broadcast => 10,
        Routing::Directed => 0,
    };
    let deadline = Instant::now() + Duration::from_secs(20);
    for round in 1.. {
        let before = (received(&b), received(&third));
        for number in 0..10 {
            anns.send(here, number.to_string());
        }
        bobs.shows_count(here, 1 + 10 * round, support::SOON).await;
        let b_was_told = async || (received(&b) - before.0 >= 10).then_some(());
        support::eventually("b is told", support::SOON, b_was_told).await;
        // What goes to both is published at once: a third that is to be told was, or is in this moment.
        let told = async || (received(&third) - before.1 == expected).then_some(());
        if tokio::time::timeout(Duration::from_secs(1), support::eventually("who is told", support::SOON, told))
            .await
            .is_ok()
        {
            return;
        }
        // The registry's word for it takes a moment, and until then everyone may be told.
        assert!(Instant::now() < deadline, "{} were told to the third", received(&third) - before.1);
    }
}

async fn people_on_different_nodes_chat(routing: Routing) {
    let Cluster { a, b, redis: _redis } = Cluster::start(routing).await;
    let (ann, bob) = (a.register("ann").await, a.register("bob").await);
    let (anns, bobs) = (a.device(&ann).await, b.device(&bob).await);
    let here = a.direct(&ann, &bob).await;
    anns.knows(here).await;
    bobs.knows(here).await;
    anns.send(here, "over there?");
    bobs.shows(here, &["over there?"]).await;
    bobs.send(here, "over here");
    anns.shows(here, &["over there?", "over here"]).await;
    anns.until("delivered", |view| (view.cursors(here, bob.id())?.0 >= Seq(1)).then_some(())).await;
}

async fn all_devices_of_both_are_told(routing: Routing) {
    let Cluster { a, b, redis: _redis } = Cluster::start(routing).await;
    let (ann, bob) = (a.register("ann").await, a.register("bob").await);
    let here = a.direct(&ann, &bob).await;
    let devices = [a.device(&ann).await, b.device(&ann).await, a.device(&bob).await, b.device(&bob).await];
    let mut said = Vec::new();
    for (device, text) in devices.iter().zip(["one", "two", "three", "four"]) {
        device.send(here, text);
        said.push(text);
        for other in &devices {
            other.shows(here, &said).await;
        }
    }
    devices[0].read_all(here);
    devices[1].until("read elsewhere", |view| (view.unread(here) == Some(0)).then_some(())).await;
}

async fn a_group_over_two_nodes_sees_one_order(routing: Routing) {
    const EACH: usize = 40;
    let Cluster { a, b, redis: _redis } = Cluster::start(routing).await;
    let mut people = Vec::new();
    for name in ["ann", "bob", "carol", "dave"] {
        people.push(a.register(name).await);
    }
    let here = a.group(&people[0], &[&people[1], &people[2], &people[3]]).await;
    let mut devices = Vec::new();
    for (number, login) in people.iter().enumerate() {
        devices.push([&a, &b][number % 2].device(login).await);
    }
    for number in 0..EACH {
        for (person, device) in devices.iter().enumerate() {
            device.send(here, format!("{person}/{number}"));
        }
        tokio::task::yield_now().await;
    }
    for device in &devices {
        device.shows_count(here, EACH * devices.len(), Duration::from_secs(30)).await;
        device.settled().await;
    }
    let log = devices[0].log(here);
    for device in &devices[1..] {
        assert_eq!(device.log(here), log);
    }
    for person in 0..devices.len() {
        let own =
            log.iter().filter_map(|(.., text)| text.as_deref()).filter(|text| text.starts_with(&format!("{person}/")));
        let wanted: Vec<_> = (0..EACH).map(|number| format!("{person}/{number}")).collect();
        assert_eq!(own.collect::<Vec<_>>(), wanted, "one device's sends keep their order");
    }
}

async fn who_was_away_gets_everything_in_order(routing: Routing) {
    let Cluster { a, b, redis: _redis } = Cluster::start(routing).await;
    let (ann, bob) = (a.register("ann").await, a.register("bob").await);
    let here = a.direct(&ann, &bob).await;
    let (anns, bobs) = (a.device(&ann).await, b.device(&bob).await);
    anns.send(here, "0");
    bobs.shows(here, &["0"]).await;
    bobs.act(|client, _| client.network_lost());
    let texts: Vec<_> = (0..25).map(|number| number.to_string()).collect();
    for text in &texts[1..] {
        anns.send(here, text);
    }
    anns.settled().await;
    // One comes back with what it knew, another one for the first time.
    bobs.act(trunkline_protocol::client::Client::connect);
    let phones = a.device(&b.log_in("bob").await).await;
    for device in [&bobs, &phones] {
        assert_eq!(device.shows_count(here, texts.len(), support::SOON).await, texts);
    }
}

async fn a_conversation_made_on_one_node_appears_on_the_other(routing: Routing) {
    let Cluster { a, b, redis: _redis } = Cluster::start(routing).await;
    let (ann, bob) = (a.register("ann").await, a.register("bob").await);
    let (anns, bobs) = (a.device(&ann).await, b.device(&bob).await);
    let direct = a.direct(&ann, &bob).await;
    let group = a.group(&ann, &[&bob]).await;
    for device in [&anns, &bobs] {
        device.knows(direct).await;
        device.knows(group).await;
    }
}

async fn who_is_added_on_one_node_is_told_on_the_other(routing: Routing) {
    let Cluster { a, b, redis: _redis } = Cluster::start(routing).await;
    let (ann, bob) = (a.register("ann").await, a.register("bob").await);
    let (anns, bobs) = (a.device(&ann).await, b.device(&bob).await);
    let here = a.group(&ann, &[]).await;
    anns.knows(here).await;
    anns.send(here, "before");
    anns.settled().await;
    a.amend(&ann, here, Amendment::AddMembers(vec![bob.id()])).await;
    anns.send(here, "after");
    bobs.shows(here, &["after"]).await;
}

async fn who_is_removed_on_one_node_gets_nothing_more_on_the_other(routing: Routing) {
    let Cluster { a, b, redis: _redis } = Cluster::start(routing).await;
    let (ann, bob, carol) = (a.register("ann").await, a.register("bob").await, a.register("carol").await);
    let here = a.group(&ann, &[&bob, &carol]).await;
    let (anns, carols) = (a.device(&ann).await, b.device(&carol).await);
    let mut raw = b.welcomed(&bob).await;
    anns.send(here, "with bob");
    a.amend(&ann, here, Amendment::RemoveMember(bob.id())).await;
    anns.send(here, "without bob");
    // Another one on the same node has it, so the node had it to hand out.
    carols.shows(here, &["with bob", "without bob"]).await;
    let mut left = false;
    raw.say(&trunkline_protocol::ClientFrame::Ping {}).await;
    loop {
        let frame = raw.expect("a pong", |_| true).await;
        let text = serde_json::to_string(&frame).expect("JSON");
        assert!(!text.contains("without bob"), "{text}");
        left |= matches!(frame, trunkline_protocol::ServerFrame::Left { .. });
        if matches!(frame, trunkline_protocol::ServerFrame::Pong { .. }) {
            break;
        }
    }
    assert!(left, "told to have left before anything that came later");
}

async fn cursors_typing_and_presence_cross_nodes(routing: Routing) {
    let Cluster { a, b, redis: _redis } = Cluster::start(routing).await;
    let (ann, bob) = (a.register("ann").await, a.register("bob").await);
    let here = a.direct(&ann, &bob).await;
    let anns = a.device(&ann).await;
    anns.act(|client, _| client.watch(vec![bob.id()]));
    let bobs = [a.device(&bob).await, b.device(&bob).await];
    let online = |wanted: bool| {
        let bob = bob.id();
        move |view: &View| view.presence.get(&bob).filter(|presence| presence.online == wanted).map(|_| ())
    };
    anns.until("here", online(true)).await;
    anns.send(here, "seen?");
    bobs[1].shows(here, &["seen?"]).await;
    bobs[1].act(|client, now| client.typing(now, here));
    anns.until("typing", |view| view.typing.contains(&(here, bob.id())).then_some(())).await;
    bobs[1].read_all(here);
    anns.until("seen", |view| (view.cursors(here, bob.id())?.1 == Seq(1)).then_some(())).await;
    bobs[0].until("read elsewhere", |view| (view.unread(here) == Some(0)).then_some(())).await;
    let [first, second] = bobs;
    drop(first);
    // Still here, on the other node; gone only with the last device.
    anns.send(here, "still here?");
    second.shows(here, &["seen?", "still here?"]).await;
    drop(second);
    anns.until("gone", online(false)).await;
}

async fn a_session_ended_on_one_node_closes_on_the_other(routing: Routing) {
    let Cluster { a, b, redis: _redis } = Cluster::start(routing).await;
    let ann = a.register("ann").await;
    let (here, there) = (a.log_in("ann").await, b.log_in("ann").await);
    let devices: [Device; 3] = [a.device(&ann).await, a.device(&here).await, b.device(&there).await];
    a.state().accounts.end_others(ann.id(), ann.session).await.expect("ended");
    for device in &devices[1..] {
        assert_eq!(device.stopped(Duration::from_secs(2)).await, CloseCode::SessionEnded.as_u16());
    }
    assert_eq!(devices[0].view().welcomes, 1);
    devices[0].live().await;
}
