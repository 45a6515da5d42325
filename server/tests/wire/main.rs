//! The wire over real sockets, on one node: what clients may say, and what comes of it. After every kind of bad
//! input the connection goes on, or is closed with the code that says why, and nothing that was sent is lost.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod bounds;
mod doors;
mod input;
mod release;
#[path = "../support/mod.rs"]
mod support;

use std::time::Duration;
use support::raw::{self, Heard, Raw};
use support::server::{Login, TestServer};
use support::{SOON, eventually};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use trunkline_protocol::{
    ClientFrame, CloseCode, ConversationId, ErrorCode, Position, SendKey, Seq, ServerFrame, UserId, limits,
};

/// Ann and Bob on one node, with a conversation.
struct Pair {
    server: TestServer,
    ann: Login,
    bob: Login,
    here: ConversationId,
}

impl Pair {
    async fn new() -> Self {
        let server = TestServer::start().await;
        let (ann, bob) = (server.register("ann").await, server.register("bob").await);
        let here = server.direct(&ann, &bob).await;
        Self { server, ann, bob, here }
    }

    /// The connection goes on, and the next send is stored and acknowledged.
    async fn goes_on(&self, raw: &mut Raw) {
        let key = raw.send(self.here, "and on").await;
        raw.acked(key).await;
    }
}

#[tokio::test]
async fn two_people_chat() {
    let Pair { server, ann, bob, here } = Pair::new().await;
    let (anns, bobs) = (server.device(&ann).await, server.device(&bob).await);
    anns.send(here, "hello");
    bobs.shows(here, &["hello"]).await;
    bobs.send(here, "well met");
    anns.shows(here, &["hello", "well met"]).await;
    bobs.shows(here, &["hello", "well met"]).await;
    anns.settled().await;
}

#[tokio::test]
async fn a_conversation_that_is_made_while_both_are_connected_appears_at_both() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.register("ann").await, server.register("bob").await);
    let (anns, bobs) = (server.device(&ann).await, server.device(&bob).await);
    let here = server.direct(&ann, &bob).await;
    anns.knows(here).await;
    bobs.knows(here).await;
}

// ---- what may be in a message --------------------------------------------------------------------------------

#[tokio::test]
async fn a_node_that_stops_says_so_acknowledges_what_it_took_in_and_is_gone_in_time() {
    let mut pair = Pair::new().await;
    let (mut one, mut other) = (pair.server.welcomed(&pair.ann).await, pair.server.welcomed(&pair.bob).await);
    let keys = [one.send(pair.here, "1").await, one.send(pair.here, "2").await];
    // The node has read them once it has answered what came behind them.
    one.say(&ClientFrame::Ping {}).await;
    pair.server.begin_stop();
    let mut delays = Vec::new();
    let mut acked = Vec::new();
    let code = loop {
        match one.next().await {
            Heard::Frame(ServerFrame::Moving { after }) => {
                delays.push(after);
                let (status, body) = pair.server.readiness().await;
                assert_eq!((status, &body["draining"]), (503, &serde_json::json!(true)));
                let request = raw::request(pair.server.address(), &pair.ann.cookie);
                assert_eq!(Raw::upgrade(request).await.err().expect("a refusal").0, 503);
            }
            Heard::Frame(ServerFrame::Ack { key, .. }) => acked.push(key),
            Heard::Frame(_) => {}
            Heard::Closed(code) => break code,
        }
    };
    assert_eq!(code, Some(CloseCode::Moving.as_u16()));
    assert_eq!(acked, keys);
    let moving = other.expect("a word", |frame| matches!(frame, ServerFrame::Moving { .. })).await;
    let ServerFrame::Moving { after } = moving else { unreachable!() };
    delays.push(after);
    assert_ne!(delays[0], delays[1], "everybody would move at once");
    assert!(delays.iter().all(|&after| after <= 1_000), "{delays:?}");
    tokio::time::timeout(SOON, pair.server.stop()).await.expect("stopped in time");
}

#[tokio::test]
async fn devices_survive_a_restart_and_nothing_is_lost_or_doubled() {
    let Pair { server, ann, bob, here } = Pair::new().await;
    let (anns, bobs) = (server.device(&ann).await, server.device(&bob).await);
    let mut texts = Vec::new();
    let mut say = |device: &support::device::Device, from: usize| {
        for number in from..from + 8 {
            texts.push(format!("{number}"));
            device.send(here, format!("{number}"));
        }
    };
    say(&anns, 0);
    let database = server.database().clone();
    let stopping = tokio::spawn(server.stop());
    say(&anns, 8);
    stopping.await.expect("stopped");
    say(&anns, 16);
    let server = TestServer::start_with(&database, trunkline_server::config::Options::default()).await;
    anns.set_nodes(&[server.address()]);
    bobs.set_nodes(&[server.address()]);
    let limit = Duration::from_secs(20);
    assert_eq!(bobs.shows_count(here, texts.len(), limit).await, texts);
    assert_eq!(anns.shows_count(here, texts.len(), limit).await, texts);
    anns.settled().await;
}

