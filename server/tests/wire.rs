//! The wire over real sockets, on one node: what clients may say, and what comes of it. After every kind of bad
//! input the connection goes on, or is closed with the code that says why, and nothing that was sent is lost.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

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

async fn refused_text(text: &str) -> ErrorCode {
    let pair = Pair::new().await;
    let mut raw = pair.server.welcomed(&pair.ann).await;
    let key = raw.send(pair.here, text).await;
    let (code, retry_after) = raw.refused(key).await;
    assert_eq!(retry_after, None, "it would never be stored");
    pair.goes_on(&mut raw).await;
    code
}

#[tokio::test]
async fn an_empty_message_is_refused() {
    assert_eq!(refused_text("").await, ErrorCode::EmptyMessage);
}

#[tokio::test]
async fn a_blank_message_is_refused() {
    assert_eq!(refused_text(" \t\n\u{a0}\u{2003} ").await, ErrorCode::EmptyMessage);
}

#[tokio::test]
async fn a_message_of_one_character_too_many_is_refused() {
    assert_eq!(refused_text(&"x".repeat(limits::MESSAGE_CHARS + 1)).await, ErrorCode::MessageTooLong);
}

#[tokio::test]
async fn the_longest_message_of_the_widest_characters_arrives_to_the_letter() {
    let Pair { server, ann, bob, here } = Pair::new().await;
    let bobs = server.device(&bob).await;
    let mut raw = server.welcomed(&ann).await;
    let text = "🦊".repeat(limits::MESSAGE_CHARS);
    // Escaped at worst: twelve bytes a character.
    let escaped = text.chars().map(|_| "\\ud83e\\udd8a").collect::<String>();
    let key = SendKey::random();
    raw.text(&format!(r#"{{"type":"send","key":"{key}","conversation":{here},"text":"{escaped}"}}"#)).await;
    raw.acked(key).await;
    bobs.shows(here, &[&text]).await;
}

#[tokio::test]
async fn a_page_of_the_longest_messages_is_fetched_whole_forwards_and_backwards() {
    const COUNT: usize = limits::FETCH_CHANGES as usize;
    let Pair { server, ann, bob, here } = Pair::new().await;
    let text = "🦊".repeat(limits::MESSAGE_CHARS);
    for _ in 0..COUNT {
        let append = trunkline_server::store::Append {
            author: ann.id(),
            credential: trunkline_server::store::Credential::Session(ann.session),
            conversation: here,
            key: SendKey::random(),
            text: text.clone(),
            at: 1,
        };
        server.node().append(append).await.expect("stored");
    }
    let forwards = server.device(&bob).await;
    forwards.shows_count(here, COUNT, SOON).await;
    let backwards = server.device_that_holds_nothing(&bob).await;
    backwards.act(|client, now| client.hold_latest(now, here, 1));
    let held = |count: usize| {
        move |view: &support::device::View| (view.client.replica(here)?.held().len() == count).then_some(())
    };
    backwards.until("holds the newest", held(1)).await;
    backwards.act(|client, now| client.load_older(now, here, COUNT as u64));
    let all = move |view: &support::device::View| (!view.client.replica(here)?.has_older()).then_some(());
    backwards
        .until("holds all", |view| {
            let first = view.client.replica(here)?.held().first()?.seq;
            (first < Seq(COUNT as u64)).then_some(())
        })
        .await;
    while all(&backwards.view()).is_none() {
        let before = backwards.view().client.replica(here).expect("known").held().len();
        backwards.act(|client, now| client.load_older(now, here, COUNT as u64));
        backwards.until("holds more", |view| (view.client.replica(here)?.held().len() > before).then_some(())).await;
    }
    assert_eq!(forwards.view().welcomes + backwards.view().welcomes, 2, "nobody was taken for a slow reader");
}

// ---- frames that are none ------------------------------------------------------------------------------------

#[tokio::test]
async fn what_is_not_json_or_no_frame_is_refused_and_the_connection_goes_on() {
    let pair = Pair::new().await;
    let mut raw = pair.server.welcomed(&pair.ann).await;
    let key = SendKey::random();
    let bad = [
        "",
        "hello",
        "{",
        "[]",
        "null",
        "{}",
        r#"{"type":7}"#,
        r#"{"type":"send"}"#,
        r#"{"type":"send","key":"no key","conversation":1,"text":"x"}"#,
        &format!(r#"{{"type":"send","key":"{key}","conversation":-1,"text":"x"}}"#),
        &format!(r#"{{"type":"send","key":"{key}","conversation":1,"text":7}}"#),
        r#"{"type":"fetch","conversation":1,"from":"a","to":2}"#,
    ];
    for text in bad {
        raw.text(text).await;
        assert_eq!(raw.error().await, ErrorCode::BadFrame, "{text:?}");
    }
    pair.goes_on(&mut raw).await;
}

#[tokio::test]
async fn a_frame_of_a_later_version_is_named_unknown_and_an_unknown_field_is_ignored() {
    let pair = Pair::new().await;
    let mut raw = pair.server.welcomed(&pair.ann).await;
    raw.text(r#"{"type":"dance","steps":[1,2]}"#).await;
    assert_eq!(raw.error().await, ErrorCode::UnknownFrame);
    let (key, here) = (SendKey::random(), pair.here);
    raw.text(&format!(r#"{{"type":"send","key":"{key}","conversation":{here},"text":"x","mood":"good"}}"#)).await;
    raw.acked(key).await;
}

#[tokio::test]
async fn a_binary_frame_is_refused_and_the_connection_goes_on() {
    let pair = Pair::new().await;
    let mut raw = pair.server.welcomed(&pair.ann).await;
    raw.message(Message::binary(vec![0, 159, 146, 150])).await;
    assert_eq!(raw.error().await, ErrorCode::BadFrame);
    pair.goes_on(&mut raw).await;
}

#[tokio::test]
async fn text_that_is_not_utf8_closes_the_socket_with_1007_and_what_was_acknowledged_stays() {
    let pair = Pair::new().await;
    let mut raw = pair.server.welcomed(&pair.ann).await;
    pair.goes_on(&mut raw).await;
    raw.bytes_as_text(b"{\"type\":\"ping\xff\xfe\"}").await;
    assert_eq!(raw.closed().await, Some(1007));
    pair.server.device(&pair.bob).await.shows(pair.here, &["and on"]).await;
}

#[tokio::test]
async fn a_frame_above_the_bound_closes_the_socket_with_1009_and_what_was_acknowledged_stays() {
    let pair = Pair::new().await;
    let mut raw = pair.server.welcomed(&pair.ann).await;
    pair.goes_on(&mut raw).await;
    // The node stops reading in the middle of it, so it may not go out whole.
    let _ = raw.try_message(Message::text("x".repeat(limits::FRAME_BYTES + 1))).await;
    assert_eq!(raw.closed().await, Some(1009));
    pair.server.device(&pair.bob).await.shows(pair.here, &["and on"]).await;
}

#[tokio::test]
async fn a_frame_of_just_the_bound_is_read() {
    let pair = Pair::new().await;
    let mut raw = pair.server.welcomed(&pair.ann).await;
    let (open, close) = (r#"{"type":"ping","padding":""#, r#""}"#);
    let padding = "x".repeat(limits::FRAME_BYTES - open.len() - close.len());
    raw.text(&format!("{open}{padding}{close}")).await;
    raw.expect("a pong", |frame| matches!(frame, ServerFrame::Pong { .. })).await;
}

// ---- conversations, keys and cursors -------------------------------------------------------------------------

#[tokio::test]
async fn a_send_to_an_unknown_conversation_or_to_one_of_others_is_refused() {
    let pair = Pair::new().await;
    let carol = pair.server.register("carol").await;
    let foreign = pair.server.direct(&pair.bob, &carol).await;
    let mut raw = pair.server.welcomed(&pair.ann).await;
    let key = raw.send(ConversationId(987_654), "anyone?").await;
    assert_eq!(raw.refused(key).await, (ErrorCode::UnknownConversation, None));
    let key = raw.send(foreign, "let me in").await;
    assert_eq!(raw.refused(key).await, (ErrorCode::NotAMember, None));
    pair.goes_on(&mut raw).await;
    let carols = pair.server.device(&carol).await;
    assert_eq!(carols.view().client.replica(foreign).expect("known").conversation().head, Seq(0));
}

#[tokio::test]
async fn fetching_and_reading_in_a_conversation_of_others_is_refused() {
    let pair = Pair::new().await;
    let carol = pair.server.register("carol").await;
    let foreign = pair.server.direct(&pair.bob, &carol).await;
    let mut raw = pair.server.welcomed(&pair.ann).await;
    raw.say(&ClientFrame::Fetch { conversation: foreign, from: Seq(1), to: Seq(9) }).await;
    assert_eq!(raw.error().await, ErrorCode::NotAMember);
    raw.say(&ClientFrame::Cursor { conversation: foreign, delivered: Seq(0), read: Seq(0) }).await;
    assert_eq!(raw.error().await, ErrorCode::NotAMember);
    raw.say(&ClientFrame::Fetch { conversation: ConversationId(987_654), from: Seq(1), to: Seq(9) }).await;
    assert_eq!(raw.error().await, ErrorCode::UnknownConversation);
    pair.goes_on(&mut raw).await;
}

#[tokio::test]
async fn the_same_key_with_the_same_text_has_the_same_ack_and_is_shown_once() {
    let pair = Pair::new().await;
    let bobs = pair.server.device(&pair.bob).await;
    let (mut one, mut other) = (pair.server.welcomed(&pair.ann).await, pair.server.welcomed(&pair.ann).await);
    let key = one.send(pair.here, "once").await;
    let seq = one.acked(key).await;
    one.send_as(key, pair.here, "once").await;
    assert_eq!(one.acked(key).await, seq);
    other.send_as(key, pair.here, "once").await;
    assert_eq!(other.acked(key).await, seq);
    pair.goes_on(&mut one).await;
    bobs.shows(pair.here, &["once", "and on"]).await;
}

#[tokio::test]
async fn the_same_key_with_another_text_or_elsewhere_is_a_conflict() {
    let pair = Pair::new().await;
    let carol = pair.server.register("carol").await;
    let elsewhere = pair.server.direct(&pair.ann, &carol).await;
    let mut raw = pair.server.welcomed(&pair.ann).await;
    let key = raw.send(pair.here, "one").await;
    raw.acked(key).await;
    raw.send_as(key, pair.here, "another").await;
    assert_eq!(raw.refused(key).await, (ErrorCode::KeyConflict, None));
    raw.send_as(key, elsewhere, "one").await;
    assert_eq!(raw.refused(key).await, (ErrorCode::KeyConflict, None));
    pair.goes_on(&mut raw).await;
    pair.server.device(&pair.bob).await.shows(pair.here, &["one", "and on"]).await;
}

#[tokio::test]
async fn a_cursor_beyond_the_head_is_refused_and_changes_nothing() {
    let pair = Pair::new().await;
    let mut anns = pair.server.welcomed(&pair.ann).await;
    pair.goes_on(&mut anns).await;
    let mut raw = pair.server.welcomed(&pair.bob).await;
    raw.say(&ClientFrame::Cursor { conversation: pair.here, delivered: Seq(2), read: Seq(0) }).await;
    assert_eq!(raw.error().await, ErrorCode::CursorBeyondHead);
    raw.say(&ClientFrame::Cursor { conversation: pair.here, delivered: Seq(0), read: Seq(u64::MAX) }).await;
    assert_eq!(raw.error().await, ErrorCode::CursorBeyondHead);
    pair.goes_on(&mut raw).await;
    let bobs = pair.server.device(&pair.bob).await;
    assert_eq!(bobs.view().unread(pair.here), Some(1));
}

#[tokio::test]
async fn a_range_beyond_the_head_is_empty() {
    let pair = Pair::new().await;
    let mut raw = pair.server.welcomed(&pair.ann).await;
    for (from, to) in [(Seq(5), Seq(9)), (Seq(9), Seq(5)), (Seq(u64::MAX), Seq(u64::MAX)), (Seq(0), Seq(0))] {
        raw.say(&ClientFrame::Fetch { conversation: pair.here, from, to }).await;
        let range = raw.expect("a range", |frame| matches!(frame, ServerFrame::Range { .. })).await;
        assert!(matches!(range, ServerFrame::Range { changes, head: Seq(0), .. } if changes.is_empty()));
    }
    pair.goes_on(&mut raw).await;
}

// ---- the beginning of a connection ---------------------------------------------------------------------------

#[tokio::test]
async fn a_second_hello_is_refused_and_the_connection_goes_on() {
    let pair = Pair::new().await;
    let mut raw = pair.server.welcomed(&pair.ann).await;
    raw.say(&ClientFrame::Hello { epoch: None, position: Position(0) }).await;
    assert_eq!(raw.error().await, ErrorCode::BadFrame);
    pair.goes_on(&mut raw).await;
}

#[tokio::test]
async fn a_connection_that_does_not_begin_with_hello_is_closed_with_4501() {
    let pair = Pair::new().await;
    for text in [r#"{"type":"ping"}"#, "hello", r#"{"type":"hello","position":"x"}"#] {
        let mut raw = pair.server.raw(&pair.ann).await;
        raw.text(text).await;
        assert_eq!(raw.closed().await, Some(CloseCode::BadProtocol.as_u16()), "{text}");
    }
}

#[tokio::test]
async fn a_connection_without_a_hello_is_closed_with_4002_in_time() {
    let pair = Pair::new().await;
    let mut raw = pair.server.raw(&pair.ann).await;
    let start = Instant::now();
    assert_eq!(raw.closed().await, Some(CloseCode::HelloTimeout.as_u16()));
    assert!(start.elapsed() > limits::HELLO_WITHIN - Duration::from_secs(1), "{:?}", start.elapsed());
}

#[tokio::test]
async fn an_upgrade_without_our_subprotocol_is_refused_with_400() {
    let pair = Pair::new().await;
    let address = pair.server.address();
    for protocol in ["trunkline.v0", "chat, superchat"] {
        let mut request = raw::request(address, &pair.ann.cookie);
        raw::set(&mut request, "sec-websocket-protocol", protocol);
        let (status, sentence) = Raw::upgrade(request).await.err().expect("a refusal");
        assert_eq!(status, 400, "{protocol}");
        assert!(sentence.contains("trunkline.v1"), "{sentence}");
    }
    let mut request = raw::request(address, &pair.ann.cookie);
    request.headers_mut().remove("sec-websocket-protocol");
    assert_eq!(Raw::upgrade(request).await.err().expect("a refusal").0, 400);
}

#[tokio::test]
async fn an_upgrade_from_another_site_is_refused_with_403() {
    let pair = Pair::new().await;
    let address = pair.server.address();
    for origin in ["https://evil.example", "null", &format!("http://{address}.evil.example")] {
        let mut request = raw::request(address, &pair.ann.cookie);
        raw::set(&mut request, "origin", origin);
        assert_eq!(Raw::upgrade(request).await.err().expect("a refusal").0, 403, "{origin}");
    }
}

#[tokio::test]
async fn without_a_session_the_socket_is_closed_with_4500() {
    let pair = Pair::new().await;
    for cookie in ["", "trunkline=", "trunkline=0123456789abcdef", "other=1"] {
        let mut raw = Raw::connect(pair.server.address(), cookie).await;
        assert_eq!(raw.closed().await, Some(CloseCode::SessionEnded.as_u16()), "{cookie:?}");
    }
}

#[tokio::test]
async fn one_connection_too_many_is_closed_with_4006_and_the_others_go_on() {
    let pair = Pair::new().await;
    let mut raws = Vec::new();
    for _ in 0..limits::CONNECTIONS_PER_USER {
        raws.push(pair.server.welcomed(&pair.ann).await);
    }
    let mut one_more = pair.server.raw(&pair.ann).await;
    one_more.say(&ClientFrame::Hello { epoch: None, position: Position(0) }).await;
    assert_eq!(one_more.closed().await, Some(CloseCode::TooManyConnections.as_u16()));
    for raw in &mut raws {
        pair.goes_on(raw).await;
    }
    // Another user is not held up, and neither is this one once there is room.
    pair.server.welcomed(&pair.bob).await;
    drop(raws.pop());
    eventually("there is room again", SOON, async || {
        let mut raw = pair.server.raw(&pair.ann).await;
        raw.say(&ClientFrame::Hello { epoch: None, position: Position(0) }).await;
        matches!(raw.next().await, Heard::Frame(ServerFrame::Welcome { .. })).then_some(())
    })
    .await;
}

// ---- the rate ------------------------------------------------------------------------------------------------

#[tokio::test]
async fn beyond_the_burst_sends_are_refused_with_the_time_to_wait_and_pass_after_it() {
    let pair = Pair::new().await;
    let mut raw = pair.server.welcomed(&pair.ann).await;
    let mut keys = Vec::new();
    for number in 0..limits::SEND_BURST + 10 {
        keys.push(raw.send(pair.here, &format!("{number}")).await);
    }
    let mut acked = Vec::new();
    let mut refused = Vec::new();
    while acked.len() + refused.len() < keys.len() {
        match raw.next().await {
            Heard::Frame(ServerFrame::Ack { key, .. }) => acked.push(key),
            Heard::Frame(ServerFrame::Refused { key, code, retry_after, .. }) => {
                assert_eq!(code, ErrorCode::RateLimited);
                let wait = retry_after.expect("a time to wait");
                assert!(wait <= 1_000, "{wait} ms");
                refused.push((key, wait));
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(acked.len() >= limits::SEND_BURST as usize, "the burst was cut at {}", acked.len());
    assert_eq!(acked, keys[..acked.len()], "stored in the order sent, and nothing behind a refusal");
    let (key, wait) = refused[0];
    tokio::time::sleep(Duration::from_millis(u64::from(wait) + 1)).await;
    raw.send_as(key, pair.here, &format!("{}", acked.len())).await;
    raw.acked(key).await;
}

#[tokio::test]
async fn a_flood_through_a_device_arrives_whole_and_in_the_order_sent() {
    let Pair { server, ann, bob, here } = Pair::new().await;
    let (anns, bobs) = (server.device(&ann).await, server.device(&bob).await);
    let texts: Vec<_> = (0..80).map(|number| format!("message {number}")).collect();
    for text in &texts {
        anns.send(here, text);
    }
    assert_eq!(bobs.shows_count(here, texts.len(), Duration::from_secs(30)).await, texts);
    anns.settled().await;
    assert_eq!(anns.shows_count(here, texts.len(), SOON).await, texts);
    assert_eq!(anns.acked().len(), texts.len());
}

// ---- ended sessions, slow readers, stopping ------------------------------------------------------------------

#[tokio::test]
async fn ending_a_session_closes_its_sockets_with_4500_and_no_other() {
    let Pair { server, ann, bob, here } = Pair::new().await;
    let phone = server.log_in("ann").await;
    let (anns, phones, bobs) = (server.device(&ann).await, server.device(&phone).await, server.device(&bob).await);
    server.state().accounts.end_session(ann.id(), phone.session).await.expect("ended");
    assert_eq!(phones.stopped(Duration::from_secs(2)).await, CloseCode::SessionEnded.as_u16());
    anns.send(here, "still here");
    bobs.shows(here, &["still here"]).await;
    // The cookie is void too.
    assert_eq!(server.raw(&phone).await.closed().await, Some(CloseCode::SessionEnded.as_u16()));
}

#[tokio::test]
async fn a_send_after_the_end_of_its_session_is_neither_stored_nor_acknowledged() {
    let Pair { server, ann, bob, here } = Pair::new().await;
    let mut raw = server.welcomed(&ann).await;
    // Behind the node's back: nobody has told its connections yet.
    let ended = server.node().store.end_session(ann.id(), ann.session, 1).await.expect("the store");
    assert!(ended);
    // The safety interval may close it before it has said anything.
    let send = ClientFrame::Send { key: SendKey::random(), conversation: here, text: "too late".to_owned() };
    let _ = raw.try_message(Message::text(serde_json::to_string(&send).expect("JSON"))).await;
    loop {
        match raw.next().await {
            Heard::Frame(ServerFrame::Ack { .. }) => panic!("acknowledged"),
            Heard::Frame(_) => {}
            Heard::Closed(code) => break assert_eq!(code, Some(CloseCode::SessionEnded.as_u16())),
        }
    }
    let bobs = server.device(&bob).await;
    assert_eq!(bobs.view().client.replica(here).expect("known").conversation().head, Seq(0));
}

#[tokio::test]
async fn a_client_that_does_not_read_is_closed_and_others_do_not_notice() {
    let Pair { server, ann, bob, here } = Pair::new().await;
    let mut slow = server.welcomed(&bob).await;
    let bobs = server.device(&bob).await;
    // Straight into the node, past the rate: more than socket buffers and queue hold together.
    let text = "x".repeat(limits::MESSAGE_CHARS);
    let closed = async || {
        let metrics = reqwest::get(server.url("/metrics")).await.expect("an answer").text().await.expect("text");
        metrics.lines().any(|line| line.contains(CloseCode::SlowConsumer.reason()) && line.ends_with(" 1"))
    };
    let mut sent = 0;
    while !closed().await {
        assert!(sent < 20_000, "never closed");
        for _ in 0..200 {
            let append = trunkline_server::store::Append {
                author: ann.id(),
                credential: trunkline_server::store::Credential::Session(ann.session),
                conversation: here,
                key: SendKey::random(),
                text: text.clone(),
                at: 1,
            };
            server.node().append(append).await.expect("stored");
            let most = server.node().hub.connections().iter().map(|handle| handle.outbound.waiting_bytes()).max();
            assert!(most.is_none_or(|most| most <= limits::QUEUE_BYTES), "{most:?} bytes wait");
        }
        sent += 200;
    }
    slow.closed().await;
    bobs.shows_count(here, sent, Duration::from_secs(30)).await;
    assert_eq!(bobs.view().welcomes, 1, "the one who reads was not closed");
}

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
