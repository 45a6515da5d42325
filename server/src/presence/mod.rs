//! Presence: who is on which node. A registry of leases that may be wrong for a while and costs only latency
//! when it is.
//!
//! # What every implementation guarantees
//!
//! - A user is found on a node from the return of [`Registry::enter`] until [`Registry::leave`] or until the node's
//!   lease ends ([`LEASE`] after its last [`Registry::renew`]), whichever comes first.
//! - Entries belong to an incarnation: a node that starts again has a new [`NodeId`] and none of the old entries.
//! - Entering and leaving are idempotent and take the whole list at once.
//!
//! It does not count connections (the node does) and does not tell anyone of changes (the bus does).

use async_trait::async_trait;
use std::collections::HashMap;
use std::time::Duration;
use thiserror::Error;
use trunkline_protocol::{NodeId, UserId};

pub mod memory;
pub mod redis;

/// How long a node's entries outlive its last renewal.
pub const LEASE: Duration = Duration::from_secs(10);
/// How often a node renews: three tries within a lease.
pub const RENEW_EVERY: Duration = Duration::from_secs(3);

/// The registry did not answer.
#[derive(Debug, Error)]
pub enum PresenceError {
    /// Could not be reached, or answered with an error.
    #[error("the presence registry could not {operation}")]
    Unavailable {
        /// What was attempted, as a verb phrase.
        operation: &'static str,
        /// The engine's own error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// What a renewal found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// The lease was alive and is longer now.
    Kept,
    /// There was none (first time, expired, or the registry lost it): the node must enter its users again.
    Fresh,
}

/// What a look into the registry found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Located {
    /// On which living nodes the users are, in no order. Who is nowhere is left out.
    pub users: HashMap<UserId, Vec<NodeId>>,
    /// All living nodes, in no order. Whoever asks and is not among them knows that the registry has lost something.
    pub living: Vec<NodeId>,
}

/// The seam. See the module for what it guarantees.
#[async_trait]
pub trait Registry: Send + Sync + 'static {
    /// Starts or renews the node's lease. After an error the next success says [`Renewal::Fresh`] if it can not be
    /// known whether the lease was kept.
    async fn renew(&self, node: NodeId) -> Result<Renewal, PresenceError>;

    /// Ends the node's lease, and with it all its entries.
    async fn release(&self, node: NodeId) -> Result<(), PresenceError>;

    /// Says that these users have a connection on the node. Without a lease it has no effect: the next renewal is
    /// [`Renewal::Fresh`] and asks for everyone. After an error some of them may have entered: enter them again.
    async fn enter(&self, node: NodeId, users: &[UserId]) -> Result<(), PresenceError>;

    /// Says that these users have no connection on the node any more. After an error some of them may still be
    /// found there until the lease ends: let them leave again.
    async fn leave(&self, node: NodeId, users: &[UserId]) -> Result<(), PresenceError>;

    /// On which living nodes these users are.
    async fn locate(&self, users: &[UserId]) -> Result<Located, PresenceError>;

    /// The nodes whose lease is alive, in no order.
    async fn nodes(&self) -> Result<Vec<NodeId>, PresenceError>;
}