#[tokio::test]
async fn what_was_not_acknowledged_before_a_reload_is_sent_once_after_it() {
    let Pair { server, ann, bob, here } = Pair::new().await;
    let (anns, bobs) = (server.device(&ann).await, server.device(&bob).await);
    for number in 0..10 {
        anns.send(here, format!("{number}"));
    }
    // At once: some may be on their way, none is known to be stored.
    let anns = anns.reload();
    anns.settled().await;
    anns.send(here, "last");
    let texts: Vec<_> = (0..10).map(|number| number.to_string()).chain(["last".to_owned()]).collect();
    assert_eq!(bobs.shows_count(here, texts.len(), SOON).await, texts);
    anns.settled().await;
    assert_eq!(anns.shows_count(here, texts.len(), SOON).await, texts);
}

// ---- signals -------------------------------------------------------------------------------------------------

#[tokio::test]
async fn typing_is_told_to_the_others_and_only_to_them() {
    let Pair { server, ann, bob, here } = Pair::new().await;
    let carol = server.register("carol").await;
    let devices = (server.device(&ann).await, server.device(&bob).await, server.device(&carol).await);
    devices.0.act(|client, now| client.typing(now, here));
    devices.1.until("typing", |view| view.typing.contains(&(here, ann.id())).then_some(())).await;
    // A stranger who claims to write there is not believed.
    let mut raw = server.welcomed(&carol).await;
    raw.say(&ClientFrame::Typing { conversation: here }).await;
    devices.0.send(here, "done");
    devices.1.shows(here, &["done"]).await;
    assert_eq!(devices.1.view().typing, [(here, ann.id())]);
    assert!(devices.0.view().typing.is_empty());
    assert!(devices.2.view().typing.is_empty());
}

#[tokio::test]
async fn presence_is_told_when_somebody_comes_and_when_they_have_been_gone_for_a_while() {
    let Pair { server, ann, bob, .. } = Pair::new().await;
    let anns = server.device(&ann).await;
    anns.act(|client, _| client.watch(vec![bob.id()]));
    let online = |wanted: bool| {
        move |view: &support::device::View| {
            view.presence.get(&UserId(2)).filter(|presence| presence.online == wanted).copied()
        }
    };
    assert_eq!(bob.id(), UserId(2));
    let before = anns.until("not here yet", online(false)).await;
    assert_eq!(before.last_seen, None);
    let bobs = server.device(&bob).await;
    anns.until("here", online(true)).await;
    // A reload is no absence.
    let bobs = bobs.reload();
    bobs.live().await;
    let left = Instant::now();
    drop(bobs);
    let gone = anns.until("gone", online(false)).await;
    assert!(gone.last_seen.is_some());
    assert!(left.elapsed() > Duration::from_secs(2), "gone after {:?}", left.elapsed());
}

#[tokio::test]
async fn cursors_and_unread_counts_are_the_same_on_all_devices_of_a_user() {
    let Pair { server, ann, bob, here } = Pair::new().await;
    let anns = server.device(&ann).await;
    let bobs = (server.device(&bob).await, server.device(&bob).await);
    for number in 0..5 {
        anns.send(here, format!("{number}"));
    }
    for device in [&bobs.0, &bobs.1] {
        device.until("five unread", |view| (view.unread(here) == Some(5)).then_some(())).await;
    }
    anns.until("delivered", |view| (view.cursors(here, bob.id())? == (Seq(5), Seq(0))).then_some(())).await;
    bobs.0.act(|client, now| client.read(now, here, Seq(3)));
    for device in [&bobs.0, &bobs.1] {
        device.until("two unread", |view| (view.unread(here) == Some(2)).then_some(())).await;
    }
    anns.until("seen", |view| (view.cursors(here, bob.id())? == (Seq(5), Seq(3))).then_some(())).await;
    bobs.1.read_all(here);
    for device in [&bobs.0, &bobs.1] {
        device.until("nothing unread", |view| (view.unread(here) == Some(0)).then_some(())).await;
    }
    // A fresh load says the same (I17).
    let fresh = server.device(&bob).await;
    assert_eq!(fresh.view().unread(here), Some(0));
    assert_eq!(fresh.view().cursors(here, bob.id()), Some((Seq(5), Seq(5))));
}
