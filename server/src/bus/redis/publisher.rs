//! The sending side: for each server a bounded outbox, and a task that empties it in pipelines.

use super::link::{LIMITS, Link, Side, Target};
use super::routes::{self, Routes};
use super::{Channels, Context};
use crate::redis::dial::Session;
use crate::redis::{Endpoint, Servers};
use bytes::Bytes;
use redis::{Cmd, ErrorKind, Pipeline, RedisResult, ServerErrorKind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio_util::task::AbortOnDropHandle;
use trunkline_protocol::NodeId;

/// Envelopes that may wait: a fifth of a second's worth at 100,000 a second, like the inbox at the other end.
const MOST_ENVELOPES: usize = 16 * 1024;
/// Bytes that may wait. As much again may be on its way in a pipeline.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// Hands envelopes to the servers that their channels lie on.
#[derive(Debug)]
pub(super) struct Publisher {
    routes: Arc<Routes>,
    /// Keeps the routes, where there is more than one server.
    _keeper: Option<AbortOnDropHandle<()>>,
}

impl Publisher {
    pub(super) fn start(context: &Context) -> Self {
        if !context.servers.is_cluster() {
            return Self { routes: Arc::new(Routes::to_one(context)), _keeper: None };
        }
        let routes = Arc::new(Routes::to_none(context));
        let keeper = routes::keep(routes.clone(), context.clone(), context.health.part());
        let keeper = tokio::spawn(keeper);
        Self { routes, _keeper: Some(AbortOnDropHandle::new(keeper)) }
    }

    /// Whether it was taken in.
    pub(super) fn push(&self, to: Option<NodeId>, envelope: Bytes) -> bool {
        self.routes.push(to, envelope)
    }
}

/// An envelope and the node it is for; `None` is all.
type Waiting = (Option<NodeId>, Bytes);

/// What waits to be sent. Closed while there is no connection.
#[derive(Debug)]
struct Outbox {
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
    fn new() -> Self {
        Self { state: Mutex::default(), filled: Notify::new() }
    }

    /// Whether it was taken in.
    fn push(&self, to: Option<NodeId>, envelope: Bytes) -> bool {
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

/// What goes to one server, over one connection after another. Ends when it is dropped.
#[derive(Debug)]
pub(super) struct Lane {
    outbox: Arc<Outbox>,
    dropped: Arc<AtomicU64>,
    _task: AbortOnDropHandle<()>,
}

impl Lane {
    pub(super) fn start(context: &Context, target: Target) -> Self {
        let outbox = Arc::new(Outbox::new());
        let link = Link::new(Side::Publisher, target, context);
        let task = tokio::spawn(run(link, outbox.clone(), context.clone()));
        Self { outbox, dropped: context.dropped.clone(), _task: AbortOnDropHandle::new(task) }
    }

    /// Whether it was taken in.
    pub(super) fn push(&self, to: Option<NodeId>, envelope: Bytes) -> bool {
        self.outbox.push(to, envelope)
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.dropped.fetch_add(self.outbox.close() as u64, Ordering::Relaxed);
    }
}

/// Sends what comes into the outbox, over one connection after another, until it is aborted.
async fn run(mut link: Link, outbox: Arc<Outbox>, context: Context) {
    let mut batch = Vec::new();
    let channels = Published { channels: context.channels.clone(), all: context.channels.all() };
    loop {
        let (at, session, ()) = link.open(connect).await;
        // In this order: whoever sees the bus up and publishes must find the outbox open.
        outbox.open();
        link.up(&at);
        let work = async {
            loop {
                outbox.take(&mut batch).await;
                match channels.send(&session, context.servers.is_cluster(), &batch).await {
                    Ok(0) => {}
                    Ok(moved) => {
                        context.dropped.fetch_add(moved, Ordering::Relaxed);
                        context.servers.doubt();
                    }
                    Err(error) => return error,
                }
                batch.clear();
            }
        };
        let end = link.hold(&at, &session, work).await;
        let lost = batch.len() + outbox.close();
        batch.clear();
        context.dropped.fetch_add(lost as u64, Ordering::Relaxed);
        link.close(session, end).await;
    }
}

async fn connect(servers: Servers, at: Endpoint) -> RedisResult<(Session, ())> {
    Ok((servers.dial(&at, LIMITS, None).await?, ()))
}

struct Published {
    channels: Channels,
    all: String,
}

impl Published {
    /// Publishes a batch as one pipeline, one command an envelope, and waits for all the answers. How many were for
    /// slots that are elsewhere now.
    async fn send(&self, session: &Session, sharded: bool, batch: &[Waiting]) -> RedisResult<u64> {
        let command = if sharded { "SPUBLISH" } else { "PUBLISH" };
        let mut pipeline = Pipeline::with_capacity(batch.len());
        for (to, envelope) in batch {
            let mut publish = Cmd::with_capacity(3, command.len() + self.all.len() + 48 + envelope.len());
            publish.arg(command);
            match to {
                None => publish.arg(&self.all),
                Some(node) => publish.arg(self.channels.node(*node)),
            };
            publish.arg(&envelope[..]);
            pipeline.add_command(publish);
        }
        let answers = session.connection.clone().send_packed_commands(&pipeline, 0, batch.len()).await?;
        let mut moved = 0;
        for answer in answers {
            match answer.extract_error() {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::Moved) => moved += 1,
                // A Redis that refuses to publish, as to a user without the right, is no bus.
                Err(error) => return Err(error),
            }
        }
        Ok(moved)
    }
}
