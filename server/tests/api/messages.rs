//! Sending.

use crate::client::Site;
use serde_json::json;
use std::time::Duration;
use trunkline_protocol::{SendKey, limits};

#[tokio::test]
async fn a_message_to_a_person_makes_the_conversation_and_stands_in_both_logs() {
    let site = Site::start().await;
    let [ann, ben] = site.people(["ann", "ben"]).await;
    let sent = ann.post("/messages", json!({"to": "Ben", "text": " Grüße\n👋 ", "later": "ignored"})).await.ok(201);
    assert_eq!((&sent["seq"], &sent["repeated"]), (&json!(1), &json!(false)));
    assert!(sent["key"].as_str().is_some_and(|key| key.parse::<SendKey>().is_ok()), "the server made a key");
    let again = ben.post("/messages", json!({"conversation": sent["conversation"], "text": "hi"})).await.ok(201);
    assert_eq!((&again["conversation"], &again["seq"]), (&sent["conversation"], &json!(2)));
    for reader in [&ann, &ben] {
        let path = format!("/conversations/{}/changes", sent["conversation"]);
        let log = reader.get(&path).await.ok(200);
        assert_eq!(log["changes"][0]["body"], json!({"kind": "posted", "text": " Grüße\n👋 "}), "exactly as sent");
        assert_eq!((&log["changes"][0]["author"], &log["changes"][0]["at"]), (&json!(ann.id), &sent["at"]));
        assert_eq!(log["changes"][1]["author"], json!(ben.id));
        assert_eq!((&log["authors"][0]["name"], &log["authors"][1]["name"]), (&json!("ann"), &json!("ben")));
    }
}

#[tokio::test]
async fn a_repeated_key_is_stored_once_and_answered_the_same() {
    let site = Site::start().await;
    let [ann, ben] = site.people(["ann", "ben"]).await;
    let message = json!({"to": "ben", "text": "once", "key": SendKey::random()});
    let first = ann.post("/messages", message.clone()).await.ok(201);
    let second = ann.post("/messages", message.clone()).await.ok(200);
    assert_eq!(second["repeated"], true);
    for field in ["conversation", "seq", "at", "key"] {
        assert_eq!(first[field], second[field], "{field}");
    }
    assert_eq!(first["key"], message["key"]);
    let log = ben.get(&format!("/conversations/{}/changes", first["conversation"])).await.ok(200);
    assert_eq!(log["changes"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn the_same_key_for_another_message_is_a_conflict_and_changes_nothing() {
    let site = Site::start().await;
    let [ann, ben, cleo] = site.people(["ann", "ben", "cleo"]).await;
    let key = SendKey::random();
    let first = ann.post("/messages", json!({"to": "ben", "text": "one", "key": key})).await.ok(201);
    ann.post("/messages", json!({"to": "ben", "text": "two", "key": key})).await.refused(409, "key_conflict");
    ann.post("/messages", json!({"to": "cleo", "text": "one", "key": key})).await.refused(409, "key_conflict");
    cleo.post("/messages", json!({"to": "ben", "text": "one", "key": key})).await.refused(409, "key_conflict");
    let log = ben.get(&format!("/conversations/{}/changes", first["conversation"])).await.ok(200);
    assert_eq!((&log["head"], &log["changes"][0]["body"]["text"]), (&json!(1), &json!("one")));
}

#[tokio::test]
async fn a_message_that_can_not_be_sent_is_refused_with_its_code() {
    let site = Site::start().await;
    let [ann, ben, cleo] = site.people(["ann", "ben", "cleo"]).await;
    let theirs = ben.say(&cleo, "not for ann").await;
    let long = "ü".repeat(limits::MESSAGE_CHARS + 1);
    for (message, status, code) in [
        (json!({"to": "ben", "text": ""}), 422, "empty_message"),
        (json!({"to": "ben", "text": " \n\t"}), 422, "empty_message"),
        (json!({"to": "ben", "text": long}), 422, "message_too_long"),
        (json!({"to": "nobody", "text": "hi"}), 404, "unknown_user"),
        (json!({"to": "ann", "text": "to myself"}), 422, "invalid"),
        (json!({"conversation": 999_999, "text": "hi"}), 404, "unknown_conversation"),
        (json!({"conversation": u64::MAX, "text": "hi"}), 404, "unknown_conversation"),
        (json!({"conversation": theirs["conversation"], "text": "hi"}), 403, "not_a_member"),
        (json!({"text": "to whom?"}), 422, "invalid"),
        (json!({"to": "ben", "conversation": 1, "text": "to both?"}), 422, "invalid"),
        (json!({"to": "ben"}), 422, "invalid"),
        (json!({"to": "ben", "text": "hi", "key": "no uuid"}), 422, "invalid"),
        (json!({"to": "ben", "text": 7}), 422, "invalid"),
    ] {
        ann.post("/messages", message).await.refused(status, code);
    }
    let log = ben.get(&format!("/conversations/{}/changes", theirs["conversation"])).await.ok(200);
    assert_eq!(log["head"], 1, "nothing was stored");
}

#[tokio::test]
async fn the_longest_message_is_taken_in_every_script() {
    let site = Site::start().await;
    let [ann, _ben] = site.people(["ann", "ben"]).await;
    for letter in ["x", "王", "👋", "\u{1}"] {
        let text = format!("x{}", letter.repeat(limits::MESSAGE_CHARS - 1));
        ann.post("/messages", json!({"to": "ben", "text": text})).await.ok(201);
    }
}

#[tokio::test]
async fn who_sends_too_fast_is_told_how_long_to_wait_and_then_may_again() {
    let site = Site::start().await;
    let [ann, ben] = site.people(["ann", "ben"]).await;
    let conversation = ann.say(&ben, "hi").await["conversation"].clone();
    let mut refused = None;
    for number in 0..limits::SEND_BURST * 20 {
        let answer = ann.post("/messages", json!({"conversation": conversation, "text": number.to_string()})).await;
        if answer.status != 201 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("the limit");
    refused.refused(429, "rate_limited");
    assert_eq!(refused.headers["retry-after"], "1");
    let wait = refused.body["retry_after"].as_f64().expect("seconds");
    assert!(wait > 0.0 && wait <= 0.1, "{wait}");
    ben.post("/messages", json!({"conversation": conversation, "text": "not held up"})).await.ok(201);
    // What is waited for here is the passing of the time that was told.
    tokio::time::sleep(Duration::from_secs_f64(wait)).await;
    ann.post("/messages", json!({"conversation": conversation, "text": "again"})).await.ok(201);
}
