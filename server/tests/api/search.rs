//! Searching.

use crate::client::{Caller, Site};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use trunkline_protocol::limits;

/// The texts that were found.
fn texts(answer: &Value) -> Vec<&str> {
    answer["hits"].as_array().expect("hits").iter().map(|hit| hit["text"].as_str().expect("a text")).collect()
}

async fn search(caller: &Caller, query: &str) -> Value {
    let query = utf8_percent_encode(query, NON_ALPHANUMERIC);
    caller.get(&format!("/search?q={query}")).await.ok(200)
}

#[tokio::test]
async fn what_was_said_is_found_by_those_who_may_see_it_with_highlights() {
    let site = Site::start().await;
    let [ann, ben, cleo] = site.people(["ann", "ben", "cleo"]).await;
    let sent = ann.say(&ben, "Füße am Hafen 👍").await;
    cleo.say(&ann, "noch ein Hafen").await;
    let found = search(&ben, "HAFEN fusse").await;
    let hit = json!({
        "conversation": sent["conversation"], "seq": 1, "at": sent["at"], "text": "Füße am Hafen 👍",
        "author": {"id": ann.id, "name": "ann", "display_name": "ann"},
        "highlights": [{"from": 0, "to": 4}, {"from": 8, "to": 13}],
    });
    assert_eq!(found, json!({"hits": [hit], "next": null}));
    assert_eq!(texts(&search(&ann, "hafen").await), ["noch ein Hafen", "Füße am Hafen 👍"]);
    assert_eq!(texts(&search(&cleo, "haf").await), ["noch ein Hafen"]);
    let path = format!("/search?q=hafen&conversation={}", sent["conversation"]);
    assert_eq!(texts(&ann.get(&path).await.ok(200)), ["Füße am Hafen 👍"]);
    cleo.get(&path).await.refused(403, "not_a_member");
    ann.get("/search?q=hafen&conversation=4711").await.refused(404, "unknown_conversation");
}

#[tokio::test]
async fn pages_follow_one_another() {
    let site = Site::start().await;
    let [ann, ben] = site.people(["ann", "ben"]).await;
    for n in 0..limits::SEARCH_HITS + 3 {
        ann.say(&ben, &format!("word {n}")).await;
    }
    let first = ben.get("/search?q=word").await.ok(200);
    assert_eq!(texts(&first).len(), limits::SEARCH_HITS);
    let next = first["next"].as_str().expect("more");
    let second = ben.get(&format!("/search?q=word&before={next}")).await.ok(200);
    assert_eq!((texts(&second), &second["next"]), (vec!["word 2", "word 1", "word 0"], &Value::Null));
}

#[tokio::test]
async fn what_can_not_be_searched_for_is_refused_with_a_reason() {
    let site = Site::start().await;
    let [ann] = site.people(["ann"]).await;
    let long = "x".repeat(limits::QUERY_CHARS + 1);
    for query in ["q=", "q=%22%22", "", &format!("q={long}"), "q=a&before=yesterday", "q=a&conversation=x"] {
        ann.get(&format!("/search?{query}")).await.refused(422, "invalid");
    }
    site.stranger().get("/search?q=a").await.refused(401, "unauthorized");
    for query in ["NEAR(", "a\" OR", "'; --", "*", "{", "&|!"] {
        assert!(texts(&search(&ann, &format!("x {query}")).await).is_empty());
    }
}

#[tokio::test]
async fn who_searches_too_fast_is_told_to_wait() {
    let site = Site::start().await;
    let [ann] = site.people(["ann"]).await;
    let mut answers = Vec::new();
    for _ in 0..=limits::SEARCH_BURST + 5 {
        answers.push(ann.get("/search?q=word").await);
    }
    let refused = answers.into_iter().find(|answer| answer.status != 200).expect("a refusal");
    refused.refused(429, "rate_limited");
    assert!(refused.headers.contains_key("retry-after"));
}
