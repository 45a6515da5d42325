//! What the client has not yet had acknowledged.
//!
//! # Order
//!
//! Messages are sent in the order of the list, and after a lost socket again in that order: whatever of it the
//! store takes first, it takes in order. Within one socket the node keeps the order after a refusal: once it has
//! asked to wait, it refuses everything until the message that it refused first comes again. So after such a
//! refusal nothing is sent before all that is in flight is answered, and then it begins with that message.

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
    /// When the user sent it, or tried it again. Entries are in ascending order of it, so that a reload keeps
    /// their order.
    pub created: Millis,
    /// How it stands.
    pub state: EntryState,
}

/// How a message on its way stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case", from = "StateFields")]
pub enum EntryState {
    /// Sent on the present socket, not yet answered.
    InFlight,
    /// Refused for good; the user may retry or discard it.
    Failed {
        /// Why.
        code: ErrorCode,
        /// One sentence for people.
        message: String,
    },
    /// Will be sent when its turn comes, again if need be. A state of a later version is read as this one:
    /// sending again does no harm, losing the text would.
    Waiting,
}

/// An entry's state as it is read.
#[derive(Deserialize)]
struct StateFields {
    state: String,
    code: Option<ErrorCode>,
    message: Option<String>,
}

impl From<StateFields> for EntryState {
    fn from(fields: StateFields) -> Self {
        match (fields.state.as_str(), fields.code, fields.message) {
            ("in_flight", ..) => Self::InFlight,
            ("failed", Some(code), Some(message)) => Self::Failed { code, message },
            _ => Self::Waiting,
        }
    }
}

/// An entry and what this socket has seen of it.
#[derive(Clone, Debug)]
struct Slot {
    entry: Entry,
    /// Sent on the present socket at least once.
    sent: bool,
    /// Known to be stored, but the node still owes this socket an answer, or has shut the door behind it until
    /// it comes again. Nobody sees it any more.
    stored: bool,
}

/// The messages on their way, in the order of sending.
#[derive(Clone, Debug, Default)]
pub struct Outbox {
    slots: Vec<Slot>,
    blocked_until: Option<Millis>,
}

impl Outbox {
    /// An outbox with what was kept; what had been in flight waits again.
    #[must_use]
    pub fn new(mut kept: Vec<Entry>) -> Self {
        kept.sort_by_key(|entry| entry.created);
        let slots = kept.into_iter().map(|entry| Slot { entry, sent: false, stored: false }).collect();
        let mut outbox = Self { slots, blocked_until: None };
        outbox.socket_lost();
        outbox
    }

    /// All entries, in the order of sending.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.slots.iter().filter(|slot| !slot.stored).map(|slot| &slot.entry)
    }

    /// Adds a message at the end and returns its entry for keeping.
    pub fn push(&mut self, key: SendKey, conversation: ConversationId, text: String, now: Millis) -> Entry {
        let entry = Entry { key, conversation, text, created: self.stamp(now), state: EntryState::Waiting };
        self.slots.push(Slot { entry: entry.clone(), sent: false, stored: false });
        entry
    }

    /// How many are sent and not answered.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.slots.iter().filter(|slot| slot.entry.state == EntryState::InFlight).count()
    }

    /// When there may be something to send again, after the node asked to wait; `None` while an answer must come
    /// first.
    #[must_use]
    pub fn blocked_until(&self) -> Option<Millis> {
        self.blocked_until.filter(|_| self.in_flight() == 0)
    }

    /// Takes what may be sent now, in order, and counts it as in flight.
    pub fn take_sendable(&mut self, now: Millis) -> Vec<Entry> {
        let in_flight = self.in_flight();
        if self.blocked_until.is_some_and(|until| now < until || in_flight > 0) {
            return Vec::new();
        }
        self.blocked_until = None;
        let waiting = self.slots.iter_mut().filter(|slot| slot.entry.state == EntryState::Waiting);
        waiting
            .take(IN_FLIGHT.saturating_sub(in_flight))
            .map(|slot| {
                slot.sent = true;
                slot.entry.state = EntryState::InFlight;
                slot.entry.clone()
            })
            .collect()
    }

    /// The node's answer to a send: the message is stored. Removes and returns its entry, unless it was known to
    /// be stored before.
    pub fn acknowledged(&mut self, key: SendKey) -> Option<Entry> {
        let slot = self.slots.remove(self.find(key)?);
        (!slot.stored).then_some(slot.entry)
    }

    /// The message was seen in the log, so it is stored, whatever becomes of the answer. Returns its entry, unless
    /// that was known before.
    pub fn seen(&mut self, key: SendKey) -> Option<Entry> {
        let at = self.find(key)?;
        if !self.slots[at].sent || matches!(self.slots[at].entry.state, EntryState::Failed { .. }) {
            return self.acknowledged(key);
        }
        let known = std::mem::replace(&mut self.slots[at].stored, true);
        (!known).then(|| self.slots[at].entry.clone())
    }

    /// The node asked to wait until `until`.
    pub fn postponed(&mut self, key: SendKey, until: Millis) -> Option<Entry> {
        self.blocked_until = Some(self.blocked_until.map_or(until, |before| before.max(until)));
        self.answered(key, EntryState::Waiting)
    }

    /// The message will never be stored as it is.
    pub fn failed(&mut self, key: SendKey, code: ErrorCode, message: String) -> Option<Entry> {
        self.answered(key, EntryState::Failed { code, message })
    }

    /// Puts a failed message back in line, at the end: it is sent now.
    pub fn retry(&mut self, key: SendKey, now: Millis) -> Option<Entry> {
        let failed = self.discard(key)?;
        Some(self.push(key, failed.conversation, failed.text, now))
    }

    /// Removes a failed message.
    pub fn discard(&mut self, key: SendKey) -> Option<Entry> {
        let at = self.find(key)?;
        let failed = matches!(self.slots[at].entry.state, EntryState::Failed { .. });
        failed.then(|| self.slots.remove(at).entry)
    }

    /// Whatever was in flight waits again. Returns the conversations it belongs to.
    pub fn socket_lost(&mut self) -> Vec<ConversationId> {
        self.blocked_until = None;
        self.slots.retain(|slot| !slot.stored);
        let mut touched = Vec::new();
        for slot in &mut self.slots {
            slot.sent = false;
            if slot.entry.state == EntryState::InFlight {
                slot.entry.state = EntryState::Waiting;
                touched.push(slot.entry.conversation);
            }
        }
        touched.sort_unstable();
        touched.dedup();
        touched
    }

    /// Two sends of one millisecond must keep their order across a reload.
    fn stamp(&self, now: Millis) -> Millis {
        self.slots.last().map_or(now, |last| now.max(last.entry.created + 1))
    }

    fn find(&self, key: SendKey) -> Option<usize> {
        self.slots.iter().position(|slot| slot.entry.key == key)
    }

    /// The node's answer to a send that was not stored by it. Returns the entry if it is still seen.
    fn answered(&mut self, key: SendKey, state: EntryState) -> Option<Entry> {
        let at = self.find(key)?;
        if self.slots[at].stored && state != EntryState::Waiting {
            self.slots.remove(at);
            return None;
        }
        let slot = &mut self.slots[at];
        slot.entry.state = state;
        (!slot.stored).then(|| slot.entry.clone())
    }
}

#[cfg(test)]
mod tests;
