//! The bus over Redis pub/sub, for nodes in several processes.
//!
//! Two channels reach a node: `{prefix}:all` and `{prefix}:node:{id}`. Each side has a connection of its own, so
//! that a flood of incoming envelopes never stands before an outgoing one:
//!
//! - `publisher` sends all that is waiting as one pipeline, waits for the answers, and sends what has come
//!   together meanwhile: batches grow with the load, and no timer adds latency.
//! - `subscriber` hands each payload over as it is, without looking into it.
//!
//! Both reconnect for ever (`link`). What can not be sent while there is no connection is dropped and counted:
//! a late nudge is worth nothing, since whoever missed it follows the store meanwhile.
//!
//! It needs Redis 6 or later (RESP3). It does not notice a connection that is silently cut before TCP does, which
//! takes seconds: the node's canary does, and calls [`Bus::reconnect`].

mod link;
mod publisher;
mod subscriber;

use super::{Bus, BusError, BusHealth, Destination};
use async_trait::async_trait;
use bytes::Bytes;
use link::{Dialer, Health, Link, Side};
use publisher::Outbox;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{Mutex, mpsc, watch};
use tokio_util::task::AbortOnDropHandle;
use trunkline_protocol::NodeId;

/// One node's connection to the others through Redis. Dropping it ends its tasks and closes its connections.
#[derive(Debug)]
pub struct RedisBus {
    channels: Channels,
    dialer: Dialer,
    health: Arc<Health>,
    /// Counts up; each side starts over when it sees a new number.
    restarts: watch::Sender<u64>,
    outbox: Arc<Outbox>,
    dropped: Arc<AtomicU64>,
    subscriber: Mutex<Option<AbortOnDropHandle<()>>>,
    _publisher: AbortOnDropHandle<()>,
}

/// The names of the channels.
#[derive(Clone, Debug)]
struct Channels {
    prefix: Arc<str>,
}

impl Channels {
    fn all(&self) -> String {
        format!("{}:all", self.prefix)
    }

    fn node(&self, node: NodeId) -> String {
        format!("{}:node:{node}", self.prefix)
    }
}

impl RedisBus {
    /// A bus over the Redis at `url`, as in `redis://user:password@host:6379` or `redis+unix:///path`. All names
    /// in Redis start with `prefix`. Returns at once and connects by itself. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// [`BusError::Address`] if `url` can not be an address. Being unreachable is no error.
    pub fn connect(url: &str, prefix: &str) -> Result<Self, BusError> {
        let dialer = Dialer::new(url)?;
        let channels = Channels { prefix: prefix.into() };
        let health = Arc::new(Health::new());
        let restarts = watch::Sender::new(0);
        let outbox = Arc::new(Outbox::new());
        let dropped = Arc::<AtomicU64>::default();

        let link = Link::new(Side::Publisher, dialer.clone(), health.clone(), restarts.subscribe());
        let publisher = publisher::run(link, outbox.clone(), channels.clone(), dropped.clone());
        Ok(Self {
            channels,
            dialer,
            health,
            restarts,
            outbox,
            dropped,
            subscriber: Mutex::new(None),
            _publisher: AbortOnDropHandle::new(tokio::spawn(publisher)),
        })
    }

    fn push(&self, to: Option<NodeId>, envelope: Bytes) {
        if !self.outbox.push(to, envelope) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[async_trait]
impl Bus for RedisBus {
    async fn subscribe(&self, node: NodeId) -> mpsc::Receiver<Bytes> {
        let (inbox, receiver) = mpsc::channel(super::INBOX);
        let link = Link::new(Side::Subscriber, self.dialer.clone(), self.health.clone(), self.restarts.subscribe());
        let channels = [self.channels.all(), self.channels.node(node)];
        let mut subscriber = self.subscriber.lock().await;
        // The earlier one ends first: it must not speak of its end when the new one has already begun.
        if let Some(earlier) = subscriber.take() {
            earlier.abort();
            drop(earlier.await);
            self.health.set(Side::Subscriber, false);
        }
        let task = tokio::spawn(subscriber::run(link, channels, inbox, self.dropped.clone()));
        *subscriber = Some(AbortOnDropHandle::new(task));
        receiver
    }

    fn publish(&self, to: Destination<'_>, envelope: Bytes) {
        match to {
            Destination::All => self.push(None, envelope),
            Destination::Nodes(nodes) => nodes.iter().for_each(|&node| self.push(Some(node), envelope.clone())),
        }
    }

    fn health(&self) -> watch::Receiver<BusHealth> {
        self.health.watch()
    }

    fn reconnect(&self) {
        self.restarts.send_modify(|number| *number += 1);
    }

    fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn kind(&self) -> &'static str {
        "redis"
    }
}
