//! Pulling what was not read, and moving the cursors.

use crate::client::{Site, answer};
use reqwest::Method;
use serde_json::{Value, json};

fn texts(conversation: &Value) -> Vec<&str> {
    let changes = conversation["changes"].as_array().expect("changes");
    changes.iter().filter_map(|change| change["body"]["text"].as_str()).collect()
}

#[tokio::test]
async fn pulling_changes_nothing_and_answers_the_same_until_the_cursor_is_moved() {
    let site = Site::start().await;
    let [ann, ben] = site.people(["ann", "ben"]).await;
    ann.say(&ben, "one").await;
    let id = ann.say(&ben, "two").await["conversation"].clone();
    let first = ben.post("/unread/pull", json!({})).await.ok(200);
    let pulled = &first["conversations"][0];
    assert_eq!(texts(pulled), ["one", "two"]);
    assert_eq!(pulled["peer"]["name"], "ann");
    assert_eq!((&pulled["name"], &pulled["more"]), (&Value::Null, &json!(false)));
    assert_eq!((&pulled["read"], &pulled["head"], &pulled["unread"]), (&json!(0), &json!(2), &json!(2)));
    assert_eq!(pulled["authors"], json!([{"id": ann.id, "name": "ann", "display_name": "ann"}]));
    assert_eq!(ben.post("/unread/pull", json!({})).await.ok(200), first);

    let cursor = format!("/conversations/{id}/cursor");
    let moved = ben.post(&cursor, json!({"read": 1})).await.ok(200);
    assert_eq!(moved, json!({"conversation": id, "read": 1, "delivered": 1, "unread": 1, "head": 2}));
    let second = ben.post("/unread/pull", json!({})).await.ok(200);
    assert_eq!(texts(&second["conversations"][0]), ["two"]);
    ben.post(&cursor, json!({"read": 2})).await.ok(200);
    assert_eq!(ben.post("/unread/pull", json!({})).await.ok(200), json!({"conversations": []}));
}

#[tokio::test]
async fn a_cursor_moves_forward_only_and_not_beyond_the_head() {
    let site = Site::start().await;
    let [ann, ben, cleo] = site.people(["ann", "ben", "cleo"]).await;
    ann.say(&ben, "one").await;
    let id = ann.say(&ben, "two").await["conversation"].clone();
    let cursor = format!("/conversations/{id}/cursor");
    let delivered = ben.post(&cursor, json!({"delivered": 2})).await.ok(200);
    assert_eq!((&delivered["delivered"], &delivered["read"], &delivered["unread"]), (&json!(2), &json!(0), &json!(2)));
    ben.post(&cursor, json!({"read": 2})).await.ok(200);
    assert_eq!(ben.post(&cursor, json!({"read": 1, "delivered": 0})).await.ok(200)["read"], 2);
    for beyond in [json!({"read": 3}), json!({"delivered": 3}), json!({"read": u64::MAX})] {
        ben.post(&cursor, beyond).await.refused(422, "cursor_beyond_head");
    }
    ben.post(&cursor, json!({})).await.refused(422, "invalid");
    ben.post(&cursor, json!({"read": -1})).await.refused(422, "invalid");
    cleo.post(&cursor, json!({"read": 1})).await.refused(403, "not_a_member");
    ben.post("/conversations/999/cursor", json!({"read": 1})).await.refused(404, "unknown_conversation");
    let seen = ann.get(&format!("/conversations/{id}")).await.ok(200);
    assert_eq!(seen["members"][1]["read"], 2, "the other one sees it: {seen}");
}

#[tokio::test]
async fn a_pull_can_be_limited_and_says_that_there_is_more() {
    let site = Site::start().await;
    let [ann, ben, cleo] = site.people(["ann", "ben", "cleo"]).await;
    for text in ["one", "two", "three"] {
        ann.say(&ben, text).await;
    }
    let other = cleo.say(&ben, "hello").await["conversation"].clone();
    let pulled = ben.post("/unread/pull", json!({"limit": 2})).await.ok(200);
    let conversations = pulled["conversations"].as_array().expect("conversations");
    assert_eq!(conversations.len(), 2);
    assert_eq!((texts(&conversations[0]), texts(&conversations[1])), (vec!["hello"], vec!["one", "two"]));
    assert_eq!((&conversations[0]["more"], &conversations[1]["more"]), (&json!(false), &json!(true)));
    assert_eq!(conversations[1]["unread"], 3, "all of them are counted");
    let one = ben.post("/unread/pull", json!({"conversation": other})).await.ok(200);
    assert_eq!(one["conversations"].as_array().map(Vec::len), Some(1));
    for limit in [0, 101] {
        ben.post("/unread/pull", json!({"limit": limit})).await.refused(422, "invalid");
    }
    ann.post("/unread/pull", json!({"conversation": other})).await.refused(403, "not_a_member");
    ann.post("/unread/pull", json!({"conversation": 999})).await.refused(404, "unknown_conversation");
}

#[tokio::test]
async fn the_body_of_a_pull_may_be_left_out() {
    let site = Site::start().await;
    let [ann, ben] = site.people(["ann", "ben"]).await;
    let group = ann.group(&[&ben]).await;
    let pulled = answer(ben.request(Method::POST, "/unread/pull")).await.ok(200);
    let pulled = &pulled["conversations"][0];
    assert_eq!((&pulled["conversation"], &pulled["name"]), (&json!(group), &json!("Us")));
    assert_eq!(pulled["peer"], Value::Null);
    let kinds = [&pulled["changes"][0]["body"]["kind"], &pulled["changes"][1]["body"]["kind"]];
    assert_eq!(kinds, ["created", "members_added"]);
    assert_eq!(pulled["unread"], 0, "making a group is no message");
}
