//! How this node is: for administrators, on whichever node they look.

use super::Node;
use serde::{Deserialize, Serialize};
use std::sync::PoisonError;
use std::time::Duration;
use tokio::time::Instant;
use trunkline_protocol::{Millis, Position};

/// What a node says of itself. It travels over the bus: fields are added, never changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// Of the program.
    pub version: String,
    /// When this process began to serve.
    pub started: Millis,
    /// Live connections.
    pub connections: u64,
    /// Users with one.
    pub users: u64,
    /// Bytes that wait to be written to connections.
    pub queued: u64,
    /// Whether the store could be read the last time.
    pub store_up: bool,
    /// Whether its last write was committed.
    pub store_writable: bool,
    /// Whether the bus can hear.
    pub bus_up: bool,
    /// Whether the lease is renewed.
    pub lease_up: bool,
    /// Whether the node is stopping.
    pub draining: bool,
    /// Everything up to here was handed out.
    pub position: Position,
    /// How long the canary's last way through the bus took, in microseconds; `None` before the first.
    pub canary: Option<u64>,
}

impl Node {
    /// Brings those metrics up to date that are measured when somebody asks.
    pub fn measure(&self) {
        let metrics = &self.metrics;
        let (all, largest) = self.hub.waiting_bytes();
        metrics.queue_bytes.set(all as i64);
        metrics.queue_bytes_largest.set(largest as i64);
        metrics.appends_waiting.set((self.submissions.max_capacity() - self.submissions.capacity()) as i64);
        metrics.follow_age.set(self.follow_age().as_secs_f64());
    }

    /// How long ago everything in the store was handed out.
    fn follow_age(&self) -> Duration {
        self.followed_at.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    /// Everything in the store was handed out.
    pub(super) fn followed(&self) {
        *self.followed_at.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// How this node is.
    #[must_use]
    pub fn status(&self) -> Status {
        let (connections, users) = self.hub.size();
        let metrics = &self.metrics;
        let canary = metrics.canary_seconds.get() * 1e6;
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: self.started,
            connections: connections as u64,
            users: users as u64,
            queued: self.hub.waiting_bytes().0 as u64,
            store_up: metrics.store_up.get() == 1,
            store_writable: *self.store.writable().borrow(),
            bus_up: !*self.degraded.borrow(),
            lease_up: metrics.lease_up.get() == 1,
            draining: *self.draining.borrow(),
            position: self.position(),
            canary: (canary > 0.0).then_some(canary as u64),
        }
    }
}
