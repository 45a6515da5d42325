//! One connection over a real socket: what bounds it, what ends it, and what does neither.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use futures_util::future::join_all;
use std::time::Duration;
use support::raw::{self, Heard, Raw};
use support::server::{Login, TestServer};
use support::{SOON, eventually};
use tokio::time::{Instant, sleep};
use trunkline_protocol::{
    ClientFrame, CloseCode, ConversationId, Position, SendKey, Seq, ServerFrame, SessionId, UserId, limits,
};
use trunkline_server::auth::secrets::Secret;
use trunkline_server::connection::handle::{Handle, Outgoing};
use trunkline_server::connection::requests::Requests;
use trunkline_server::store::{Amendment, Append, Credential, NewAccount, NewSession};

/// A message, past the rate.
fn message(author: &Login, conversation: ConversationId, text: &str) -> Append {
    let (key, credential) = (SendKey::random(), Credential::Session(author.session));
    Append { author: author.id(), credential, conversation, key, text: text.to_owned(), at: 1 }
}

async fn pair() -> (TestServer, Login, Login, ConversationId) {
    let server = TestServer::start().await;
    let (ann, bob) = (server.register("ann").await, server.register("bob").await);
    let here = server.direct(&ann, &bob).await;
    (server, ann, bob, here)
}

/// People who need not log in: hashing their passwords would take longer than the test.
async fn crowd(server: &TestServer, count: usize) -> Vec<UserId> {
    let mut crowd = Vec::new();
    for number in 0..count {
        let name = format!("member{number}");
        let display_name = "🦊".repeat(limits::NAME_CHARS);
        let account =
            NewAccount { name, display_name, password: "none".to_owned(), at: 1, invite: None, first_only: false };
        crowd.push(server.node().store.create_account(account).await.expect("an account").user.id);
    }
    crowd
}

// ---- what is large -------------------------------------------------------------------------------------------

#[tokio::test]
async fn messages_that_are_six_times_as_long_when_written_are_fetched_whole() {
    let (server, ann, bob, here) = pair().await;
    let text = "\u{1}".repeat(limits::MESSAGE_CHARS);
    for _ in 0..40 {
        server.node().append(message(&ann, here, &text)).await.expect("stored");
    }
    let bobs = server.device(&bob).await;
    assert!(bobs.shows_count(here, 40, SOON).await.iter().all(|shown| *shown == text));
    assert_eq!(bobs.view().welcomes, 1);
    // No frame is longer than a portion and one message.
    let mut raw = server.welcomed(&bob).await;
    raw.say(&ClientFrame::Fetch { conversation: here, from: Seq(1), to: Seq(40) }).await;
    let mut fetched = 0;
    while fetched < 40 {
        let range = raw.expect("a range", |frame| matches!(frame, ServerFrame::Range { .. })).await;
        let length = serde_json::to_string(&range).expect("JSON").len();
        assert!(length < limits::FRAME_BYTES + 1_000, "{length} bytes");
        let ServerFrame::Range { changes, .. } = range else { unreachable!() };
        fetched += changes.len();
    }
}

#[tokio::test]
async fn a_welcome_longer_than_a_queue_may_be_is_given_once_while_others_write() {
    let (server, ann, bob, here) = pair().await;
    let crowd = crowd(&server, limits::GROUP_MEMBERS - 1).await;
    for number in 0..20 {
        server.node().store.create_group(ann.id(), &format!("{number}"), &crowd, 1).await.expect("a group");
    }
    let welcome = server.raw(&ann).await.hello().await;
    let length = serde_json::to_string(&welcome).expect("JSON").len();
    assert!(length > limits::QUEUE_BYTES, "{length} bytes");
    let node = server.node().clone();
    let writes = tokio::spawn(async move {
        for _ in 0..300 {
            node.append(message(&bob, here, &"x".repeat(1_000))).await.expect("stored");
        }
    });
    let devices = [server.device(&ann).await, server.device(&ann).await, server.device(&ann).await];
    writes.await.expect("written");
    for device in &devices {
        device.shows_count(here, 300, Duration::from_secs(30)).await;
        assert_eq!(device.view().welcomes, 1);
    }
}

