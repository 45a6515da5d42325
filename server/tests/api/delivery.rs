//! Which way a message took, and who may know.

use crate::client::{Caller, Site};
use crate::support::SOON;
use crate::support::eventually;
use serde_json::{Value, json};

fn path(sent: &Value) -> String {
    format!("/conversations/{}/messages/{}/delivery", sent["conversation"], sent["seq"])
}

async fn delivered(who: &Caller, sent: &Value, times: &[&str]) -> Value {
    eventually("the way is whole", SOON, async || {
        let answer = who.get(&path(sent)).await;
        if answer.status == 429 {
            return None;
        }
        let way = answer.ok(200);
        let device = &way["recipients"][0]["devices"][0];
        times.iter().all(|time| device[*time].is_number()).then_some(way)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_sees_when_a_device_got_a_message_and_when_it_was_read() {
    let site = Site::start().await;
    let [ann, ben] = site.people(["ann", "ben"]).await;
    let device = site.server.device(ben.login.as_ref().expect("a login")).await;
    let sent = ann.say(&ben, "do you hear me?").await;
    let here = trunkline_protocol::ConversationId(sent["conversation"].as_u64().expect("an id"));
    device.shows(here, &["do you hear me?"]).await;
    let way = delivered(&ann, &sent, &["queued", "written", "acknowledged"]).await;
    assert_eq!((&way["at"], &way["key"], &way["author"]), (&sent["at"], &sent["key"], &json!(ann.id)));
    let [node] = &way["nodes"].as_array().expect("a list")[..] else { panic!("one node: {way}") };
    assert_eq!((&node["answered"], &node["node"]), (&json!(true), &json!(site.state().node.id())));
    let recipient = &way["recipients"][0];
    assert_eq!((&recipient["delivered"], &recipient["read"]), (&json!(true), &json!(false)));
    let steps = [&way["at"], &node["stored"], &recipient["devices"][0]["queued"], &recipient["devices"][0]["written"]];
    let steps = steps.map(|step| step.as_f64().expect("a time"));
    assert!(steps.is_sorted(), "one after the other: {steps:?}");
    assert!(!way.to_string().contains("hear me"), "no content: {way}");
    device.read_all(here);
    let way = delivered(&ann, &sent, &["read"]).await;
    assert_eq!(way["recipients"][0]["read"], true);
}

#[tokio::test]
async fn where_nobody_is_connected_the_store_s_word_stands_alone() {
    let site = Site::start().await;
    let [ann, ben] = site.people(["ann", "ben"]).await;
    let sent = ann.say(&ben, "later").await;
    let way = ann.get(&path(&sent)).await.ok(200);
    assert_eq!(way["recipients"][0]["delivered"], false);
    assert_eq!(way["recipients"][0]["devices"], json!([]));
    // Ben reads it with a program.
    ben.post(&format!("/conversations/{}/cursor", sent["conversation"]), json!({"read": sent["seq"]})).await.ok(200);
    let way = ann.get(&path(&sent)).await.ok(200);
    let recipient = &way["recipients"][0];
    assert_eq!((&recipient["delivered"], &recipient["read"]), (&json!(true), &json!(true)));
    let device = &recipient["devices"][0];
    assert_eq!((&device["connection"], &device["queued"]), (&Value::Null, &Value::Null));
    assert!(device["acknowledged"].is_number() && device["read"].is_number(), "{device}");
}

#[tokio::test]
async fn nobody_but_the_sender_and_administrators_sees_a_way() {
    let site = Site::start().await;
    let [admin, ann, ben, cleo] = site.people(["admin", "ann", "ben", "cleo"]).await;
    let sent = ann.say(&ben, "between us").await;
    ann.get(&path(&sent)).await.ok(200);
    let seen = admin.get(&path(&sent)).await.ok(200);
    assert_eq!(seen["recipients"][0]["user"]["name"], "ben");
    ben.get(&path(&sent)).await.refused(403, "forbidden");
    cleo.get(&path(&sent)).await.refused(403, "not_a_member");
    site.stranger().get(&path(&sent)).await.refused(401, "unauthorized");
    let nothing = json!({"conversation": sent["conversation"], "seq": 99});
    ann.get(&path(&nothing)).await.refused(422, "invalid");
    admin.get(&path(&nothing)).await.refused(422, "invalid");
    ann.get("/conversations/999999/messages/1/delivery").await.refused(404, "unknown_conversation");
    // Whoever has left does not watch the others read.
    let group = ann.group(&[&ben, &cleo]).await;
    let sent = ann.post("/messages", json!({"conversation": group, "text": "bye"})).await.ok(201);
    ann.delete(&format!("/conversations/{group}/members/ann")).await;
    ann.get(&path(&sent)).await.refused(403, "not_a_member");
    let seen = admin.get(&path(&sent)).await.ok(200);
    assert_eq!(seen["recipients"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn what_is_no_message_has_no_way_and_looking_has_a_limit() {
    let site = Site::start().await;
    let [ann, ben] = site.people(["ann", "ben"]).await;
    let group = ann.group(&[&ben]).await;
    ann.get(&path(&json!({"conversation": group, "seq": 1}))).await.refused(422, "invalid");
    let sent = ann.post("/messages", json!({"conversation": group, "text": "hi"})).await.ok(201);
    let mut answers = Vec::new();
    for _ in 0..40 {
        answers.push(ann.get(&path(&sent)).await.status.as_u16());
    }
    assert!(answers.starts_with(&[200; 10]) && answers.contains(&429), "{answers:?}");
}
