//! The bounds of whoever takes connections in, with shorter times.

use super::support::SOON;
use super::support::bytes::Bytes;
use axum::Router;
use axum::routing::get;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use trunkline_server::web::serve::{Bounds, serve};

const ASK: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const ASK_MUCH: &[u8] = b"GET /much HTTP/1.1\r\nHost: x\r\n\r\n";

/// More than the buffers between two sockets hold.
const MUCH: usize = 64 * 1024 * 1024;

struct Site {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

async fn site(bounds: Bounds) -> Site {
    let much = bytes::Bytes::from(vec![0; MUCH]);
    let router = Router::new()
        .route("/", get(|| async { "here" }))
        .route("/much", get(move || std::future::ready(much.clone())));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(serve(listener, router, bounds, async {
        let _ = stopped.await;
    }));
    Site { address, stop, serving }
}

#[tokio::test]
async fn a_connection_that_says_nothing_more_after_an_answer_is_closed_in_time_and_not_before() {
    let next_head = Duration::from_millis(700);
    let site = site(Bounds { first_head: Duration::from_millis(100), next_head, ..Bounds::default() }).await;
    let mut peer = Bytes::connect(site.address).await;
    peer.write(ASK).await;
    assert_eq!(peer.status().await, Some(200));
    let began = Instant::now();
    peer.hung_up_within(SOON).await;
    assert!(began.elapsed() > next_head / 2, "{:?}", began.elapsed());
}

#[tokio::test]
async fn an_answer_that_nobody_reads_is_given_up() {
    let stalled = Duration::from_millis(300);
    let site = site(Bounds { stalled, connections: 1, ..Bounds::default() }).await;
    let mut deaf = Bytes::connect(site.address).await;
    deaf.write(ASK_MUCH).await;
    // There is one place: who comes next is served once it is free.
    let mut next = Bytes::connect(site.address).await;
    next.write(ASK).await;
    assert_eq!(next.status().await, Some(200));
    let mut read = Vec::new();
    let ended = timeout(SOON, deaf.tcp.read_to_end(&mut read)).await;
    assert!(ended.is_ok() && read.len() < MUCH, "{} bytes", read.len());
}

#[tokio::test]
async fn an_answer_that_is_read_slowly_arrives_whole() {
    let site = site(Bounds { stalled: Duration::from_millis(300), ..Bounds::default() }).await;
    let mut slow = Bytes::connect(site.address).await;
    slow.write(ASK_MUCH).await;
    assert_eq!(slow.status().await, Some(200));
    let (mut read, mut part) = (0, vec![0; 4 * 1024 * 1024]);
    while read < MUCH {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let more = timeout(SOON, slow.tcp.read(&mut part)).await.expect("in time").expect("more");
        assert!(more > 0, "it ended after {read} bytes");
        read += more;
    }
}

#[tokio::test]
async fn whoever_comes_when_all_places_are_taken_waits_and_is_served() {
    let site = site(Bounds { connections: 2, ..Bounds::default() }).await;
    let (one, other) = (Bytes::connect(site.address).await, Bytes::connect(site.address).await);
    let mut third = Bytes::connect(site.address).await;
    third.write(ASK).await;
    let early = timeout(Duration::from_millis(300), third.status()).await;
    assert!(early.is_err(), "served at once: {early:?}");
    drop((one, other));
    third.write(ASK).await;
    assert_eq!(third.status().await, Some(200));
}

#[tokio::test]
async fn stopping_finishes_what_was_asked_and_takes_nobody_in() {
    let Site { address, stop, serving } = site(Bounds::default()).await;
    let mut idle = Bytes::connect(address).await;
    idle.write(ASK).await;
    assert_eq!(idle.status().await, Some(200));
    let mut busy = Bytes::connect(address).await;
    busy.write(ASK_MUCH).await;
    assert_eq!(busy.status().await, Some(200));
    let mut silent = Bytes::connect(address).await;
    drop(stop);
    let mut rest = Vec::new();
    timeout(SOON, busy.tcp.read_to_end(&mut rest)).await.expect("in time").expect("the rest");
    assert!(rest.len() >= MUCH, "{} bytes", rest.len());
    // Who has said nothing yet ends what it waits for by hanging up.
    silent.tcp.shutdown().await.expect("the socket is open");
    idle.hung_up_within(SOON).await;
    timeout(SOON, serving).await.expect("in time").expect("a clean end");
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
