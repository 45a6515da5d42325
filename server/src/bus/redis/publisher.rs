//! The sending side: a bounded outbox, and one task that empties it in pipelines.

use super::Channels;
use super::link::{Link, Session};
use bytes::Bytes;
use redis::{Cmd, Pipeline, RedisError, RedisResult, Value};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use trunkline_protocol::NodeId;

/// Envelopes that may wait: a fifth of a second's worth at 100,000 a second, like the inbox at the other end.
const MOST_ENVELOPES: usize = 16 * 1024;
/// Bytes that may wait. As much again may be on its way in a pipeline.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// An envelope and the node it is for; `None` is all.
type Waiting = (Option<NodeId>, Bytes);

/// What waits to be sent. Closed while there is no connection.
#[derive(Debug)]
pub(super) struct Outbox {
    state: Mutex<State>,
    filled: Notify,
}

#[derive(Debug, Default)]
struct State {
    open: bool,
    waiting: Vec<Waiting>,
    bytes: usize,
}

impl Outbox {
    pub(super) fn new() -> Self {
        Self { state: Mutex::default(), filled: Notify::new() }
    }

    /// Whether it was taken in.
    pub(super) fn push(&self, to: Option<NodeId>, envelope: Bytes) -> bool {
        let mut state = self.lock();
        if !state.open || state.waiting.len() >= MOST_ENVELOPES || state.bytes + envelope.len() > MOST_BYTES {
            return false;
        }
        state.bytes += envelope.len();
        state.waiting.push((to, envelope));
        let first = state.waiting.len() == 1;
        drop(state);
        if first {
            self.filled.notify_one();
        }
        true
    }

    fn open(&self) {
        self.lock().open = true;
    }

    /// Takes nothing in until it is opened again, and tells how many were waiting.
    fn close(&self) -> usize {
        std::mem::take(&mut *self.lock()).waiting.len()
    }

    /// Swaps `batch`, which must be empty, for all that is waiting, and waits if that is nothing.
    async fn take(&self, batch: &mut Vec<Waiting>) {
        loop {
            {
                let mut state = self.lock();
                std::mem::swap(&mut state.waiting, batch);
                state.bytes = 0;
            }
            if !batch.is_empty() {
                return;
            }
            self.filled.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends what comes into the outbox, over one connection after another, until it is aborted.
pub(super) async fn run(mut link: Link, outbox: Arc<Outbox>, channels: Channels, dropped: Arc<AtomicU64>) {
    let all = channels.all();
    let mut batch = Vec::new();
    loop {
        let session = link.open(|dialer| async move { dialer.dial(|_| {}).await }).await;
        // In this order: whoever sees the bus up and publishes must find the outbox open.
        outbox.open();
        link.up();
        let end = link
            .hold(&session, async {
                loop {
                    outbox.take(&mut batch).await;
                    if let Err(error) = send(&session, &channels, &all, &batch).await {
                        return error;
                    }
                    batch.clear();
                }
            })
            .await;
        let lost = batch.len() + outbox.close();
        batch.clear();
        dropped.fetch_add(lost as u64, Ordering::Relaxed);
        link.close(session, end).await;
    }
}

/// Publishes a batch as one pipeline, one command an envelope, and waits for all the answers.
async fn send(session: &Session, channels: &Channels, all: &str, batch: &[Waiting]) -> Result<(), RedisError> {
    let mut pipeline = Pipeline::with_capacity(batch.len());
    for (to, envelope) in batch {
        let mut publish = Cmd::with_capacity(3, "PUBLISH".len() + all.len() + 48 + envelope.len());
        publish.arg("PUBLISH");
        match to {
            None => publish.arg(all),
            Some(node) => publish.arg(channels.node(*node)),
        };
        publish.arg(&envelope[..]);
        pipeline.add_command(publish);
    }
    let answers = session.connection.clone().send_packed_commands(&pipeline, 0, batch.len()).await?;
    // A Redis that refuses to publish, as to a user without the right, is no bus.
    answers.into_iter().map(Value::extract_error).collect::<RedisResult<Vec<_>>>().map(drop)
}
