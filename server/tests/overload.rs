//! More than a node can take: senders wait and lose nothing, a full disk is told and got over, and who reads slowly is
//! nobody else's trouble.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use rusqlite::Connection;
use std::fs::File;
use std::io::Write;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use support::child::ChildNode;
use support::device::{Device, View};
use support::raw::{Heard, Raw};
use support::server::{Database, TestServer};
use support::{SOON, eventually};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::Instant;
use trunkline_protocol::{CloseCode, ErrorCode, SendKey, ServerFrame, limits};
use trunkline_server::config::Options;
use trunkline_server::node::appender::{QUEUE, Refused};
use trunkline_server::store::{Append, Credential};

/// What others may wait for a message while somebody is cut off, on a machine that has much to do.
const UNNOTICED: Duration = Duration::from_secs(2);

/// Nobody may send faster than the store takes, here: what bounds is what waits.
fn fast() -> Options {
    Options { sends_per_second: Some(100_000), ..Options::default() }
}

/// Holds the database so that nothing can be stored; `ROLLBACK` lets go.
fn hold(database: &Database) -> Connection {
    let other = Connection::open(database.path()).expect("the file");
    other.execute_batch("BEGIN IMMEDIATE").expect("locked");
    other
}

// ---- appends in flight ---------------------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beyond_what_one_connection_may_have_in_hand_it_is_told_to_wait() {
    let database = Database::new();
    let server = TestServer::start_with(&database, fast()).await;
    let (ann, bob) = (server.register("ann").await, server.register("bob").await);
    let here = server.direct(&ann, &bob).await;
    let mut raw = server.welcomed(&ann).await;
    let other = hold(&database);
    let mut keys = Vec::new();
    for number in 0..3 * limits::SENDS_IN_HAND {
        keys.push(raw.send(here, &number.to_string()).await);
    }
    for key in &keys[limits::SENDS_IN_HAND..] {
        let (code, retry_after) = raw.refused(*key).await;
        assert_eq!(code, ErrorCode::Busy);
        assert!(retry_after.is_some());
    }
    other.execute_batch("ROLLBACK").expect("free again");
    for (key, seq) in keys[..limits::SENDS_IN_HAND].iter().zip(1..) {
        assert_eq!(raw.acked(*key).await.0, seq, "in the order sent");
    }
    // The first that was refused opens the gate for what is behind it.
    for (number, key) in keys.iter().enumerate().skip(limits::SENDS_IN_HAND) {
        raw.send_as(*key, here, &number.to_string()).await;
        assert_eq!(raw.acked(*key).await.0, number as u64 + 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beyond_what_a_node_may_have_in_hand_it_says_so_and_stores_the_rest_once_and_in_order() {
    let database = Database::new();
    let server = TestServer::start_with(&database, fast()).await;
    let (ann, bob) = (server.register("ann").await, server.register("bob").await);
    let here = server.direct(&ann, &bob).await;
    let anns = server.device(&ann).await;
    let other = hold(&database);
    let credential = Credential::Session(bob.session);
    let mut calls = JoinSet::new();
    for number in 0..3 * QUEUE {
        let (node, author, key, text) = (server.node().clone(), bob.id(), SendKey::random(), number.to_string());
        let append = Append { author, credential, conversation: here, key, text, at: 1 };
        calls.spawn(async move { node.append(append).await });
    }
    let mut refused = 0;
    while refused < QUEUE {
        // Those that wait have no answer yet.
        let answer = calls.join_next().await.expect("a call").expect("no panic");
        assert_eq!(answer.expect_err("nothing can be stored"), Refused::Busy);
        refused += 1;
    }
    // A client waits and tries again, whatever it is told meanwhile.
    let said: Vec<_> = (0..40).map(|number| format!("ann {number}")).collect();
    for text in &said {
        anns.send(here, text);
    }
    other.execute_batch("ROLLBACK").expect("free again");
    let mut stored = 0;
    while let Some(answer) = calls.join_next().await {
        match answer.expect("no panic") {
            Ok(_) => stored += 1,
            Err(error) => {
                assert_eq!(error, Refused::Busy);
                refused += 1;
            }
        }
    }
    assert_eq!(stored + refused, 3 * QUEUE);
    assert!(stored >= QUEUE, "{stored} were taken");
    anns.shows_count(here, stored + said.len(), Duration::from_secs(30)).await;
    anns.settled().await;
    let texts: Vec<_> = anns.view().texts(here).into_iter().map(str::to_owned).collect();
    let (own, others): (Vec<_>, Vec<_>) = texts.into_iter().partition(|text| text.starts_with("ann"));
    assert_eq!(own, said);
    let mut distinct = others.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!((distinct.len(), others.len()), (stored, stored), "each once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_that_flood_a_store_that_stalls_wait_and_nothing_is_lost_or_reordered() {
    let database = Database::new();
    let server = TestServer::start_with(&database, fast()).await;
    let (ann, bob) = (server.register("ann").await, server.register("bob").await);
    let here = server.direct(&ann, &bob).await;
    let bobs = server.device(&bob).await;
    let mut devices = Vec::new();
    for _ in 0..6 {
        devices.push(server.device(&server.log_in("ann").await).await);
    }
    let other = hold(&database);
    let count = 60;
    for (who, device) in devices.iter().enumerate() {
        for number in 0..count {
            device.send(here, format!("{who} {number:02}"));
        }
    }
    let in_hand = || server.node().hub.connections().len() * limits::SENDS_IN_HAND;
    assert!(in_hand() < QUEUE, "the connections bound it");
    other.execute_batch("ROLLBACK").expect("free again");
    let texts = bobs.shows_count(here, devices.len() * count, Duration::from_secs(30)).await;
    for (who, device) in devices.iter().enumerate() {
        let theirs: Vec<_> = texts.iter().filter(|text| text.starts_with(&format!("{who} "))).collect();
        let expected: Vec<_> = (0..count).map(|number| format!("{who} {number:02}")).collect();
        assert_eq!(theirs, expected.iter().collect::<Vec<_>>());
        device.settled().await;
    }
}

// ---- a slow reader -------------------------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_slow_reader_is_cut_off_others_talk_as_before() {
    let server = TestServer::start_with(&Database::new(), fast()).await;
    let (ann, bob) = (server.register("ann").await, server.register("bob").await);
    let here = server.direct(&ann, &bob).await;
    let (carol, dave) = (server.register("carol").await, server.register("dave").await);
    let there = server.direct(&carol, &dave).await;
    let (carols, daves) = (server.device(&carol).await, server.device(&dave).await);
    let mut slow = server.welcomed(&bob).await;
    let cut = server.node().metrics.closed.with_label_values(&[CloseCode::SlowConsumer.reason()]);
    let text = "x".repeat(limits::MESSAGE_CHARS);
    let (mut said, mut slowest) = (Vec::new(), Duration::ZERO);
    while cut.get() == 0 {
        assert!(said.len() < 200, "never cut");
        for _ in 0..100 {
            server.store_message(&ann, here, &text).await;
        }
        said.push(said.len().to_string());
        let begun = Instant::now();
        carols.send(there, said.last().expect("just said"));
        daves.shows_count(there, said.len(), SOON).await;
        slowest = slowest.max(begun.elapsed());
    }
    assert!(slowest < UNNOTICED, "somebody waited {slowest:?}");
    assert_eq!(daves.shows_count(there, said.len(), SOON).await, said);
    carols.settled().await;
    assert_eq!((carols.view().welcomes, daves.view().welcomes), (1, 1));
    // What it did not read before it was cut is still in the system's buffers; the code may stand behind that.
    let code = loop {
        match slow.next().await {
            Heard::Frame(_) => {}
            Heard::Closed(code) => break code,
        }
    };
    assert!(code.is_none_or(|code| code == CloseCode::SlowConsumer.as_u16()), "{code:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_slowly_is_told_by_the_code_why_it_was_cut_off() {
    let server = TestServer::start_with(&Database::new(), fast()).await;
    let (ann, bob) = (server.register("ann").await, server.register("bob").await);
    let here = server.direct(&ann, &bob).await;
    let mut slow = server.welcomed(&bob).await;
    let reading = tokio::spawn(async move {
        loop {
            match slow.next().await {
                Heard::Frame(_) => tokio::time::sleep(Duration::from_millis(1)).await,
                Heard::Closed(code) => return code,
            }
        }
    });
    let cut = server.node().metrics.closed.with_label_values(&[CloseCode::SlowConsumer.reason()]);
    let text = "x".repeat(limits::MESSAGE_CHARS);
    let mut sent = 0;
    while cut.get() == 0 {
        assert!(sent < 20_000, "never cut");
        server.store_message(&ann, here, &text).await;
        sent += 1;
    }
    // Behind all that the system had taken for it before.
    assert_eq!(reading.await.expect("no panic"), Some(CloseCode::SlowConsumer.as_u16()));
}

// ---- a full disk ---------------------------------------------------------------------------------------------

/// Where there is little room: a small file system, which only root can make, or else a limit to the size of the node's
/// files, which the system tells it by another error.
enum Room {
    Disk(TempDir),
    Limit,
}

impl Room {
    fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"]).arg(folder.path()).status();
        if mounted.is_ok_and(|status| status.success()) { Self::Disk(folder) } else { Self::Limit }
    }

    fn database(&self) -> Arc<Database> {
        match self {
            Self::Disk(folder) => Database::within(folder.path()),
            Self::Limit => Database::new(),
        }
    }

    /// Takes all room.
    fn fill(&self, node: &ChildNode) {
        match self {
            Self::Disk(folder) => {
                let mut file = File::create(folder.path().join("filler")).expect("a file");
                while file.write_all(&[0; 4096]).is_ok() {}
            }
            Self::Limit => node.limit_files("4096"),
        }
    }

    /// There is room again.
    fn clear(&self, node: &ChildNode) {
        match self {
            Self::Disk(folder) => std::fs::remove_file(folder.path().join("filler")).expect("removed"),
            Self::Limit => node.limit_files("unlimited"),
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if let Self::Disk(folder) = self {
            // Lazily: a file may still be open.
            let _ = Command::new("umount").arg("-l").arg(folder.path()).status();
        }
    }
}

async fn readiness(node: &ChildNode) -> (u16, serde_json::Value) {
    let answer = reqwest::get(format!("http://{}/readyz", node.address())).await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_refused_by_its_code_and_got_over_when_there_is_room() {
    let room = Room::new();
    let database = room.database();
    let server = TestServer::start_with(&database, Options::default()).await;
    let (ann, bob) = (server.register("ann").await, server.register("bob").await);
    let here = server.direct(&ann, &bob).await;
    server.stop().await;
    let node = ChildNode::start(&database, &["--sends-per-second", "100000"]);
    let anns = Device::start(&ann, &[node.address()]);
    anns.live().await;
    let mut raw = Raw::connect(node.address(), &bob.cookie).await;
    raw.hello().await;
    room.fill(&node);
    // The file that is written ahead may have a few pages left.
    let (text, begun) = ("x".repeat(limits::MESSAGE_CHARS), Instant::now());
    let mut kept = Vec::new();
    let (refused, code, retry_after) = loop {
        assert!(begun.elapsed() < Duration::from_secs(30), "it never was full");
        let key = raw.send(here, &text).await;
        let is_answer = |frame: &ServerFrame| matches!(frame, ServerFrame::Ack { key: of, .. } | ServerFrame::Refused { key: of, .. } if *of == key);
        match raw.expect("an answer", is_answer).await {
            ServerFrame::Refused { code, retry_after, .. } => break (key, code, retry_after),
            _ => kept.push(text.clone()),
        }
    };
    assert_eq!(code, ErrorCode::StoreUnavailable);
    assert!(retry_after.is_some());
    eventually("balancers are told", SOON, async || {
        let (status, body) = readiness(&node).await;
        (status == 503 && body["store"] == "down").then_some(())
    })
    .await;
    anns.send(here, "kept and sent again");
    let again = |view: &View| {
        let times = view.transmitted.len();
        (times >= 2 && !view.client.is_settled()).then_some(())
    };
    anns.until("it is refused, and sent again", again).await;
    room.clear(&node);
    eventually("ready by itself", SOON, async || (readiness(&node).await.0 == 200).then_some(())).await;
    anns.settled().await;
    raw.send_as(refused, here, &text).await;
    raw.acked(refused).await;
    kept.push(text);
    anns.shows_count(here, kept.len() + 1, SOON).await;
    let texts: Vec<_> = anns.view().texts(here).into_iter().map(str::to_owned).collect();
    let (own, others): (Vec<_>, Vec<_>) = texts.into_iter().partition(|text| text == "kept and sent again");
    assert_eq!((own.len(), others), (1, kept), "each once");
    assert_eq!(anns.view().welcomes, 1, "the node stayed up");
}
