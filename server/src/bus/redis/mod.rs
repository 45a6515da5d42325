//! The bus over Redis pub/sub, for nodes in several processes.
//!
//! Two channels reach a node: `{prefix}:all` and `{prefix}:node:{id}`. Each side has connections of its own, so
//! that a flood of incoming envelopes never stands before an outgoing one:
//!
//! - `publisher` sends all that is waiting as one pipeline, waits for the answers, and sends what has come
//!   together meanwhile: batches grow with the load, and no timer adds latency.
//! - `subscriber` hands each payload over as it is, without looking into it.
//!
//! All of them reconnect for ever (`link`). What can not be sent while there is no connection is dropped and counted:
//! a late nudge is worth nothing, since whoever missed it follows the store meanwhile.
//!
//! In a Cluster both use sharded pub/sub, so that an envelope crosses one server and not all of them: each channel lies
//! on the server that has its slot, the publisher has a connection to every server that has slots, and a node hears each
//! of its two channels where that lies. What is published to a slot that has just moved is dropped, counted, and a
//! reason to ask where the slots are.
//!
//! It needs Redis 6 or later (RESP3), 7 or later for a Cluster, or any Valkey. A connection that is silently cut is noticed
//! within 4 s (`link`); what this does not notice, the node's canary does, and calls [`Bus::reconnect`].

mod health;
mod link;
mod publisher;
mod routes;
mod subscriber;

use super::{Bus, BusHealth, Destination};
use crate::redis::Servers;
use async_trait::async_trait;
use bytes::Bytes;
use health::{Health, Part};
use publisher::Publisher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use subscriber::Subscription;
use tokio::sync::{Mutex, mpsc, watch};
use trunkline_protocol::NodeId;

/// One node's connection to the others through Redis. Dropping it ends its tasks and closes its connections.
#[derive(Debug)]
pub struct RedisBus {
    context: Context,
    publisher: Publisher,
    subscriber: Mutex<Hearing>,
}

/// What the bus hears with.
#[derive(Debug)]
enum Hearing {
    /// Nothing yet, so that the bus is not up.
    Nothing(#[expect(dead_code, reason = "held, not looked at")] Part),
    Subscribed(Subscription),
}

/// What the parts of a bus share.
#[derive(Clone, Debug)]
struct Context {
    servers: Servers,
    channels: Channels,
    health: Arc<Health>,
    /// Counts up; each connection is made anew when it sees a new number.
    restarts: watch::Sender<u64>,
    dropped: Arc<AtomicU64>,
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

    /// The channel of a node, or the one of all.
    fn of(&self, to: Option<NodeId>) -> String {
        to.map_or_else(|| self.all(), |node| self.node(node))
    }
}

impl RedisBus {
    /// A bus over these servers. All names in Redis start with `prefix`. Returns at once and connects by itself. Must be
    /// called within a Tokio runtime.
    #[must_use]
    pub fn new(servers: &Servers, prefix: &str) -> Self {
        let context = Context {
            servers: servers.clone(),
            channels: Channels { prefix: prefix.into() },
            health: Health::new(),
            restarts: watch::Sender::new(0),
            dropped: Arc::default(),
        };
        let subscriber = Mutex::new(Hearing::Nothing(context.health.part()));
        Self { publisher: Publisher::start(&context), subscriber, context }
    }

    fn push(&self, to: Option<NodeId>, envelope: Bytes) {
        if !self.publisher.push(to, envelope) {
            self.context.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[async_trait]
impl Bus for RedisBus {
    async fn subscribe(&self, node: NodeId) -> mpsc::Receiver<Bytes> {
        let (inbox, receiver) = mpsc::channel(super::INBOX);
        let mut subscriber = self.subscriber.lock().await;
        // The earlier one ends first: its inbox must be closed when the new one begins to fill.
        if let Hearing::Subscribed(earlier) =
            std::mem::replace(&mut *subscriber, Hearing::Nothing(self.context.health.part()))
        {
            earlier.end().await;
        }
        *subscriber = Hearing::Subscribed(Subscription::start(&self.context, node, inbox));
        receiver
    }

    fn publish(&self, to: Destination<'_>, envelope: Bytes) {
        match to {
            Destination::All => self.push(None, envelope),
            Destination::Nodes(nodes) => nodes.iter().for_each(|&node| self.push(Some(node), envelope.clone())),
        }
    }

    fn health(&self) -> watch::Receiver<BusHealth> {
        self.context.health.watch()
    }

    fn reconnect(&self) {
        self.context.restarts.send_modify(|number| *number += 1);
    }

    fn dropped(&self) -> u64 {
        self.context.dropped.load(Ordering::Relaxed)
    }

    fn kind(&self) -> &'static str {
        "redis"
    }
}
