//! The directory, presence, who calls, and access tokens.

use crate::client::Site;
use serde_json::{Value, json};
use trunkline_server::store::Credential;

#[tokio::test]
async fn people_are_found_by_a_part_of_their_name() {
    let site = Site::start().await;
    let [ann, _anton, _ben] = site.people(["ann", "anton", "ben"]).await;
    let found = |answer: Value| {
        let users = answer["users"].as_array().expect("users").clone();
        users.iter().map(|user| user["name"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found(ann.get("/users?query=AN").await.ok(200)), ["ann", "anton"]);
    assert_eq!(found(ann.get("/users").await.ok(200)), ["ann", "anton", "ben"]);
    assert!(found(ann.get("/users?query=%25").await.ok(200)).is_empty());
    assert!(!ann.get("/users").await.ok(200).to_string().contains("password"));
}

#[tokio::test]
async fn presence_is_told_in_the_order_asked() {
    let site = Site::start().await;
    let [ann, ben] = site.people(["ann", "ben"]).await;
    let told = ann.get("/presence?names=ben,ann").await.ok(200);
    let names = [&told["presence"][0]["user"]["name"], &told["presence"][1]["user"]["name"]];
    assert_eq!(names, ["ben", "ann"]);
    assert_eq!((&told["presence"][0]["online"], &told["presence"][0]["last_seen"]), (&json!(false), &Value::Null));
    let device = site.server.device(ben.login.as_ref().expect("a login")).await;
    assert_eq!(ann.get("/presence?names=ben").await.ok(200)["presence"][0]["online"], true);
    drop(device);
    ann.get("/presence?names=ben,zoe").await.refused(404, "unknown_user");
    ann.get("/presence?names=").await.refused(422, "invalid");
    ann.get("/presence").await.refused(422, "invalid");
    ann.get(&format!("/presence?names={}", ["ann"; 101].join(","))).await.refused(422, "invalid");
}

#[tokio::test]
async fn everybody_can_ask_who_they_are() {
    let site = Site::start().await;
    let [ann, ben] = site.people(["ann", "ben"]).await;
    let user = json!({"id": ann.id, "name": "ann", "display_name": "ann"});
    assert_eq!(ann.get("/me").await.ok(200), json!({"user": user, "admin": true, "credential": "session"}));
    let token = site.by_token(&ben).await;
    let me = token.get("/me").await.ok(200);
    assert_eq!((&me["user"]["name"], &me["admin"], &me["credential"]), (&json!("ben"), &json!(false), &json!("token")));
}

#[tokio::test]
async fn an_access_token_sends_and_stops_at_once_when_it_is_revoked() {
    let site = Site::start().await;
    let [ann, ben] = site.people(["ann", "ben"]).await;
    let token = site.by_token(&ann).await;
    token.say(&ben, "by token").await;
    let store = &site.state().node.store;
    let id = store.tokens(ann.id).await.expect("the store")[0].id;
    assert!(store.revoke_token(ann.id, id).await.expect("the store"));
    site.state().node.ended(&[Credential::Token(id)]);
    token.post("/messages", json!({"to": "ben", "text": "too late"})).await.refused(401, "unauthorized");
    token.get("/conversations").await.refused(401, "unauthorized");
    ann.get("/me").await.ok(200);
    let pulled = ben.post("/unread/pull", json!({})).await.ok(200);
    assert_eq!(pulled["conversations"][0]["head"], 1);
}

#[tokio::test]
async fn an_ended_session_can_do_nothing_any_more() {
    let site = Site::start().await;
    let [ann, _ben] = site.people(["ann", "ben"]).await;
    let session = ann.login.as_ref().expect("a login").session;
    site.state().accounts.end_session(ann.id, session).await.expect("ended");
    ann.post("/messages", json!({"to": "ben", "text": "too late"})).await.refused(401, "unauthorized");
    ann.get("/me").await.refused(401, "unauthorized");
}
