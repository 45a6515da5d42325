//! The way that messages took through this node, for whoever asks whether one has arrived.
//!
//! Nothing of it is stored: that would cost more than the message. What a node does with a message leaves a few compact
//! records in lists of fixed size in memory, and somebody who asks has them searched. So a node remembers the last
//! [`RECORDS`] steps of each kind, at most 15 MiB, and nothing from before it started. What stays is in the store: when a
//! message was taken in, at which seq it stands, and how far each member has received and read.
//!
//! Each record costs a short lock and one reading of the clock at most, some 60 ns in all; a message to one device
//! leaves six of them, 0.4 µs of CPU. Nothing in them is content.
//!
//! # Which frame was written
//!
//! A connection's frames are numbered in the order in which they are queued, the welcome being the first. The hub notes
//! with which number a change went to a connection, and the connection's task up to which number it has written.

mod ring;
mod search;
#[cfg(test)]
mod tests;

use crate::clock::{Micros, micros};
use crate::connection::handle::{ConnectionId, Handle};
use ring::{Ring, Slots};
pub use search::{DeviceSteps, Found, Heard, Routed};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};
use trunkline_protocol::{ConversationId, Millis, NodeId, Seq, UserId};

/// Records of each kind that are remembered: of a message to one device every ten seconds for a week, of ten messages a
/// second to four devices for half an hour, at 10,000 a second for six seconds.
pub const RECORDS: usize = 65_536;

/// A message was taken in and stored.
#[derive(Clone, Copy, Debug)]
struct Stored {
    conversation: ConversationId,
    seq: Seq,
    accepted: Micros,
    stored: Micros,
}

/// A message was told to other nodes; `None` for all of them.
#[derive(Clone, Debug)]
struct Told {
    conversation: ConversationId,
    seq: Seq,
    at: Micros,
    to: Option<Arc<[NodeId]>>,
}

/// A message came from elsewhere.
#[derive(Clone, Copy, Debug)]
struct Came {
    conversation: ConversationId,
    seq: Seq,
    at: Micros,
    by: By,
}

/// How a node learned of a message that another one took in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// It was told over the bus.
    Bus,
    /// It found it in the store: nobody told it, or not soon enough.
    Store,
    /// A way of a later version.
    #[serde(other)]
    Unknown,
}

/// A change, or a range of them, was put into a connection's queue.
#[derive(Clone, Copy, Debug)]
struct Handed {
    conversation: ConversationId,
    seq: Seq,
    /// How many more follow.
    more: u32,
    asked: bool,
    user: UserId,
    connection: ConnectionId,
    number: u64,
    at: Micros,
}

/// A connection's frames up to a number were written to its socket.
#[derive(Clone, Copy, Debug)]
struct Written {
    connection: ConnectionId,
    number: u64,
    at: Micros,
}

/// A device said how far it has come.
#[derive(Clone, Copy, Debug)]
struct Moved {
    conversation: ConversationId,
    user: UserId,
    /// `None` over the HTTP API.
    connection: Option<ConnectionId>,
    delivered: Seq,
    read: Seq,
    at: Micros,
}

/// How a message is named in logs: its conversation and its seq, as in `12/41`.
pub struct MessageId(pub ConversationId, pub Seq);

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0, self.1)
    }
}

/// See the module.
#[derive(Debug)]
pub struct Trace {
    begun: Micros,
    stored: Ring<Stored>,
    told: Ring<Told>,
    came: Ring<Came>,
    handed: Ring<Handed>,
    written: Ring<Written>,
    moved: Ring<Moved>,
}

impl Default for Trace {
    fn default() -> Self {
        Self::with_capacity(RECORDS)
    }
}

impl Trace {
    /// One that remembers so many steps of each kind.
    #[must_use]
    pub fn with_capacity(records: usize) -> Self {
        Self {
            begun: micros(),
            stored: Ring::new(records),
            told: Ring::new(records),
            came: Ring::new(records),
            handed: Ring::new(records),
            written: Ring::new(records),
            moved: Ring::new(records),
        }
    }

    /// A message that this node took in is stored.
    pub fn stored(&self, conversation: ConversationId, seq: Seq, accepted: Millis, stored: Micros) {
        self.stored.push(Stored { conversation, seq, accepted: accepted.saturating_mul(1_000), stored });
    }

    /// A message was told to these nodes, or to all.
    pub fn told(&self, conversation: ConversationId, seq: Seq, to: Option<Arc<[NodeId]>>) {
        self.told.push(Told { conversation, seq, at: micros(), to });
    }

    /// A message came from elsewhere.
    pub fn came(&self, conversation: ConversationId, seq: Seq, by: By) {
        self.came.push(Came { conversation, seq, at: micros(), by });
    }

    /// A change is about to be handed to connections.
    pub fn hand_out(&self, conversation: ConversationId, seq: Seq) -> HandOut<'_> {
        HandOut { slots: self.handed.lock(), conversation, seq, at: micros() }
    }

    /// A range of changes was put into a connection's queue: read from the store because it lacked them (`asked`: because
    /// it asked for them). `number` is that of the frame that holds the last of them.
    pub fn handed_range(
        &self,
        conversation: ConversationId,
        (from, to): (Seq, Seq),
        handle: &Handle,
        number: u64,
        asked: bool,
    ) {
        handle.traced.fetch_max(number, Ordering::Relaxed);
        let more = u32::try_from(to.0.saturating_sub(from.0)).unwrap_or(u32::MAX);
        let (user, connection) = (handle.user, handle.id);
        self.handed.push(Handed { conversation, seq: from, more, asked, user, connection, number, at: micros() });
    }

    /// A connection's first `number` frames are written, of which `before` were before.
    pub fn written(&self, handle: &Handle, before: u64, number: u64) {
        // Most of what an idle connection is written is no change.
        if handle.traced.load(Ordering::Relaxed) > before {
            self.written.push(Written { connection: handle.id, number, at: micros() });
        }
    }

    /// A device said how far it has come.
    pub fn moved(
        &self,
        conversation: ConversationId,
        user: UserId,
        connection: Option<ConnectionId>,
        (delivered, read): (Seq, Seq),
    ) {
        let delivered = delivered.max(read);
        self.moved.push(Moved { conversation, user, connection, delivered, read, at: micros() });
    }
}

/// Notes to which connections a change is handed.
pub struct HandOut<'a> {
    slots: MutexGuard<'a, Slots<Handed>>,
    conversation: ConversationId,
    seq: Seq,
    at: Micros,
}

impl HandOut<'_> {
    /// It went into this connection's queue with this number.
    pub fn to(&mut self, handle: &Handle, number: u64) {
        handle.traced.fetch_max(number, Ordering::Relaxed);
        let Self { conversation, seq, at, .. } = *self;
        let (user, connection) = (handle.user, handle.id);
        self.slots.push(Handed { conversation, seq, more: 0, asked: false, user, connection, number, at });
    }
}
