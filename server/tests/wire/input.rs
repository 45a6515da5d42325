//! What clients may not say: the connection goes on, or is closed with the code that says why.

use super::*;

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
        server.store_message(&ann, here, &text).await;
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
