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
import asyncio, sys
from kosoku import FailureError, run_fuzzingclient
async def run(url, include, exclude):
    try:
        return await run_fuzzingclient(url, include or None, exclude or None, concurrency=4)
    except FailureError as failure:
        return failure.results
url, include, exclude = sys.argv[1:]
for case in asyncio.run(run(url, include.split(), exclude.split())):
    print(case.case_id, case.behavior.value, case.behavior_close.value, sep='\t')
";

/// Cases with messages above [`limits::FRAME_BYTES`], which a node closes with 1009 (see `input_raw`): up to 16 MiB.
const LARGER: &str = "9.1.* 9.2.* 9.3.* 9.4.* 9.5.* 9.6.*";
const LARGEST: usize = 16 * 1024 * 1024;

/// How cases may end. What is here besides `OK` was looked at: see each place.
#[derive(Debug, Default)]
struct Outcome {
    passed: usize,
    /// By outcome, of the exchange and of the close.
    others: BTreeMap<(String, String), Vec<String>>,
}

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

async fn cases(bytes: usize, include: &str, exclude: &str) -> Outcome {
    let url = format!("ws://{}/ws", door(bytes).await);
    let output = python(RUN, &[], &[&url, include, exclude], Duration::from_secs(180)).await;
    assert!(output.status.success(), "kosoku failed: {}", output.status);
    let mut outcome = Outcome::default();
    for line in String::from_utf8(output.stdout).expect("text").lines() {
        let [case, behavior, close] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line:?}") };
        if (behavior, close) == ("OK", "OK") {
            outcome.passed += 1;
        } else {
            outcome.others.entry((behavior.to_owned(), close.to_owned())).or_default().push(case.to_owned());
        }
    }
    outcome
}

#[tokio::test(flavor = "multi_thread")]
async fn every_autobahn_case_within_our_bounds_passes() {
    let outcome = cases(limits::FRAME_BYTES, "", LARGER).await;
    println!("{outcome:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_autobahn_case_beyond_our_bounds_passes_where_they_are_lifted() {
    let outcome = cases(LARGEST, LARGER, "").await;
    println!("{outcome:#?}");
}
