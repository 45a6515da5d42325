//! The Autobahn cases, by the program kosoku, which asks for an echo.
//!
//! A node says nothing back, so the echo is a door of this test. All behind it is the node's own: who takes
//! connections in, the upgrade with its settings, reading, and closing. What the node's door asks for before (origin,
//! subprotocol, session) the cases do not know.

use super::python;
use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::routing::get;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use trunkline_protocol::limits;
use trunkline_server::connection::wire::{self, End};
use trunkline_server::web::serve::{Bounds, serve};

/// Prints a line for each case: its number, how it went, and how the connection was closed.
const RUN: &str = "
import asyncio, os, sys
from kosoku import FailureError, run_fuzzingclient
async def run(url, include, exclude):
    try:
        return await run_fuzzingclient(url, include or None, exclude or None, concurrency=4)
    except FailureError as failure:
        return failure.results
url, include, exclude = sys.argv[1:]
for case in asyncio.run(run(url, include.split(), exclude.split())):
    print(case.case_id, case.behavior.value, case.behavior_close.value, sep='\t')
# Its threads do not always outlive the end of Python.
sys.stdout.flush()
os._exit(0)
";

/// Cases with messages above [`limits::FRAME_BYTES`], which a node closes with 1009 (see `input_raw`): up to 16 MiB.
const LARGER: &str = "9.1.* 9.2.* 9.3.* 9.4.* 9.5.* 9.6.*";
const LARGEST: usize = 16 * 1024 * 1024;

/// Cases that may end otherwise than well, and how: what we do not offer, and what the standard leaves to us.
const OTHERS: [(&str, &str); 5] = [
    // Compression of messages, which costs more memory a connection than all else together.
    ("12.", "UNIMPLEMENTED"),
    ("13.", "UNIMPLEMENTED"),
    // Text that is not UTF-8 is noticed when its frame is there, and not within it: a frame has 64 KiB at most.
    ("6.4.", "NON-STRICT"),
    // What is answered to a close with an enormous message before it, and to one with a code that nobody knows.
    ("7.1.6", "INFORMATIONAL"),
    ("7.13.", "INFORMATIONAL"),
];

async fn echo(mut socket: WebSocket) {
    let end = loop {
        let answered = match wire::read(&mut socket).await {
            Ok(message @ (Message::Text(_) | Message::Binary(_))) => socket.send(message).await.map_err(|_| End::Gone),
            Ok(_) => wire::flush(&mut socket).await,
            Err(end) => Err(end),
        };
        if let Err(end) = answered {
            break end;
        }
    };
    wire::close(socket, end).await;
}

async fn door(bytes: usize) -> SocketAddr {
    let upgrade = move |upgrade: WebSocketUpgrade| std::future::ready(wire::settings(upgrade, bytes).on_upgrade(echo));
    let router = Router::new().route("/ws", get(upgrade));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(serve(listener, router, Bounds::default(), std::future::pending()));
    address
}

/// Runs cases; how many there were.
#[expect(clippy::print_stdout, reason = "the figures are for whoever asks to see them")]
async fn cases(bytes: usize, include: &str, exclude: &str) -> usize {
    let url = format!("ws://{}/ws", door(bytes).await);
    let output = python(RUN, &[], &[&url, include, exclude], Duration::from_secs(180)).await;
    assert!(output.status.success(), "kosoku failed: {}", output.status);
    let (mut passed, mut others, mut failed) = (0, BTreeMap::<_, Vec<_>>::new(), Vec::new());
    let said = String::from_utf8(output.stdout).expect("text");
    for line in said.lines() {
        let [case, behavior, close] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line:?}") };
        let known = OTHERS.iter().any(|(cases, outcome)| case.starts_with(cases) && behavior == *outcome);
        match (behavior, close) {
            ("OK", "OK") => passed += 1,
            (_, "OK" | "INFORMATIONAL") if known => others.entry(behavior).or_default().push(case),
            _ => failed.push(line),
        }
    }
    let others: BTreeMap<_, _> = others.iter().map(|(outcome, cases)| (*outcome, cases.len())).collect();
    println!("{passed} passed, {} failed, {others:?}", failed.len());
    assert!(failed.is_empty(), "{failed:#?}");
    said.lines().count()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_autobahn_case_within_our_bounds_fails() {
    assert_eq!(cases(limits::FRAME_BYTES, "", LARGER).await, 475);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_autobahn_case_beyond_our_bounds_fails_where_they_are_lifted() {
    assert_eq!(cases(LARGEST, LARGER, "").await, 42);
}
