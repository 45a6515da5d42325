//! The bus: carries envelopes between nodes. It is the doorbell, never the truth.
//!
//! # What every implementation guarantees
//!
//! - What one node publishes to one destination arrives, **if it arrives**, whole and in the order published.
//! - Publishing never waits and never fails: what can not be sent at once is dropped and counted, since the
//!   store holds whatever matters and every node follows it.
//! - A node hears what is published to all (its own included), to itself, and nothing else.
//! - After an outage of any length it works again by itself.
//!
//! It does not guarantee delivery, and no reader may depend on it.

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use trunkline_protocol::NodeId;

pub mod envelope;
pub mod memory;
pub mod redis;

/// Envelopes that may wait for a node's router. At 100,000 envelopes a second a fifth of a second's worth: a
/// router that is further behind is better served by the store.
pub const INBOX: usize = 16 * 1024;

/// Who should hear it.
#[derive(Clone, Copy, Debug)]
pub enum Destination<'a> {
    /// Every node.
    All,
    /// These nodes; the publisher itself is allowed. One that stands twice hears it twice.
    Nodes(&'a [NodeId]),
}

/// Whether the bus can be relied on for speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BusHealth {
    /// Publisher and subscriber are connected, and the subscription is made.
    Up,
    /// At least one of them is not; the bus is trying.
    Down,
}

/// The seam. See the module for what it guarantees.
#[async_trait]
pub trait Bus: Send + Sync + 'static {
    /// Starts hearing for `node`, which replaces an earlier subscription of this bus object. Returns at once,
    /// connected or not. When the inbox is full, envelopes are dropped and counted.
    async fn subscribe(&self, node: NodeId) -> mpsc::Receiver<Bytes>;

    /// Hands over an envelope. Never waits.
    fn publish(&self, to: Destination<'_>, envelope: Bytes);

    /// Whether the bus is connected; changes are seen by waiting on the receiver.
    fn health(&self) -> watch::Receiver<BusHealth>;

    /// Drops the connections and makes new ones: for a node that hears nothing on a bus that looks healthy.
    fn reconnect(&self);

    /// Envelopes dropped so far because they could not be sent or taken in.
    fn dropped(&self) -> u64;

    /// Whether nobody but this node can hear: then nothing need be published for others.
    fn is_alone(&self) -> bool {
        false
    }

    /// `memory` or `redis`: whether another process can be reached at all.
    fn kind(&self) -> &'static str;
}
