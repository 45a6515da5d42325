//! The hub: which connections this node has, what they listen to, and the delivery of frames to them.
//!
//! It holds one lock for short turns, does no I/O and knows no clock. A user's connections listen to all of the
//! user's conversations; each conversation with a listener has a [`Sequencer`](super::sequencer::Sequencer), so every connection is
//! handed the changes of a conversation in the order of their seqs, whatever order they come in.
//!
//! # Listening begins before reading
//!
//! Who connects is registered first and then reads the store. Changes of conversations that nobody here
//! listened to until then would be missed in between; so while a [`Listening`] guard lives, the hub
//! remembers the heads and cursors it hears of, and [`Hub::admit`] and [`Hub::listen_to`] find what came after the read.

mod state;
#[cfg(test)]
mod tests;

use super::maps::Set;
use super::trace::Trace;
use crate::connection::handle::{ConnectionId, Frame, Handle};
use crate::store::{Credential, CursorState, Joined, Membership};
use state::{Overheard, State};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use trunkline_protocol::{CloseCode, ConversationId, Seq, UserId, limits};

/// A change on its way to this node's connections.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Whose log.
    pub conversation: ConversationId,
    /// Where in it.
    pub seq: Seq,
    /// The change's frame.
    pub frame: Frame,
    /// The connection that sent it: it has its ack and needs no copy.
    pub origin: Option<ConnectionId>,
    /// Who is no longer in the conversation after this change.
    pub removed: Option<UserId>,
}

/// A range of a log that some connection lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missed {
    /// Whose log.
    pub conversation: ConversationId,
    /// First seq.
    pub from: Seq,
    /// Last seq.
    pub to: Seq,
}

/// What is left to do for a connection that was admitted.
#[derive(Debug, Default)]
pub struct Admission {
    /// What others here were handed between the read and the admission, so that this connection lacks it.
    pub missed: Vec<Missed>,
    /// Conversations that have a gap now.
    pub gaps: Vec<ConversationId>,
    /// What the welcome names and the user's other connections here do not know: to be described to all of them
    /// before it is heard.
    pub unheard: Vec<ConversationId>,
    /// What the user hears and the welcome does not name.
    pub unnamed: Vec<ConversationId>,
    /// Cursors that moved between the read and the admission: nobody was told of them on this connection's behalf.
    pub cursors: Vec<CursorState>,
}

/// What is left to do for a user who hears a conversation from now on.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// What others here were handed since the description was read.
    pub missed: Option<Missed>,
    /// Cursors that moved since: nobody was told of them on this user's behalf.
    pub cursors: Vec<CursorState>,
}

/// The connection can not be taken: the user has too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the user has {} connections already", limits::CONNECTIONS_PER_USER)]
pub struct TooMany;

/// See the module.
#[derive(Debug, Default)]
pub struct Hub {
    state: Mutex<State>,
    /// How many connections there ever were.
    made: AtomicU64,
    /// Remembers to whom what was handed.
    trace: Arc<Trace>,
}

/// While it lives, what is heard of is remembered: heads of conversations, and cursors.
#[derive(Debug)]
pub struct Listening<'a>(&'a Hub);

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.listening -= 1;
        if state.listening == 0 {
            state.overheard = Overheard::default();
        }
    }
}

impl Hub {
    /// One that notes its deliveries here.
    #[must_use]
    pub fn new(trace: Arc<Trace>) -> Self {
        Self { state: Mutex::default(), made: AtomicU64::new(0), trace }
    }

    // ---- connections -----------------------------------------------------------------------------------------

