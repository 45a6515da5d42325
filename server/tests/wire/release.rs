//! A page of the first release and today's node, side by side in a rolling deploy: its frames, to the letter, but for the
//! ids of whom and what they are about.

use super::*;
use futures_util::StreamExt;
use serde_json::{Value, json};

/// What a page of the release reads as empty when it is not there.
const OPTIONAL: [&str; 1] = ["former"];

fn released(file: &str) -> Value {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../protocol/tests/release-0.1");
    let text = std::fs::read_to_string(format!("{folder}/{file}.json")).expect("a file of the release");
    serde_json::from_str(&text).expect("JSON")
}

/// Whether who reads `old` finds every field of it in `new`, and something of the same kind in it. Lists are of one kind
/// of thing.
fn is_readable(old: &Value, new: &Value) -> bool {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            let is_there = |name: &str, field| match new.get(name) {
                Some(given) => is_readable(field, given),
                None => OPTIONAL.contains(&name),
            };
            old.iter().all(|(name, field)| is_there(name, field))
        }
        (Value::Array(old), Value::Array(new)) => new.iter().all(|new| old.iter().any(|old| is_readable(old, new))),
        // May or may not be there, in the sample and here.
        (Value::Null, _) | (_, Value::Null) => true,
        (old, new) => std::mem::discriminant(old) == std::mem::discriminant(new),
    }
}

struct Page {
    raw: Raw,
}

impl Page {
    async fn says(&mut self, file: &str, ids: &[(&str, Value)]) {
        let mut frame = released(file);
        for (name, id) in ids {
            assert!(frame.get(*name).is_some(), "{file} has no {name}");
            frame[*name] = id.clone();
        }
        self.raw.text(&frame.to_string()).await;
    }

    /// The next frame of the type that this file is of, as it came over the wire.
    async fn hears(&mut self, file: &str) -> Value {
        let old = released(file);
        let new = loop {
            let next = tokio::time::timeout(SOON, self.raw.socket.next()).await.expect(file);
            let Some(Ok(Message::Text(text))) = next else { panic!("{next:?} before {file}") };
            let new: Value = serde_json::from_str(&text).expect("JSON");
            if new["type"] == old["type"] {
                break new;
            }
        };
        assert!(is_readable(&old, &new), "a page of the release reads {old}, and was sent {new}");
        new
    }
}

#[tokio::test]
async fn a_page_of_the_first_release_talks_with_todays_node() {
    let Pair { server, ann, bob, here } = Pair::new().await;
    let bobs = server.device(&bob).await;
    let mut page = Page { raw: server.raw(&ann).await };
    let here = json!(here);
    page.says("client_hello_first", &[]).await;
    page.hears("server_welcome").await;
    page.says("client_send", &[("conversation", here.clone())]).await;
    let ack = page.hears("server_ack").await;
    assert_eq!(ack["key"], released("client_send")["key"]);
    bobs.until("it was told", |view| view.texts(ConversationId(here.as_u64()?)).first().map(|_| ())).await;
    bobs.send(ConversationId(here.as_u64().expect("an id")), "an answer");
    page.hears("server_change").await;
    page.says("client_fetch", &[("conversation", here.clone()), ("from", json!(1)), ("to", json!(2))]).await;
    let range = page.hears("server_range").await;
    assert_eq!(range["changes"].as_array().map(Vec::len), Some(2));
    let cursor = [("conversation", here.clone()), ("delivered", json!(2)), ("read", json!(2))];
    page.says("client_cursor", &cursor).await;
    page.hears("server_cursor_own").await;
    page.says("client_watch", &[("users", json!([bob.id()]))]).await;
    page.hears("server_presence").await;
    page.says("client_typing", &[("conversation", here.clone())]).await;
    bobs.until("it was told", |view| view.typing.first().copied()).await;
    page.says("client_ping", &[]).await;
    page.hears("server_pong").await;
    page.says("client_unknown", &[]).await;
    let error = page.hears("server_error_nowhere").await;
    assert_eq!(error["code"], "unknown_frame");
    page.says("client_typing", &[("conversation", json!(999_999))]).await;
    page.says("client_send", &[("key", json!(SendKey::random())), ("conversation", json!(999_999))]).await;
    page.hears("server_refused_for_good").await;
    // A group comes with its description and goes with a word.
    let group = server.group(&bob, &[&ann]).await;
    page.hears("server_conversation").await;
    server.amend(&bob, group, trunkline_server::store::Amendment::RemoveMember(ann.id())).await;
    page.hears("server_left").await;
}

#[tokio::test]
async fn a_page_of_the_first_release_resumes_and_is_told_to_move_by_todays_node() {
    let Pair { mut server, ann, here, .. } = Pair::new().await;
    let mut raw = server.raw(&ann).await;
    let ServerFrame::Welcome { epoch, position, .. } = raw.hello().await else { unreachable!() };
    raw.send(here, "meanwhile").await;
    let mut page = Page { raw: server.raw(&ann).await };
    page.says("client_hello", &[("epoch", json!(epoch)), ("position", json!(position.0.max(1)))]).await;
    page.hears("server_welcome").await;
    server.begin_stop();
    page.hears("server_moving").await;
    // It leaves first and comes back after: the node lets it go.
    drop(page);
    drop(raw);
    tokio::time::timeout(SOON, server.stop()).await.expect("stopped in time");
}
