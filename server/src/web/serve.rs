//! Takes connections in and serves HTTP on them.
//!
//! Whoever connects costs little and for a bounded time until they have asked for something: a request's head has to be
//! there in time and is not long, its body has to be there in time, and what is answered has to be read. So those who
//! do nothing but hold connections, or who say half of something, have to come anew for ever, and never keep out anybody
//! else for long. Upgraded sockets have bounds of their own, in [`crate::connection`].

use super::stream::Stream;
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// Open files that connections leave to everything else: the store, its readers, Redis.
const OTHER_FILES: usize = 256;
/// Connections where the system does not say how many files may be open.
const CONNECTIONS: usize = 768;
/// How long nobody is let in when the system lets nobody in, for want of files or memory.
const ACCEPT_AGAIN: Duration = Duration::from_secs(1);

/// What a peer may take. The defaults are those of every node.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Time from connecting to the end of the first request's head: for slow networks, and for nobody who says nothing.
    pub first_head: Duration,
    /// Time from there, or from the end of an answer, to the end of the next one's: longer than proxies keep a
    /// connection that they may use again, so that the node does not close one at the moment in which it is used.
    pub next_head: Duration,
    /// Time in which nothing may be read of what is written.
    pub stalled: Duration,
    /// Bytes of a request's head.
    pub head_bytes: usize,
    /// Connections at once. Others wait outside, in the system's queue.
    pub connections: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            first_head: Duration::from_secs(10),
            next_head: Duration::from_secs(130),
            stalled: Duration::from_secs(60),
            head_bytes: 32 * 1024,
            connections: most_connections(),
        }
    }
}

/// As many as may be open, but for what the node needs itself.
fn most_connections() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    open_files(&limits).map_or(CONNECTIONS, |files| files.saturating_sub(OTHER_FILES).max(files / 2))
}

/// What the system says of the files that a process may have open now.
fn open_files(limits: &str) -> Option<usize> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Serves until `stop`, then takes in nobody more, finishes the requests that were begun, and returns. Upgraded sockets
/// are not waited for.
pub async fn serve(listener: TcpListener, router: Router, bounds: Bounds, stop: impl Future<Output = ()>) {
    // Once, and not for each request.
    let router = router.with_state(());
    let (closing, tasks) = (CancellationToken::new(), TaskTracker::new());
    let room = Arc::new(Semaphore::new(bounds.connections.min(Semaphore::MAX_PERMITS)));
    let take_in = async {
        loop {
            // It is closed by nobody.
            let Ok(place) = room.clone().acquire_owned().await else { return };
            match listener.accept().await {
                Ok((tcp, peer)) => {
                    // What is written is written together already: it waits for no acknowledgement of what came before. A
                    // peer that is gone already is found out by reading.
                    let _ = tcp.set_nodelay(true);
                    let stream = Stream::new(tcp, bounds.stalled, place);
                    tasks.spawn(connection(stream, peer, router.clone(), bounds, closing.clone()));
                }
                Err(error) if is_of_the_peer(&error) => {}
                Err(error) => {
                    tracing::error!(error = %error, "no connection can be taken in");
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                }
            }
        }
    };
    tokio::select! {
        () = take_in => {}
        () = stop => {}
    }
    drop(listener);
    closing.cancel();
    tasks.close();
    tasks.wait().await;
}

/// Whether it only says that somebody was gone before they were let in.
fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

async fn connection(stream: Stream, peer: SocketAddr, router: Router, bounds: Bounds, closing: CancellationToken) {
    let asked = Arc::new(AtomicBool::new(false));
    let heard = asked.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        heard.store(true, Ordering::Relaxed);
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.next_head)
        .max_buf_size(bounds.head_bytes)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let first = tokio::time::sleep(bounds.first_head);
    tokio::pin!(connection, first);
    let (mut waits, mut told) = (true, false);
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(client.address = %peer, error = %error, "a connection broke");
                }
                return;
            }
            () = first.as_mut(), if waits => {
                if !asked.load(Ordering::Relaxed) {
                    tracing::debug!(client.address = %peer, "a connection asked for nothing in time");
                    return;
                }
                waits = false;
            }
            () = closing.cancelled(), if !told => {
                connection.as_mut().graceful_shutdown();
                told = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_connections_as_files_but_for_the_nodes_own() {
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files            20000                40000                files\n";
        assert_eq!(open_files(limits), Some(20_000));
        assert_eq!(open_files("Max open files   unlimited   unlimited   files"), None);
        assert!(most_connections() > 0);
    }
}
