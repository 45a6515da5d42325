//! What is refused before any handler looks at it.

use crate::client::{Site, answer};
use reqwest::Method;
use serde_json::json;
use trunkline_protocol::limits;

#[tokio::test]
async fn nobody_gets_in_without_a_login_or_token() {
    let site = Site::start().await;
    site.person("ann").await;
    let stranger = site.stranger();
    let liar = stranger.request(Method::GET, "/me").header("authorization", "Bearer tlk_wrong");
    for refused in [
        stranger.get("/me").await,
        stranger.get("/conversations").await,
        stranger.post("/messages", json!({"to": "ann", "text": "hi"})).await,
        answer(stranger.request(Method::POST, "/messages").body("not even JSON")).await,
        answer(liar).await,
        answer(stranger.request(Method::GET, "/me").header("cookie", "trunkline=wrong")).await,
    ] {
        refused.refused(401, "unauthorized");
        assert!(refused.headers["www-authenticate"].to_str().expect("text").starts_with("Bearer"));
    }
}

#[tokio::test]
async fn a_body_that_can_not_be_read_is_refused_with_its_reason() {
    let site = Site::start().await;
    let ann = site.person("ann").await;
    let send = |body: Vec<u8>| {
        let request = ann.request(Method::POST, "/messages").header("content-type", "application/json");
        answer(request.body(body))
    };
    send(b"{\"to\": \"ann\"".to_vec()).await.refused(400, "bad_frame");
    send(Vec::new()).await.refused(400, "bad_frame");
    send(b"{\"to\": \"ann\", \"text\": \"\xff\xfe\"}".to_vec()).await.refused(400, "bad_frame");
    send(b"[]".to_vec()).await.refused(422, "invalid");
    // The fields in the order of the declaration, but in no object.
    send(br#" ["ann", null, "hi", null]"#.to_vec()).await.refused(422, "invalid");
    let large = json!({"to": "ann", "text": "x".repeat(limits::FRAME_BYTES)}).to_string();
    send(large.into_bytes()).await.refused(413, "too_large");
    let plain = ann.request(Method::POST, "/messages").body("{\"to\": \"ann\", \"text\": \"hi\"}");
    answer(plain).await.refused(415, "unsupported_media_type");
    let pull = ann.request(Method::POST, "/unread/pull");
    let pull = pull.header("content-type", "application/json");
    let pulled = |body: &'static str| answer(pull.try_clone().expect("a request").body(body));
    pulled("{").await.refused(400, "bad_frame");
    pulled("[null, 7]").await.refused(422, "invalid");
    for nothing in ["", "null", " {}"] {
        pulled(nothing).await.ok(200);
    }
    answer(ann.request(Method::POST, "/unread/pull").body("{}")).await.refused(415, "unsupported_media_type");
}

#[tokio::test]
async fn unknown_paths_and_methods_and_ids_that_are_none_are_problems_too() {
    let site = Site::start().await;
    let ann = site.person("ann").await;
    for path in ["", "/", "/nothing", "/conversations/1/nothing", "/messages/"] {
        ann.get(path).await.refused(404, "not_found");
    }
    let refused = ann.delete("/messages").await;
    refused.refused(405, "method_not_allowed");
    assert_eq!(refused.headers["allow"], "POST");
    ann.get("/messages").await.refused(405, "method_not_allowed");
    for id in ["x", "-1", "1.5", "99999999999999999999"] {
        ann.get(&format!("/conversations/{id}")).await.refused(422, "invalid");
        ann.get(&format!("/conversations/{id}/changes")).await.refused(422, "invalid");
    }
    ann.delete("/conversations/1/members/%ff").await.refused(422, "invalid");
}

#[tokio::test]
async fn a_page_of_another_site_can_not_act_for_somebody() {
    let site = Site::start().await;
    let [ann, ben] = site.people(["ann", "ben"]).await;
    let message = json!({"to": "ben", "text": "forged"});
    let post = || ann.request(Method::POST, "/messages").json(&message);
    answer(post().header("origin", "https://evil.example")).await.refused(403, "cross_site");
    answer(post().header("sec-fetch-site", "cross-site")).await.refused(403, "cross_site");
    answer(post().header("origin", "null")).await.refused(403, "cross_site");
    assert_eq!(ben.get("/conversations").await.ok(200), json!({"conversations": []}));
    answer(post().header("sec-fetch-site", "same-origin")).await.ok(201);
}

#[tokio::test]
async fn answers_are_for_nobody_else_to_keep_or_to_guess_at() {
    let site = Site::start().await;
    let ann = site.person("ann").await;
    let told = ann.get("/me").await;
    assert_eq!(told.headers["cache-control"], "no-store, private");
    assert_eq!(told.headers["x-content-type-options"], "nosniff");
    let refused = ann.get("/nothing").await;
    assert_eq!(refused.headers["x-content-type-options"], "nosniff");
}
