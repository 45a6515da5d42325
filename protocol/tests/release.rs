//! Today's client and the first release, side by side in a rolling deploy. `release-0.1/` holds that release's golden
//! files as they were then; nobody changes them.

#![expect(clippy::expect_used, reason = "a test stops at the first surprise")]

use serde_json::{Value, json};
use std::path::PathBuf;
use trunkline_protocol::client::outbox::Entry;
use trunkline_protocol::client::{Action, Client, Event, Link, Socket};
use trunkline_protocol::{ClientFrame, ConversationId, Seq, ServerFrame, UserId};

const HERE: ConversationId = ConversationId(7);
const START: i64 = 1_000_000;

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

fn files(prefix: &str) -> Vec<String> {
    let names = std::fs::read_dir(folder("release-0.1")).expect("the release's files");
    let names = names.map(|file| file.expect("an entry").file_name().to_string_lossy().into_owned());
    let mut names: Vec<_> = names.filter(|name| name.starts_with(prefix)).collect();
    names.sort_unstable();
    assert!(names.len() > 2, "{names:?}");
    names
}

fn read(from: &str, file: &str) -> Value {
    let text = std::fs::read_to_string(folder(from).join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    serde_json::from_str(&text).expect("JSON")
}

fn released(file: &str) -> Value {
    read("release-0.1", &format!("{file}.json"))
}

/// Whether who reads `old` finds all of it in `new`, in the same shape. What came since they ignore.
fn is_found(old: &Value, new: &Value) -> bool {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            old.iter().all(|(name, field)| new.get(name).is_some_and(|given| is_found(field, given)))
        }
        (Value::Array(old), Value::Array(new)) => {
            old.len() == new.len() && old.iter().zip(new).all(|(o, n)| is_found(o, n))
        }
        (old, new) => old == new,
    }
}

#[test]
fn what_the_release_reads_is_still_written() {
    for file in files("").into_iter().filter(|file| !file.ends_with("_unknown.json")) {
        let (old, new) = (read("release-0.1", &file), read("golden", &file));
        assert!(is_found(&old, &new), "{file}: the release would not find what it needs in {new}");
    }
}

#[test]
fn what_the_release_writes_is_still_read() {
    for file in files("client_") {
        let frame: ClientFrame = serde_json::from_value(read("release-0.1", &file)).expect(&file);
        assert_eq!(frame == ClientFrame::Unknown, file == "client_unknown.json", "{file}");
    }
    for file in files("server_") {
        let frame: ServerFrame = serde_json::from_value(read("release-0.1", &file)).expect(&file);
        assert_eq!(frame == ServerFrame::Unknown, file == "server_unknown.json", "{file}");
    }
    // What a page of the release kept is sent by the page that comes after it.
    for file in files("entry_") {
        let entry: Entry = serde_json::from_value(read("release-0.1", &file)).expect(&file);
        assert!(!entry.text.is_empty());
    }
}

// ---- today's client with a node of the release ---------------------------------------------------------------

/// Today's client, and what a node of the release says to it, to the letter.
struct Talk {
    client: Client,
    socket: Socket,
}

impl Talk {
    fn hears(&mut self, file: &str) -> Vec<Action> {
        self.hears_json(&released(file))
    }

    fn hears_json(&mut self, frame: &Value) -> Vec<Action> {
        let frame = serde_json::from_value(frame.clone()).expect("a frame");
        self.client.received(START, self.socket, frame);
        self.client.take_actions()
    }

    fn head(&self) -> Option<Seq> {
        Some(self.client.replica(HERE)?.conversation().head)
    }
}

/// Of the user whom the release's welcome names, welcomed by it.
fn welcomed() -> Talk {
    let kept = serde_json::from_value(released("entry_in_flight")).expect("an entry");
    let mut client = Client::new(UserId(2), 1, vec![kept]);
    client.connect(START);
    let Some(Action::Connect(socket)) = client.take_actions().pop() else { panic!("no socket was asked for") };
    client.opened(socket);
    let hello = client.take_actions();
    let [Action::Transmit(_, hello)] = &hello[..] else { panic!("{hello:?}") };
    assert!(is_found(&released("client_hello_first"), &json!(hello)), "the release reads the hello");
    let mut talk = Talk { client, socket };
    let mut welcome = released("server_welcome");
    // The sample has the same conversation twice, as a group and as a direct one; this one is complete.
    welcome["conversations"].as_array_mut().expect("a list").truncate(1);
    welcome["complete"] = json!(true);
    let sent = talk.hears_json(&welcome);
    assert_eq!(talk.client.link(), Link::Live);
    assert!(talk.client.is_degraded());
    let key = &released("server_ack")["key"];
    let resent = |action: &Action| matches!(action, Action::Transmit(_, frame) if json!(frame)["key"] == *key);
    assert!(sent.iter().any(resent), "what the release's page kept is sent: {sent:?}");
    talk
}

#[test]
fn todays_client_understands_a_node_of_the_release() {
    let mut talk = welcomed();
    assert_eq!(talk.head(), Some(Seq(4)));
    assert!(talk.hears("server_presence").iter().any(|action| matches!(action, Action::Notify(Event::Presence(_)))));
    assert!(talk.hears("server_typing").iter().any(|action| matches!(action, Action::Notify(Event::Typing(..)))));
    talk.hears("server_cursor");
    talk.hears("server_cursor_own");
    // The ack makes the change out of what was kept.
    let acked = talk.hears("server_ack");
    assert!(acked.iter().any(|action| matches!(action, Action::Forget(_))), "{acked:?}");
    assert_eq!(talk.head(), Some(Seq(5)));
    talk.hears("server_range");
    talk.hears("server_change");
    talk.hears("server_pong");
    talk.hears("server_conversation");
    assert!(talk.client.replica(HERE).is_some());
    talk.hears("server_health");
    assert_eq!(talk.hears("server_unknown"), [], "a frame it does not know is no news");
    assert_eq!(talk.client.link(), Link::Live);
    let left = released("server_left")["conversation"].as_u64().expect("an id");
    talk.hears("server_left");
    assert!(talk.client.replica(ConversationId(left)).is_none());
    for file in ["server_error", "server_error_nowhere"] {
        let mut talk = welcomed();
        let news = talk.hears(file);
        assert!(news.contains(&Action::Notify(Event::Reset)), "the store went back in time: {news:?}");
        assert!(matches!(talk.client.link(), Link::Waiting(_)), "and everything is asked for anew");
    }
}

#[test]
fn todays_client_keeps_what_a_node_of_the_release_refuses() {
    let mut talk = welcomed();
    talk.hears("server_refused");
    assert!(!talk.client.is_settled(), "it is sent again when the node said");
    let mut talk = welcomed();
    let mut for_good = released("server_refused_for_good");
    for_good["key"] = released("server_ack")["key"].clone();
    talk.hears_json(&for_good);
    assert!(talk.client.is_settled());
    assert_eq!(talk.client.outbox(HERE).count(), 1, "the text is not lost");
}

#[test]
fn todays_client_moves_when_a_node_of_the_release_asks_for_it() {
    let mut talk = welcomed();
    talk.hears("server_moving");
    let after = released("server_moving")["after"].as_i64().expect("milliseconds");
    talk.client.tick(START + after);
    let actions = talk.client.take_actions();
    assert!(actions.iter().any(|action| matches!(action, Action::Connect(_))), "{actions:?}");
    // That node closes as soon as its client has left or its window ends, and knows nothing of a second socket.
    talk.client.closed(START + after + 10, talk.socket, Some(4000));
    assert!(matches!(talk.client.link(), Link::Connecting(_)));
}