    /// A name for a new connection.
    pub fn next_connection(&self) -> ConnectionId {
        ConnectionId::numbered(self.made.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Takes a connection. Returns whether it is the user's first here.
    ///
    /// # Errors
    /// [`TooMany`] at [`limits::CONNECTIONS_PER_USER`].
    pub fn register(&self, handle: &Arc<Handle>) -> Result<bool, TooMany> {
        let mut state = self.lock();
        let listener = state.users.entry(handle.user).or_default();
        if listener.connections.len() >= limits::CONNECTIONS_PER_USER {
            return Err(TooMany);
        }
        listener.connections.push(handle.clone());
        let first = listener.connections.len() == 1;
        state.connections.insert(handle.id, handle.clone());
        Ok(first)
    }

    /// Lets a connection go. Returns whether it was the user's last here.
    pub fn unregister(&self, handle: &Handle) -> bool {
        let mut state = self.lock();
        if state.connections.remove(&handle.id).is_none() {
            return false;
        }
        state.unwatch(handle.id);
        let Some(listener) = state.users.get_mut(&handle.user) else { return false };
        listener.connections.retain(|known| known.id != handle.id);
        if !listener.connections.is_empty() {
            return false;
        }
        let conversations = std::mem::take(&mut listener.conversations);
        state.users.remove(&handle.user);
        for conversation in conversations {
            state.stop_listening(handle.user, conversation);
        }
        true
    }

    /// Remember heads from now on; to be held while the store is read for [`Hub::listen_to`].
    #[must_use]
    pub fn listening(&self) -> Listening<'_> {
        self.lock().listening += 1;
        Listening(self)
    }

    /// Lets a connection's user hear these conversations, whose heads were read from the store, and welcomes the
    /// connection. Who listens first makes the others of the user hear too, so what those were not told of is left to
    /// the caller.
    pub fn admit(&self, handle: &Handle, joined: &[Joined], welcome: Frame) -> Admission {
        let mut state = self.lock();
        let mut admission = Admission::default();
        let others_know = state.has_welcomed(handle.user);
        for &Joined { conversation, head } in joined {
            if others_know && !state.hears(handle.user, conversation) {
                admission.unheard.push(conversation);
                continue;
            }
            let lacks = state.listen(handle.user, conversation, head);
            admission.missed.extend(lacks);
            if state.conversations.get(&conversation).is_some_and(|channel| channel.order.gap().is_some()) {
                admission.gaps.push(conversation);
            }
        }
        let named: Set<_> = joined.iter().map(|joined| joined.conversation).collect();
        for conversation in state.users.get(&handle.user).into_iter().flat_map(|listener| &listener.conversations) {
            admission.cursors.extend(state.overheard.cursors_in(*conversation));
            if !named.contains(conversation) {
                admission.unnamed.push(*conversation);
            }
        }
        handle.outbound.welcome(welcome);
        admission
    }

    /// Hands one connection the description of a conversation that its user hears and its welcome did not name. Returns
    /// what it lacks behind that: a client has no use for changes that come before the description.
    pub fn describe_to(&self, handle: &Handle, joined: Joined, description: &Frame) -> Option<Missed> {
        let state = self.lock();
        let Joined { conversation, head } = joined;
        if !state.hears(handle.user, conversation) {
            return None;
        }
        handle.outbound.push(description.clone());
        let passed = state.conversations.get(&conversation)?.order.passed();
        (passed > head).then(|| Missed { conversation, from: head.next(), to: passed })
    }

    /// Lets a user hear a conversation that they came into, after handing its description to all their
    /// connections. Nothing is done and left to do if they heard it before, or were removed since it was read.
    pub fn listen_to(&self, user: UserId, joined: Joined, description: &Frame) -> Entry {
        let mut state = self.lock();
        let Some(listener) = state.users.get(&user) else { return Entry::default() };
        if listener.conversations.contains(&joined.conversation) || state.removed_since(user, joined) {
            return Entry::default();
        }
        for handle in &listener.connections {
            handle.outbound.push(description.clone());
        }
        let cursors = state.overheard.cursors_in(joined.conversation).collect();
        Entry { missed: state.listen(user, joined.conversation, joined.head), cursors }
    }

    /// Lets users hear a conversation no more who are not among its members, and tells them so. Who was let in by a
    /// later read than this one stays, and so does everybody if the log has gone on behind it: who was removed in it was
    /// let go by that change, and may have come back.
    pub fn retain_members(&self, conversation: ConversationId, membership: &Membership, left: &Frame) {
        let mut state = self.lock();
        let Some(channel) = state.conversations.get(&conversation) else { return };
        if channel.order.passed() > membership.head {
            return;
        }
        let is_gone = |&(user, from): &(&UserId, &Seq)| *from <= membership.head && !membership.users.contains(user);
        let gone: Vec<_> = channel.users.iter().filter(is_gone).map(|(&user, _)| user).collect();
        for user in gone {
            state.send(user, left);
            state.stop_listening(user, conversation);
        }
    }

    /// Users with a connection here who do not hear this conversation, out of `members`.
    #[must_use]
    pub fn strangers(&self, conversation: ConversationId, members: impl IntoIterator<Item = UserId>) -> Vec<UserId> {
        let state = self.lock();
        let hears = |user: &UserId| state.users.get(user).map(|known| known.conversations.contains(&conversation));
        members.into_iter().filter(|user| hears(user) == Some(false)).collect()
    }

    // ---- delivery --------------------------------------------------------------------------------------------

    /// Hands a change to everyone here who hears its conversation, now or when what is before it has come. Returns
    /// whether there is a gap before it.
    pub fn deliver(&self, delivery: Delivery, left: impl Fn() -> Frame) -> bool {
        let mut state = self.lock();
        let (conversation, seq) = (delivery.conversation, delivery.seq);
        // Also with a listener: it may be gone before the one who is reading the store has come.
        state.overhear(conversation, seq);
        let Some(channel) = state.conversations.get_mut(&conversation) else { return false };
        let ready = channel.order.offer(seq, delivery);
        let gap = channel.order.gap().is_some();
        for (_, delivery) in ready {
            state.hand_out(&delivery, &self.trace);
            if let Some(user) = delivery.removed {
                state.remove(user, &delivery, &left);
            }
        }
        gap
    }

    /// A conversation is known to reach up to `head`. Returns whether there is a gap now.
    pub fn hear(&self, conversation: ConversationId, head: Seq) -> bool {
        let mut state = self.lock();
        state.overhear(conversation, head);
        let Some(channel) = state.conversations.get_mut(&conversation) else { return false };
        channel.order.hear(head);
        channel.order.gap().is_some()
    }

    /// What of a conversation has not come and is to be read from the store.
    #[must_use]
    pub fn gap(&self, conversation: ConversationId) -> Option<(Seq, Seq)> {
        self.lock().conversations.get(&conversation)?.order.gap()
    }

    /// Claims the filling of a conversation's gap; `false` if somebody is at it.
    pub fn begin_repair(&self, conversation: ConversationId) -> bool {
        self.lock().repairing.insert(conversation)
    }

    /// Gives the claim back.
    pub fn end_repair(&self, conversation: ConversationId) {
        self.lock().repairing.remove(&conversation);
    }

    /// Hands frames to everyone who hears a conversation: `own` to the user's own connections, `others` to the rest.
    pub fn tell(&self, conversation: ConversationId, user: UserId, own: Option<&Frame>, others: &Frame) {
        let state = self.lock();
        let Some(channel) = state.conversations.get(&conversation) else { return };
        for &listener in channel.users.keys() {
            if listener != user {
                state.send(listener, others);
            } else if let Some(own) = own {
                state.send(listener, own);
            }
        }
    }

    /// Whether a cursor is news to those who hear the conversation; remembers it.
    pub fn is_news(&self, moved: &CursorState) -> bool {
        let mut state = self.lock();
        state.overhear_cursor(moved);
        let cursor = &moved.cursor;
        let Some(channel) = state.conversations.get_mut(&cursor.conversation) else { return false };
        let known = channel.cursors.entry(cursor.user).or_insert((Seq(0), Seq(0)));
        let news = cursor.delivered > known.0 || cursor.read > known.1;
        *known = (known.0.max(cursor.delivered), known.1.max(cursor.read));
        news
    }

    /// Hands a frame to all connections of all users.
    pub fn tell_all(&self, frame: &Frame) {
        for handle in self.lock().connections.values() {
            handle.outbound.push(frame.clone());
        }
    }

    // ---- presence --------------------------------------------------------------------------------------------

    /// Whose presence a connection wants to be told from now on.
    pub fn watch(&self, handle: &Handle, users: Vec<UserId>) {
        let mut state = self.lock();
        state.unwatch(handle.id);
        if !state.connections.contains_key(&handle.id) {
            return;
        }
        for &user in &users {
            state.watchers.entry(user).or_default().insert(handle.id);
        }
        state.watching.insert(handle.id, users);
    }

    /// Everyone whose presence somebody here wants to be told.
    #[must_use]
    pub fn watched(&self) -> Vec<UserId> {
        self.lock().watchers.keys().copied().collect()
    }

    /// Those of these users whose presence somebody here wants to be told.
    #[must_use]
    pub fn watched_among(&self, users: impl IntoIterator<Item = UserId>) -> Vec<UserId> {
        let state = self.lock();
        users.into_iter().filter(|user| state.watchers.contains_key(user)).collect()
    }

    /// Hands a presence frame to those who watch the user.
    pub fn tell_watchers(&self, user: UserId, frame: &Frame) {
        let state = self.lock();
        for connection in state.watchers.get(&user).into_iter().flatten() {
            if let Some(handle) = state.connections.get(connection) {
                handle.outbound.push(frame.clone());
            }
        }
    }

    /// Users who hear a conversation here.
    #[must_use]
    pub fn listeners(&self, conversation: ConversationId) -> Vec<UserId> {
        self.lock()
            .conversations
            .get(&conversation)
            .map_or_else(Vec::new, |channel| channel.users.keys().copied().collect())
    }

    /// Hands a frame about a conversation to a user's connections, if they hear it still.
    pub fn tell_listener(&self, user: UserId, conversation: ConversationId, frame: &Frame) {
        let state = self.lock();
        if state.hears(user, conversation) {
            state.send(user, frame);
        }
    }

    /// Whether a user has a connection here.
    #[must_use]
    pub fn has_user(&self, user: UserId) -> bool {
        self.lock().users.contains_key(&user)
    }

    /// Whether a user has a connection here and hears this conversation.
    #[must_use]
    pub fn user_hears(&self, user: UserId, conversation: ConversationId) -> bool {
        self.lock().hears(user, conversation)
    }

    /// A user's connections.
    #[must_use]
    pub fn connections_of(&self, user: UserId) -> Vec<Arc<Handle>> {
        self.lock().users.get(&user).map_or_else(Vec::new, |listener| listener.connections.clone())
    }

    /// All users with a connection here.
    #[must_use]
    pub fn users(&self) -> Vec<UserId> {
        self.lock().users.keys().copied().collect()
    }

    // ---- closing ---------------------------------------------------------------------------------------------

    /// Closes the connections of ended sessions and revoked tokens.
    pub fn end(&self, credentials: &[Credential]) {
        for handle in self.lock().connections.values() {
            if credentials.contains(&handle.credential) {
                handle.outbound.close(CloseCode::SessionEnded);
            }
        }
    }

    /// All connections there are.
    #[must_use]
    pub fn connections(&self) -> Vec<Arc<Handle>> {
        self.lock().connections.values().cloned().collect()
    }

    /// Bytes that wait to be written: over all connections, and for the one with the most.
    #[must_use]
    pub fn waiting_bytes(&self) -> (usize, usize) {
        // Not under the hub's lock: there may be thousands.
        let waiting = self.connections().into_iter().map(|handle| handle.outbound.waiting_bytes());
        waiting.fold((0, 0), |(sum, most), bytes| (sum + bytes, most.max(bytes)))
    }

    /// How many connections and users there are.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        let state = self.lock();
        (state.connections.len(), state.users.len())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No turn can leave the state half changed that a later one would trip over.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
