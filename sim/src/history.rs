//! What happened, in order. The checker decides from it, and it is what a seed replays.

use crate::lock;
use crate::schedule::{Moment, Schedule};
use std::fmt;
use std::sync::{Arc, Mutex};
use trunkline_protocol::{Change, ConversationId, Epoch, ErrorCode, SendKey, Seq, SessionId, UserId};
use trunkline_server::store::Credential;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each says what it is, with the words of the design")]
pub enum Event {
    // ---- people --------------------------------------------------------------------------------------------
    /// A step of the script begins.
    Step(String),
    /// A user sends a message, in the history that the device believes in.
    Sent { device: usize, user: UserId, key: SendKey, epoch: Option<Epoch>, conversation: ConversationId, text: String },
    /// A user retries a failed message, which goes to the end of the outbox.
    Retried { device: usize, key: SendKey },
    /// A page is loaded: what it had been told is gone, its outbox is not.
    Loaded { device: usize, user: UserId, session: SessionId },

    // ---- what devices are told --------------------------------------------------------------------------------
    /// An ack arrived.
    Acked { device: usize, key: SendKey, conversation: ConversationId, seq: Seq, epoch: Epoch },
    /// A send was refused for good.
    Refused { device: usize, key: SendKey, code: ErrorCode },
    /// A change was applied, in the history that the device believes in.
    Shown { device: usize, epoch: Epoch, change: Change },
    /// A frame had the content of this change in it, whether or not it was applied.
    Told { device: usize, epoch: Epoch, conversation: ConversationId, seq: Seq },
    /// A load that was asked for at `asked` says how far a conversation reaches.
    Head { device: usize, asked: Moment, epoch: Epoch, conversation: ConversationId, head: Seq },
    /// The device has begun to hold a conversation's log anew: the newest part of it is told as applied once more.
    Held { device: usize, conversation: ConversationId },
    /// The device drops all it knows.
    Reset { device: usize },
    /// The user is no longer in it.
    Left { device: usize, conversation: ConversationId },
    /// The device is connected, or not.
    Live { device: usize, live: bool },
    /// A device opens a connection to the node in this place.
    Dialled { device: usize, slot: usize },
    /// A device is told how far a member has come.
    Cursor { device: usize, conversation: ConversationId, user: UserId, delivered: Seq, read: Seq },
    /// What a device is told of somebody.
    Presence { device: usize, user: UserId, online: bool },

    // ---- the store --------------------------------------------------------------------------------------------
    /// A message was committed.
    Appended {
        slot: usize,
        key: SendKey,
        conversation: ConversationId,
        seq: Seq,
        author: UserId,
        text: String,
        credential: Credential,
    },
    /// A change that is no message was committed.
    Written { change: Change },
    /// A session was ended.
    SessionEnded { session: SessionId },
    /// A node wrote something to a connection of a session that was ended so many milliseconds before.
    LateFrame { session: SessionId, late: u64, kind: String },
    /// The store is set back; this is the history from now on.
    RolledBack { epoch: Epoch },

    // ---- nodes ------------------------------------------------------------------------------------------------
    /// A node serves.
    Started { slot: usize },
    /// A node is no more, and why.
    Ended { slot: usize, why: &'static str },
    /// A node is frozen, or goes on.
    Frozen { slot: usize, frozen: bool },
    /// The bytes that wait for one connection are above the bound.
    QueueTooLong { slot: usize, bytes: usize },
    /// All faults are mended.
    Healed,

    // ---- what must not be -------------------------------------------------------------------------------------
    /// Something was noticed at once.
    Violation { invariant: u8, what: String },
}

/// Something that happened, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When.
    pub at: Moment,
    /// What.
    pub event: Event,
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, millis) = (self.at / 1_000, self.at % 1_000);
        write!(f, "{seconds:>4}.{millis:03}  {:?}", self.event)
    }
}

/// The history of one run. Clones are the same.
#[derive(Clone)]
pub struct History {
    schedule: Schedule,
    records: Arc<Mutex<Vec<Record>>>,
}

impl History {
    /// One in which nothing has happened.
    #[must_use]
    pub fn new(schedule: Schedule) -> Self {
        Self { schedule, records: Arc::default() }
    }

    /// How late it is.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.schedule.now()
    }

    /// Something happens.
    pub fn note(&self, event: Event) {
        lock(&self.records).push(Record { at: self.schedule.now(), event });
    }

    /// Everything that happened.
    #[must_use]
    pub fn take(&self) -> Vec<Record> {
        std::mem::take(&mut *lock(&self.records))
    }
}