#[tokio::test]
async fn one_fetch_is_answered_at_a_time() {
    let (server, ann, bob, here) = pair().await;
    let there = server.group(&ann, &[&bob]).await;
    let handle = Handle::new(server.node().hub.next_connection(), bob.id(), Credential::Session(bob.session));
    handle.outbound.welcome("welcome".into());
    // Nobody reads, and what waits leaves no room for an answer.
    handle.outbound.push("x".repeat(limits::QUEUE_BYTES / 2).into());
    let mut requests = Requests::new(server.node().clone(), handle.clone());
    let mut fetch = |conversation: ConversationId| {
        let text = format!(r#"{{"type":"fetch","conversation":{conversation},"from":1,"to":9}}"#);
        requests.take(&text).expect("work")
    };
    let mut answers = join_all([fetch(here), fetch(there)]);
    assert!(tokio::time::timeout(Duration::from_millis(300), &mut answers).await.is_err());
    // The second answer has this, so it was not read before the first was out of the way.
    server.node().append(message(&ann, there, "late")).await.expect("stored");
    let (mut written, mut answered) = (Vec::new(), false);
    while !answered || handle.outbound.waiting_bytes() > 0 {
        tokio::select! {
            _ = &mut answers, if !answered => answered = true,
            Outgoing::Frames(frames) = handle.outbound.next(1) => written.extend(frames),
        }
    }
    let last = written.pop().expect("an answer");
    assert!(last.contains("late"), "{last}");
}

#[tokio::test]
async fn a_flood_of_frames_is_read_at_its_rate_and_not_refused() {
    const BEYOND: usize = 100;
    let (server, ann, _bob, _here) = pair().await;
    let mut raw = server.welcomed(&ann).await;
    let count = limits::FRAME_BURST as usize + BEYOND;
    let start = Instant::now();
    for _ in 0..count {
        raw.say(&ClientFrame::Ping {}).await;
    }
    for _ in 0..count {
        raw.expect("a pong", |frame| matches!(frame, ServerFrame::Pong { .. })).await;
    }
    let least = Duration::from_secs_f64(BEYOND as f64 / f64::from(limits::FRAMES_PER_SECOND) / 2.0);
    assert!(start.elapsed() > least, "{:?}", start.elapsed());
}

// ---- what ends it --------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_session_that_expires_closes_its_socket_with_4500() {
    let (server, ann, _bob, _here) = pair().await;
    let secret = Secret::random().expect("a secret");
    let (id, at) = (SessionId(uuid::Uuid::new_v4()), trunkline_server::clock::now());
    let session =
        NewSession { id, user: ann.id(), token: secret.hash(), device: String::new(), at, expires: at + 4_000 };
    server.node().store.create_session(session).await.expect("a session");
    let mut raw = Raw::connect(server.address(), &format!("trunkline={}", secret.reveal())).await;
    raw.hello().await;
    let start = Instant::now();
    assert_eq!(raw.closed_within(SOON).await, Some(CloseCode::SessionEnded.as_u16()));
    assert!(start.elapsed() > Duration::from_millis(500), "{:?}", start.elapsed());
}

