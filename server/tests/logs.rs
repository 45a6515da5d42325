//! What a node writes into its log: by which request and which message, and never what was said.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use reqwest::Response;
use serde_json::{Value, json};
use std::fs::File;
use support::child::ChildNode;
use support::raw::Raw;
use support::server::{Database, Login, PASSWORD, TestServer};
use trunkline_protocol::SendKey;

/// A node that logs everything it can say itself, and somebody with a login on it.
async fn logged(log: &File, settings: &[&str]) -> (ChildNode, Login, Login) {
    let database = Database::new();
    let server = TestServer::start_with(&database, trunkline_server::config::Options::default()).await;
    let (ann, bob) = (server.register("ann").await, server.register("bob").await);
    server.stop().await;
    let settings = [&["--log", "trunkline_server=trace", "--log-json"], settings].concat();
    let node = ChildNode::start_logged(&database, &settings, log.try_clone().expect("a handle"));
    (node, ann, bob)
}

async fn post(node: &ChildNode, who: &Login, id: &str, message: &Value) -> Response {
    let url = format!("http://{}/api/v1/messages", node.address());
    let request = reqwest::Client::new().post(url).header("cookie", &who.cookie).header("x-request-id", id);
    request.json(message).send().await.expect("an answer")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_and_its_message_are_found_by_their_ids_and_nothing_that_was_said() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let path = folder.path().join("log");
    let log = File::create(&path).expect("a file");
    let (mut node, ann, bob) = logged(&log, &[]).await;
    let key = SendKey::random();
    let message = json!({"to": "bob", "text": "the-secret-text", "key": key});
    let answer = post(&node, &ann, "req-4711", &message).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["x-request-id"]),
        (201, &"req-4711".parse().expect("text"))
    );
    let sent: Value = answer.json().await.expect("JSON");
    let id = format!("{}/{}", sent["conversation"], sent["seq"]);
    // And over a socket.
    let here = trunkline_protocol::ConversationId(sent["conversation"].as_u64().expect("an id"));
    let mut raw = Raw::connect(node.address(), &bob.cookie).await;
    raw.hello().await;
    let answered = raw.send(here, "the-secret-answer").await;
    raw.acked(answered).await;
    raw.text("{\"type\":\"send\",\"text\":\"the-secret-typo\"").await;
    raw.error().await;
    let wrong = reqwest::Client::new().post(format!("http://{}/api/fn/log_in", node.address()));
    let wrong = wrong.header("content-type", "application/x-www-form-urlencoded");
    wrong.body(format!("name=ann&password={PASSWORD}-not")).send().await.expect("an answer");
    let page = format!("http://{}/register?invite=the-secret-invite", node.address());
    let page = reqwest::get(page).await.expect("a page");
    assert!(page.headers().contains_key("x-request-id"), "one is made where none was given");
    tokio::task::block_in_place(|| node.terminate());
    let text = std::fs::read_to_string(&path).expect("the log");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let said = |sentence: &str| lines.iter().filter(|line| line["fields"]["message"] == sentence).collect::<Vec<_>>();
    let request = said("answered a request").into_iter().find(|line| line["span"]["request.id"] == "req-4711");
    let span = &request.expect("the request")["span"];
    assert_eq!((&span["message.id"], &span["message.key"]), (&json!(id), &json!(key.to_string())));
    assert_eq!((&span["http.status"], &span["http.path"]), (&json!(201), &json!("/api/v1/messages")));
    let stored = said("stored a message");
    let keys: Vec<_> = stored.iter().map(|line| line["fields"]["message.key"].as_str().unwrap_or_default()).collect();
    assert_eq!(keys, [key.to_string(), answered.to_string()]);
    assert_eq!(stored[0]["span"]["name"], "commit");
    for secret in ["the-secret", PASSWORD, ann.cookie.as_str(), bob.cookie.trim_start_matches("trunkline=")] {
        assert!(!text.contains(secret), "{secret:?} is in the log");
    }
}
