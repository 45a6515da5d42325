//! What the hub knows, and the steps of its turns.

use super::{Delivery, Missed};
use crate::connection::handle::{ConnectionId, Frame, Handle};
use crate::node::maps::{Map, Set};
use crate::node::sequencer::Sequencer;
use crate::node::trace::Trace;
use crate::store::{CursorState, Joined};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use trunkline_protocol::{ConversationId, Seq, UserId};

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) connections: Map<ConnectionId, Arc<Handle>>,
    pub(super) users: Map<UserId, Listener>,
    pub(super) conversations: Map<ConversationId, Channel>,
    pub(super) watchers: BTreeMap<UserId, BTreeSet<ConnectionId>>,
    pub(super) watching: Map<ConnectionId, Vec<UserId>>,
    pub(super) repairing: Set<ConversationId>,
    pub(super) listening: usize,
    pub(super) overheard: Overheard,
}

/// What was heard of while somebody reads the store.
#[derive(Debug, Default)]
pub(super) struct Overheard {
    heads: Map<ConversationId, Seq>,
    cursors: Map<ConversationId, Map<UserId, CursorState>>,
}

impl Overheard {
    /// The cursors of a conversation.
    pub(super) fn cursors_in(&self, conversation: ConversationId) -> impl Iterator<Item = CursorState> + '_ {
        self.cursors.get(&conversation).into_iter().flat_map(Map::values).copied()
    }
}

#[derive(Debug, Default)]
pub(super) struct Listener {
    pub(super) connections: Vec<Arc<Handle>>,
    pub(super) conversations: Set<ConversationId>,
}

#[derive(Debug)]
pub(super) struct Channel {
    pub(super) order: Sequencer<Delivery>,
    /// Who hears it, and behind which seq: what is at or before it, their description contains, or is not theirs.
    pub(super) users: Map<UserId, Seq>,
    pub(super) cursors: Map<UserId, (Seq, Seq)>,
    /// Who was removed, and where: a store that was read before that says they are in it.
    pub(super) removed: Map<UserId, Seq>,
}

impl State {
    pub(super) fn hears(&self, user: UserId, conversation: ConversationId) -> bool {
        self.users.get(&user).is_some_and(|listener| listener.conversations.contains(&conversation))
    }

    /// Whether some connection of the user was told of conversations already.
    pub(super) fn has_welcomed(&self, user: UserId) -> bool {
        let listener = self.users.get(&user);
        listener.is_some_and(|listener| listener.connections.iter().any(|handle| handle.outbound.is_welcomed()))
    }

    /// Somebody was removed; unless they were let in again by a read that knew of it.
    pub(super) fn remove(&mut self, user: UserId, delivery: &Delivery, left: impl Fn() -> Frame) {
        let Some(channel) = self.conversations.get_mut(&delivery.conversation) else { return };
        let removed = channel.removed.entry(user).or_default();
        *removed = delivery.seq.max(*removed);
        if channel.users.get(&user).is_some_and(|&from| delivery.seq <= from) {
            return;
        }
        // Also to who does not hear it: a connection whose welcome names it may be about to come.
        self.send(user, &left());
        self.stop_listening(user, delivery.conversation);
    }

    /// Whether a user was removed after the store was read.
    pub(super) fn removed_since(&self, user: UserId, Joined { conversation, head }: Joined) -> bool {
        let channel = self.conversations.get(&conversation);
        channel.and_then(|channel| channel.removed.get(&user)).is_some_and(|&at| at > head)
    }

    /// Lets a user hear a conversation whose head was read as `head`, unless they were removed since; returns what
    /// they lack.
    pub(super) fn listen(&mut self, user: UserId, conversation: ConversationId, head: Seq) -> Option<Missed> {
        if self.removed_since(user, Joined { conversation, head }) {
            return None;
        }
        self.users.get_mut(&user)?.conversations.insert(conversation);
        let overheard = self.overheard.heads.get(&conversation).copied();
        let channel = self.conversations.entry(conversation).or_insert_with(|| {
            let mut order = Sequencer::new(head);
            order.hear(overheard.unwrap_or(head));
            Channel { order, users: Map::default(), cursors: Map::default(), removed: Map::default() }
        });
        let passed = channel.order.passed();
        // Who heard it before was handed all that passed.
        let new = !channel.users.contains_key(&user);
        channel.users.entry(user).or_insert(head);
        (new && passed > head).then(|| Missed { conversation, from: head.next(), to: passed })
    }

    pub(super) fn stop_listening(&mut self, user: UserId, conversation: ConversationId) {
        if let Some(listener) = self.users.get_mut(&user) {
            listener.conversations.remove(&conversation);
        }
        if let Some(channel) = self.conversations.get_mut(&conversation) {
            channel.users.remove(&user);
            if channel.users.is_empty() {
                self.conversations.remove(&conversation);
            }
        }
    }

    pub(super) fn hand_out(&self, delivery: &Delivery, trace: &Trace) {
        let Some(channel) = self.conversations.get(&delivery.conversation) else { return };
        let mut noted = trace.hand_out(delivery.conversation, delivery.seq);
        let hear = channel.users.iter().filter(|&(_, &from)| delivery.seq > from);
        for listener in hear.filter_map(|(user, _)| self.users.get(user)) {
            for handle in listener.connections.iter().filter(|handle| Some(handle.id) != delivery.origin) {
                let number = handle.outbound.hand(delivery.frame.clone());
                noted.to(handle, number);
            }
        }
    }

    pub(super) fn send(&self, user: UserId, frame: &Frame) {
        for handle in self.users.get(&user).into_iter().flat_map(|listener| &listener.connections) {
            handle.outbound.push(frame.clone());
        }
    }

    pub(super) fn overhear(&mut self, conversation: ConversationId, seq: Seq) {
        if self.listening > 0 {
            let known = self.overheard.heads.entry(conversation).or_default();
            *known = seq.max(*known);
        }
    }

    pub(super) fn overhear_cursor(&mut self, moved: &CursorState) {
        if self.listening > 0 {
            let cursor = &moved.cursor;
            let members = self.overheard.cursors.entry(cursor.conversation).or_default();
            // Both only ever move forward, so what is further in one is not behind in the other.
            let known = members.entry(cursor.user).or_insert(*moved);
            if cursor.delivered >= known.cursor.delivered && cursor.read >= known.cursor.read {
                *known = *moved;
            }
        }
    }

    pub(super) fn unwatch(&mut self, connection: ConnectionId) {
        for user in self.watching.remove(&connection).into_iter().flatten() {
            if let Some(watchers) = self.watchers.get_mut(&user) {
                watchers.remove(&connection);
                if watchers.is_empty() {
                    self.watchers.remove(&user);
                }
            }
        }
    }
}
