//! The registry of a single process: a table of leases.
//!
//! Clones share the table, so that several nodes of one process see each other. Leases end by the clock here too,
//! so that a node which stops renewing is gone in tests as it is in production.

use super::{LEASE, Located, PresenceError, Registry, Renewal};
use async_trait::async_trait;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;
use trunkline_protocol::{NodeId, UserId};

/// The leases of the nodes of one process.
#[derive(Clone, Debug, Default)]
pub struct MemoryRegistry {
    leases: Arc<Mutex<HashMap<NodeId, Lease>>>,
}

#[derive(Debug)]
struct Lease {
    ends: Instant,
    users: HashSet<UserId>,
}

impl MemoryRegistry {
    /// An empty registry.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The leases that are alive. Those that have ended go here, with all their entries.
    fn living(&self) -> MutexGuard<'_, HashMap<NodeId, Lease>> {
        // Nothing panics while it holds the lock.
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        leases.retain(|_, lease| lease.ends > now);
        leases
    }
}

#[async_trait]
impl Registry for MemoryRegistry {
    async fn renew(&self, node: NodeId) -> Result<Renewal, PresenceError> {
        let ends = Instant::now() + LEASE;
        let mut leases = self.living();
        if let Some(lease) = leases.get_mut(&node) {
            lease.ends = ends;
            return Ok(Renewal::Kept);
        }
        leases.insert(node, Lease { ends, users: HashSet::new() });
        Ok(Renewal::Fresh)
    }

    async fn release(&self, node: NodeId) -> Result<(), PresenceError> {
        self.living().remove(&node);
        Ok(())
    }

    async fn enter(&self, node: NodeId, users: &[UserId]) -> Result<(), PresenceError> {
        if let Some(lease) = self.living().get_mut(&node) {
            lease.users.extend(users);
        }
        Ok(())
    }

    async fn leave(&self, node: NodeId, users: &[UserId]) -> Result<(), PresenceError> {
        if let Some(lease) = self.living().get_mut(&node) {
            for user in users {
                lease.users.remove(user);
            }
        }
        Ok(())
    }

    async fn locate(&self, users: &[UserId]) -> Result<Located, PresenceError> {
        let wanted: HashSet<_> = users.iter().copied().collect();
        let mut located = Located::default();
        for (&node, lease) in self.living().iter() {
            located.living.push(node);
            for &user in wanted.intersection(&lease.users) {
                located.users.entry(user).or_default().push(node);
            }
        }
        Ok(located)
    }

    async fn nodes(&self) -> Result<Vec<NodeId>, PresenceError> {
        Ok(self.living().keys().copied().collect())
    }
}
