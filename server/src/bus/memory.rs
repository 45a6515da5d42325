//! The bus of a single process: a table of inboxes.
//!
//! It reaches every node that was given the same [`MemoryHub`], and no other process. It is always up, so what
//! it drops is only what a full inbox can not take.

use super::{Bus, BusHealth, Destination, INBOX};
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::sync::{mpsc, watch};
use trunkline_protocol::NodeId;

/// What the nodes of one process share. Clones are the same hub.
#[derive(Clone, Debug, Default)]
pub struct MemoryHub {
    // Many publish and few subscribe. The lock is held for a hash look-up and a push, never across an await.
    inboxes: Arc<RwLock<HashMap<NodeId, Inbox>>>,
}

/// Where a node listens.
#[derive(Debug)]
struct Inbox {
    sender: mpsc::Sender<Bytes>,
    /// Counted where it was lost, as on every other bus: at the node whose inbox was full.
    dropped: Arc<AtomicU64>,
}

/// One node's bus in one process.
#[derive(Debug)]
pub struct MemoryBus {
    hub: MemoryHub,
    /// The node that hears through this bus.
    node: RwLock<Option<NodeId>>,
    dropped: Arc<AtomicU64>,
    /// Kept so that whoever waits for a change waits, and is not told that the bus is gone.
    health: watch::Sender<BusHealth>,
}

impl MemoryHub {
    fn read(&self) -> RwLockReadGuard<'_, HashMap<NodeId, Inbox>> {
        // Nothing panics while it holds the lock, and a table of inboxes is never half changed.
        self.inboxes.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<NodeId, Inbox>> {
        self.inboxes.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inbox {
    fn deliver(&self, envelope: &Bytes) {
        // A closed inbox belongs to a node that has stopped listening: nothing is lost by that.
        if let Err(mpsc::error::TrySendError::Full(_)) = self.sender.try_send(envelope.clone()) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl MemoryBus {
    /// A bus for the only node of a process.
    #[must_use]
    pub fn new() -> Self {
        Self::on(&MemoryHub::default())
    }

    /// A bus for one of several nodes, which reaches all that are on the same hub.
    #[must_use]
    pub fn on(hub: &MemoryHub) -> Self {
        Self {
            hub: hub.clone(),
            node: RwLock::new(None),
            dropped: Arc::default(),
            health: watch::Sender::new(BusHealth::Up),
        }
    }

    fn listen_as(&self, node: Option<NodeId>) -> Option<NodeId> {
        std::mem::replace(&mut self.node.write().unwrap_or_else(PoisonError::into_inner), node)
    }
}

impl Default for MemoryBus {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for MemoryBus {
    fn drop(&mut self) {
        if let Some(node) = self.listen_as(None) {
            self.hub.write().remove(&node);
        }
    }
}

#[async_trait]
impl Bus for MemoryBus {
    async fn subscribe(&self, node: NodeId) -> mpsc::Receiver<Bytes> {
        let (sender, receiver) = mpsc::channel(INBOX);
        let earlier = self.listen_as(Some(node));
        let mut inboxes = self.hub.write();
        if let Some(earlier) = earlier {
            inboxes.remove(&earlier);
        }
        inboxes.insert(node, Inbox { sender, dropped: self.dropped.clone() });
        receiver
    }

    fn publish(&self, to: Destination<'_>, envelope: Bytes) {
        let inboxes = self.hub.read();
        match to {
            Destination::All => inboxes.values().for_each(|inbox| inbox.deliver(&envelope)),
            Destination::Nodes(nodes) => {
                nodes.iter().filter_map(|node| inboxes.get(node)).for_each(|inbox| inbox.deliver(&envelope));
            }
        }
    }

    fn health(&self) -> watch::Receiver<BusHealth> {
        self.health.subscribe()
    }

    fn reconnect(&self) {}

    fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn is_alone(&self) -> bool {
        self.hub.read().len() <= 1
    }

    fn kind(&self) -> &'static str {
        "memory"
    }
}
