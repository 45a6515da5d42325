//! What the client has not yet had acknowledged.

use crate::codes::ErrorCode;
use crate::ids::{ConversationId, Millis, SendKey};
use crate::limits::IN_FLIGHT;
use serde::{Deserialize, Serialize};

/// A message on its way. Serialised for keeping across reloads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Makes the send repeatable without doubling it.
    pub key: SendKey,
    /// Where to.
    pub conversation: ConversationId,
    /// What.
    pub text: String,
    /// When the user sent it. Entries are in ascending order of it, so that a reload keeps their order.
    pub created: Millis,
    /// How it stands.
    pub state: EntryState,
}

/// How a message on its way stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum EntryState {
    /// Will be sent when its turn comes, again if need be.
    Waiting,
    /// Sent on the present socket, not yet answered.
    InFlight,
    /// Refused for good; the user may retry or discard it.
    Failed {
        /// Why.
        code: ErrorCode,
        /// One sentence for people.
        message: String,
    },
}

/// The messages on their way, in the order of sending.
#[derive(Clone, Debug, Default)]
pub struct Outbox {
    entries: Vec<Entry>,
    blocked_until: Option<Millis>,
}

impl Outbox {
    /// An outbox with what was kept; what had been in flight waits again.
    #[must_use]
    pub fn new(mut kept: Vec<Entry>) -> Self {
        kept.sort_by_key(|entry| entry.created);
        let mut outbox = Self { entries: kept, blocked_until: None };
        outbox.socket_lost();
        outbox
    }

    /// All entries, in the order of sending.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Adds a message at the end and returns its entry for keeping.
    pub fn push(&mut self, key: SendKey, conversation: ConversationId, text: String, now: Millis) -> Entry {
        // Two sends of one millisecond must keep their order across a reload.
        let created = self.entries.last().map_or(now, |last| now.max(last.created + 1));
        let entry = Entry { key, conversation, text, created, state: EntryState::Waiting };
        self.entries.push(entry.clone());
        entry
    }

    /// How many are sent and not answered.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.entries.iter().filter(|entry| entry.state == EntryState::InFlight).count()
    }

    /// Until when the node asked to wait.
    #[must_use]
    pub const fn blocked_until(&self) -> Option<Millis> {
        self.blocked_until
    }

    /// Takes what may be sent now, in order, and counts it as in flight.
    pub fn take_sendable(&mut self, now: Millis) -> Vec<Entry> {
        if self.blocked_until.is_some_and(|until| now < until) {
            return Vec::new();
        }
        self.blocked_until = None;
        let room = IN_FLIGHT.saturating_sub(self.in_flight());
        let waiting = self.entries.iter_mut().filter(|entry| entry.state == EntryState::Waiting);
        waiting
            .take(room)
            .map(|entry| {
                entry.state = EntryState::InFlight;
                entry.clone()
            })
            .collect()
    }

    /// The message is stored: removes and returns its entry.
    pub fn acknowledged(&mut self, key: SendKey) -> Option<Entry> {
        let at = self.entries.iter().position(|entry| entry.key == key)?;
        Some(self.entries.remove(at))
    }

    /// The node asked to wait until `until`. The node refuses everything behind the first refused message
    /// until that one comes again, so whatever is in flight behind it waits as well and the order holds.
    pub fn postponed(&mut self, key: SendKey, until: Millis) -> Option<Entry> {
        self.blocked_until = Some(self.blocked_until.map_or(until, |before| before.max(until)));
        self.set_state(key, EntryState::Waiting)
    }

    /// The message will never be stored as it is.
    pub fn failed(&mut self, key: SendKey, code: ErrorCode, message: String) -> Option<Entry> {
        self.set_state(key, EntryState::Failed { code, message })
    }

    /// Puts a failed message back in line.
    pub fn retry(&mut self, key: SendKey) -> Option<Entry> {
        self.failed_entry(key)?;
        self.set_state(key, EntryState::Waiting)
    }

    /// Removes a failed message.
    pub fn discard(&mut self, key: SendKey) -> Option<Entry> {
        self.failed_entry(key)?;
        self.acknowledged(key)
    }

    /// Whatever was in flight waits again. Returns the conversations it belongs to.
    pub fn socket_lost(&mut self) -> Vec<ConversationId> {
        self.blocked_until = None;
        let mut touched = Vec::new();
        for entry in self.entries.iter_mut().filter(|entry| entry.state == EntryState::InFlight) {
            entry.state = EntryState::Waiting;
            touched.push(entry.conversation);
        }
        touched.dedup();
        touched
    }

    fn failed_entry(&self, key: SendKey) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key && matches!(entry.state, EntryState::Failed { .. }))
    }

    fn set_state(&mut self, key: SendKey, state: EntryState) -> Option<Entry> {
        let entry = self.entries.iter_mut().find(|entry| entry.key == key)?;
        entry.state = state;
        Some(entry.clone())
    }
}