#[tokio::test]
async fn an_access_token_opens_a_socket_until_it_is_revoked() {
    let (server, ann, bob, here) = pair().await;
    let token = server.state().accounts.create_token(ann.id(), "a script").await.expect("a token");
    let mut request = raw::request(server.address(), "");
    request.headers_mut().remove("origin");
    raw::set(&mut request, "authorization", &format!("Bearer {}", token.reveal()));
    let mut raw = Raw::upgrade(request.clone()).await.expect("an upgrade");
    raw.hello().await;
    let key = raw.send(here, "by a script").await;
    raw.acked(key).await;
    server.device(&bob).await.shows(here, &["by a script"]).await;
    let store = &server.node().store;
    let row = store.tokens(ann.id()).await.expect("the store").pop().expect("a token");
    assert!(store.revoke_token(ann.id(), row.id).await.expect("the store"));
    // Nobody told the node: it follows the store.
    assert_eq!(raw.closed_within(Duration::from_secs(4)).await, Some(CloseCode::SessionEnded.as_u16()));
    let mut raw = Raw::upgrade(request).await.expect("an upgrade");
    assert_eq!(raw.closed().await, Some(CloseCode::SessionEnded.as_u16()));
}

#[tokio::test]
async fn a_revoked_token_closes_its_sockets_at_once_where_the_node_is_told() {
    let (server, ann, _bob, _here) = pair().await;
    let token = server.state().accounts.create_token(ann.id(), "a script").await.expect("a token");
    let mut request = raw::request(server.address(), "");
    raw::set(&mut request, "authorization", &format!("Bearer {}", token.reveal()));
    let mut raw = Raw::upgrade(request).await.expect("an upgrade");
    raw.hello().await;
    let row = server.node().store.tokens(ann.id()).await.expect("the store").pop().expect("a token");
    assert!(server.node().store.revoke_token(ann.id(), row.id).await.expect("the store"));
    server.node().ended(&[Credential::Token(row.id)]);
    assert_eq!(raw.closed_within(Duration::from_secs(1)).await, Some(CloseCode::SessionEnded.as_u16()));
}

#[tokio::test]
async fn a_peer_that_answers_no_ping_is_closed_with_4003_and_one_that_does_stays() {
    let (server, ann, bob, _here) = pair().await;
    let (mut deaf, mut quiet) = (server.welcomed(&ann).await, server.welcomed(&bob).await);
    let silence = limits::NODE_SILENCE + Duration::from_secs(2);
    // Reading is what answers a WebSocket ping; the other one does not read.
    let heard = quiet.next_within(silence).await;
    assert!(!matches!(heard, Some(Heard::Closed(_))), "{heard:?}");
    quiet.say(&ClientFrame::Ping {}).await;
    quiet.expect("a pong", |frame| matches!(frame, ServerFrame::Pong { .. })).await;
    assert_eq!(deaf.closed().await, Some(CloseCode::Silent.as_u16()));
}

// ---- what it is told -----------------------------------------------------------------------------------------

#[tokio::test]
async fn a_cursor_that_does_not_move_is_told_to_who_asked() {
    let (server, ann, bob, here) = pair().await;
    server.node().append(message(&ann, here, "hi")).await.expect("stored");
    let (mut anns, mut bobs) = (server.welcomed(&ann).await, server.welcomed(&bob).await);
    bobs.say(&ClientFrame::Cursor { conversation: here, delivered: Seq(0), read: Seq(0) }).await;
    let told = bobs.expect("a cursor", |frame| matches!(frame, ServerFrame::Cursor { .. })).await;
    let zero = Seq(0);
    let expected = ServerFrame::Cursor {
        conversation: here,
        user: bob.id(),
        delivered: zero,
        read: zero,
        unread: Some(1),
        head: Seq(1),
    };
    assert_eq!(told, expected);
    anns.say(&ClientFrame::Ping {}).await;
    assert!(matches!(anns.next().await, Heard::Frame(ServerFrame::Pong { .. })), "nothing moved for the others");
}

