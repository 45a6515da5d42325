//! What the user does.

use super::{Action, Client, Event, Link, TYPING_EVERY};
use crate::frames::ClientFrame;
use crate::ids::{ConversationId, Millis, SendKey, Seq, UserId};
use crate::limits;
use crate::model::Change;

impl Client {
    /// Sends a message; `key` is a new random one. The text is kept from now on until it is acknowledged.
    pub fn send(&mut self, now: Millis, key: SendKey, conversation: ConversationId, text: String) {
        let entry = self.outbox.push(key, conversation, text, now);
        self.actions.push(Action::Keep(entry));
        self.notify(Event::Outbox(conversation));
        self.pump(now);
    }

    /// Tries a failed message again: it is sent anew, behind all others.
    pub fn retry(&mut self, now: Millis, key: SendKey) {
        if let Some(entry) = self.outbox.retry(key, now) {
            let conversation = entry.conversation;
            self.actions.push(Action::Keep(entry));
            self.notify(Event::Outbox(conversation));
            self.pump(now);
        }
    }

    /// Gives a failed message up; returns its text.
    pub fn discard(&mut self, key: SendKey) -> Option<String> {
        let entry = self.outbox.discard(key)?;
        self.actions.push(Action::Forget(key));
        self.notify(Event::Outbox(entry.conversation));
        Some(entry.text)
    }

    /// The user has read up to `seq`.
    pub fn read(&mut self, now: Millis, conversation: ConversationId, seq: Seq) {
        let Some(replica) = self.replicas.get_mut(&conversation) else { return };
        if replica.read(self.me, seq) {
            let (delivered, read) = replica.cursors();
            self.cursors.moved(now, conversation, delivered, read);
            self.notify(Event::Conversation(conversation));
            self.flush_cursors(now);
        }
    }

    /// Holds the log of a conversation from `from` on (the page shows it), with changes that are at hand already.
    /// From then on every change behind it is held too, and older ones on request.
    pub fn hold(&mut self, now: Millis, conversation: ConversationId, from: Seq, changes: Vec<Change>) {
        if let Some(replica) = self.replicas.get_mut(&conversation) {
            replica.hold(from, changes);
            self.notify(Event::Conversation(conversation));
            self.caught_up(now, conversation);
        }
    }

    /// Holds the newest `count` changes of a conversation.
    pub fn hold_latest(&mut self, now: Millis, conversation: ConversationId, count: u64) {
        if let Some(replica) = self.replicas.get_mut(&conversation) {
            replica.hold_latest(count);
            self.caught_up(now, conversation);
        }
    }

    /// Keeps no more than the newest `count` changes of a conversation: it is not looked at any more.
    pub fn keep_latest(&mut self, conversation: ConversationId, count: u64) {
        if let Some(replica) = self.replicas.get_mut(&conversation) {
            replica.keep_latest(count);
        }
    }

    /// Asks for up to `count` changes before those that are held.
    pub fn load_older(&mut self, now: Millis, conversation: ConversationId, count: u64) {
        if let Some(replica) = self.replicas.get_mut(&conversation) {
            replica.want_older(count);
            self.fetch_now(now, conversation);
        }
    }

    /// The user writes. Told at most every few seconds.
    pub fn typing(&mut self, now: Millis, conversation: ConversationId) {
        let told = self.typed.get(&conversation).is_some_and(|at| now < at + TYPING_EVERY);
        if self.link == Link::Live && !told {
            self.typed.insert(conversation, now);
            self.transmit(ClientFrame::Typing { conversation });
        }
    }

    /// Whose presence is of interest from now on.
    pub fn watch(&mut self, mut users: Vec<UserId>) {
        users.sort_unstable();
        users.dedup();
        users.truncate(limits::WATCHED_USERS);
        if self.watched != users {
            self.watched = users;
            if self.link == Link::Live {
                self.transmit(ClientFrame::Watch { users: self.watched.clone() });
            }
        }
    }
}