#[tokio::test]
async fn a_second_tab_that_comes_while_somebody_is_added_does_not_hide_it_from_the_first() {
    let server = TestServer::start().await;
    let (ann, carol) = (server.register("ann").await, server.register("carol").await);
    let there = server.group(&ann, &[]).await;
    let first = server.device(&carol).await;
    // Behind the node's back: the second tab's welcome is where it learns of it.
    let added = Amendment::AddMembers(vec![carol.id()]);
    server.node().store.amend(ann.id(), there, added, 1).await.expect("added");
    let second = server.device(&carol).await;
    first.knows(there).await;
    second.knows(there).await;
    let anns = server.device(&ann).await;
    anns.send(there, "welcome");
    first.shows(there, &["welcome"]).await;
    second.shows(there, &["welcome"]).await;
    assert_eq!(first.view().welcomes, 1, "told, and not by coming back");
}

#[tokio::test]
async fn what_could_not_be_read_while_following_is_read_again() {
    let server = TestServer::start().await;
    let (ann, carol) = (server.register("ann").await, server.register("carol").await);
    let there = server.group(&ann, &[]).await;
    let carols = server.device(&carol).await;
    let url = server.database().url();
    let database = rusqlite::Connection::open(url.trim_start_matches("sqlite:")).expect("the database");
    database.busy_timeout(Duration::from_secs(5)).expect("a timeout");
    // Nobody is told; then nobody can be described.
    let added = Amendment::AddMembers(vec![carol.id()]);
    server.node().store.amend(ann.id(), there, added, 1).await.expect("added");
    database.execute_batch("ALTER TABLE users RENAME TO gone").expect("renamed");
    eventually("the store fails", SOON, async || (server.node().metrics.store_up.get() == 0).then_some(())).await;
    database.execute_batch("ALTER TABLE gone RENAME TO users").expect("renamed");
    carols.until_within(Duration::from_secs(6), "told", |view| view.client.replica(there).map(|_| ())).await;
    assert_eq!(carols.view().welcomes, 1);
}

// ---- many at once --------------------------------------------------------------------------------------------

#[tokio::test]
async fn what_comes_at_once_is_committed_together() {
    const COUNT: usize = 200;
    let (server, ann, _bob, here) = pair().await;
    let batches = &server.node().metrics.append_batch;
    let results = join_all((0..COUNT).map(|_| server.node().append(message(&ann, here, "at once")))).await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(batches.get_sample_sum(), COUNT as f64);
    let commits = batches.get_sample_count();
    assert!(commits < COUNT as u64 / 4, "{commits} commits");
}

#[tokio::test]
async fn a_node_that_has_lost_its_store_stops_all_the_same() {
    let (server, ann, _bob, here) = pair().await;
    let anns = server.device(&ann).await;
    let url = server.database().url();
    let database = rusqlite::Connection::open(url.trim_start_matches("sqlite:")).expect("the database");
    database.busy_timeout(Duration::from_secs(5)).expect("a timeout");
    // Written behind its back: it learns that there is something, and can not read what.
    server.node().store.append(vec![message(&ann, here, "missed")]).await.expect("stored");
    database.execute_batch("ALTER TABLE changes RENAME COLUMN text TO gone").expect("renamed");
    eventually("the store fails", SOON, async || (server.node().metrics.store_up.get() == 0).then_some(())).await;
    sleep(Duration::from_millis(100)).await;
    tokio::time::timeout(SOON, server.stop()).await.expect("stopped in time");
    drop(anns);
}

#[tokio::test]
async fn one_connection_too_many_may_come_again_and_is_welcomed_when_there_is_room() {
    let (server, ann, _bob, _here) = pair().await;
    let mut raws = Vec::new();
    for _ in 0..limits::CONNECTIONS_PER_USER {
        raws.push(server.welcomed(&ann).await);
    }
    let mut one_more = server.raw(&ann).await;
    one_more.say(&ClientFrame::Hello { epoch: None, position: Position(0), after: None }).await;
    assert_eq!(one_more.closed().await, Some(CloseCode::TooManyConnections.as_u16()));
    let device = support::device::Device::start(&ann, &[server.address()]);
    sleep(Duration::from_millis(300)).await;
    drop(raws.pop());
    device.live().await;
}
