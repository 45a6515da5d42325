//! The client's state machine, without I/O: it is told what happened and says what to do.
//!
//! The host (browser, load generator, simulator) owns a socket, a clock and a place to keep the outbox. It calls
//! the methods of [`Client`] and then carries out what [`Client::take_actions`] gives, in order; and it calls
//! [`Client::tick`] when [`Client::deadline`] has come.
//!
//! # What it guarantees
//!
//! - Changes are applied in the order of their seqs, each once; a hole is fetched before anything behind it counts.
//! - The outbox is handed out for keeping before its first send, is sent in order, at most
//!   [`limits::IN_FLIGHT`] at once and once per socket; a text leaves it only by an ack or by the user's wish.
//! - Cursors and unread counts never go back unless the store's epoch changes.
//! - After any disconnect that allows it, it connects again by itself, with a jittered, growing delay.
//!
//! # Layout
//!
//! - [`outbox`]: what is not yet acknowledged
//! - [`replica`]: what is known of one conversation
//! - [`backoff`]: when to connect again
//! - [`cursors`]: which cursor moves are still to be told

pub mod backoff;
pub mod cursors;
pub mod outbox;
pub mod replica;

use crate::codes::{CloseCode, ErrorCode};
use crate::frames::{ClientFrame, ServerFrame};
use crate::ids::{ConversationId, Epoch, Millis, Position, SendKey, Seq, UserId};
use crate::limits;
use crate::model::{Change, ChangeBody, Conversation, Presence};
use backoff::Backoff;
use cursors::CursorMoves;
use outbox::{Entry, EntryState, Outbox};
use replica::Replica;
use std::collections::BTreeMap;

/// How long a socket may take to open and to be welcomed before it is given up.
const CONNECT_WITHIN: Millis = 10_000;
/// How long a hole may stand before it is fetched: changes from two nodes overtake each other by less.
const HOLE_GRACE: Millis = 150;
/// How long an answer to a fetch is waited for before it is asked again.
const FETCH_AGAIN: Millis = 5_000;
/// How often one conversation's typing is told at most.
const TYPING_EVERY: Millis = 3_000;

/// What the host shall do, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Open a socket; then call [`Client::opened`] or [`Client::closed`].
    Connect,
    /// Close the socket, if there is one. No call of [`Client::closed`] is expected for it.
    Disconnect,
    /// Write this frame to the socket.
    Transmit(ClientFrame),
    /// Keep this entry where it survives a reload, before the next action is carried out.
    Keep(Entry),
    /// The entry needs to be kept no longer.
    Forget(SendKey),
    /// Tell the user interface.
    Notify(Event),
}

/// What a user interface wants to know. The details are read from the [`Client`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// [`Client::link`] is another.
    Link,
    /// Something about this conversation is another: its description, changes, cursors or unread count.
    Conversation(ConversationId),
    /// These changes of a conversation were applied just now, in order.
    Applied(ConversationId, Vec<Change>),
    /// The user is no longer in this conversation.
    Left(ConversationId),
    /// An outbox entry of this conversation came, changed or went.
    Outbox(ConversationId),
    /// Presence of watched users.
    Presence(Vec<Presence>),
    /// A member is writing.
    Typing(ConversationId, UserId),
    /// [`Client::is_degraded`] is another.
    Health,
    /// The store's history is another one: everything but the outbox was dropped and comes anew.
    Reset,
    /// The node refused something that was not a send.
    Refused(ErrorCode, String),
}

/// How the client stands with its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Not started, or the device has no network.
    Offline,
    /// Opening a socket, or waiting for the welcome, since this moment.
    Connecting(Millis),
    /// Welcomed.
    Live,
    /// Connecting again at this moment.
    Waiting(Millis),
    /// Told not to come back by itself, with this close code.
    Stopped(u16),
}

/// One device's side of the conversation with a node.
#[derive(Debug)]
pub struct Client {
    me: UserId,
    link: Link,
    degraded: bool,
    epoch: Option<Epoch>,
    position: Position,
    heard: Millis,
    pinged: Option<Millis>,
    next_ping: Millis,
    backoff: Backoff,
    moving: Option<Millis>,
    outbox: Outbox,
    cursors: CursorMoves,
    replicas: BTreeMap<ConversationId, Replica>,
    watched: Vec<UserId>,
    typed: BTreeMap<ConversationId, Millis>,
    actions: Vec<Action>,
}

impl Client {
    /// A client of `me` that knows nothing yet but its kept outbox. `seed` makes its delays differ from others'.
    #[must_use]
    pub fn new(me: UserId, seed: u64, kept: Vec<Entry>) -> Self {
        Self {
            me,
            link: Link::Offline,
            degraded: false,
            epoch: None,
            position: Position(0),
            heard: 0,
            pinged: None,
            next_ping: 0,
            backoff: Backoff::new(seed),
            moving: None,
            outbox: Outbox::new(kept),
            cursors: CursorMoves::default(),
            replicas: BTreeMap::new(),
            watched: Vec::new(),
            typed: BTreeMap::new(),
            actions: Vec::new(),
        }
    }

    /// Starts from what a page already holds, so that the first welcome brings only what is newer.
    pub fn seed(&mut self, epoch: Epoch, position: Position, conversations: Vec<Conversation>) {
        self.epoch = Some(epoch);
        self.position = position;
        self.replicas = conversations.into_iter().map(|given| (given.id, Replica::new(given))).collect();
    }

    // ---- what can be asked -----------------------------------------------------------------------------------

    /// Whose device this is.
    #[must_use]
    pub const fn me(&self) -> UserId {
        self.me
    }

    /// How the client stands with its node.
    #[must_use]
    pub const fn link(&self) -> Link {
        self.link
    }

    /// Whether the node is cut off from the others.
    #[must_use]
    pub const fn is_degraded(&self) -> bool {
        self.degraded
    }

    /// The history that this client follows, and how far.
    #[must_use]
    pub const fn position(&self) -> (Option<Epoch>, Position) {
        (self.epoch, self.position)
    }

    /// All conversations, by id.
    pub fn replicas(&self) -> impl Iterator<Item = &Replica> {
        self.replicas.values()
    }

    /// What is known of a conversation.
    #[must_use]
    pub fn replica(&self, conversation: ConversationId) -> Option<&Replica> {
        self.replicas.get(&conversation)
    }

    /// What is not yet acknowledged in a conversation, in the order of sending.
    pub fn outbox(&self, conversation: ConversationId) -> impl Iterator<Item = &Entry> {
        self.outbox.entries().filter(move |entry| entry.conversation == conversation)
    }

    /// Whether nothing waits to be acknowledged.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.outbox.entries().all(|entry| matches!(entry.state, EntryState::Failed { .. }))
    }

    /// When [`Client::tick`] is needed next, if nothing else happens before.
    #[must_use]
    pub fn deadline(&self) -> Option<Millis> {
        let live = [
            Some(self.pinged.map_or(self.next_ping, |at| at + as_millis(limits::PONG_WITHIN))),
            self.moving,
            self.outbox.blocked_until(),
            self.cursors.due(),
            self.replicas.values().filter_map(Replica::fetch_due).min(),
        ];
        match self.link {
            Link::Live => live.into_iter().flatten().min(),
            Link::Connecting(since) => Some(since + CONNECT_WITHIN),
            Link::Waiting(until) => Some(until),
            Link::Offline | Link::Stopped(_) => None,
        }
    }

    /// What to do now, in order. Empties the list.
    pub fn take_actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    // ---- the link --------------------------------------------------------------------------------------------

    /// Connects now: at the start, when the network is back, or because the user says so.
    pub fn connect(&mut self, now: Millis) {
        if !matches!(self.link, Link::Connecting(_) | Link::Live) {
            self.set_link(Link::Connecting(now));
            self.actions.push(Action::Connect);
        }
    }

    /// The device has no network: no tries until [`Client::connect`].
    pub fn network_lost(&mut self) {
        self.drop_socket();
        self.set_link(Link::Offline);
    }

    /// The socket is open.
    pub fn opened(&mut self, now: Millis) {
        self.heard = now;
        self.transmit(ClientFrame::Hello { epoch: self.epoch, position: self.position });
    }

    /// The socket is closed, or could not be opened; with its close code if there is one.
    pub fn closed(&mut self, now: Millis, code: Option<u16>) {
        self.after_socket();
        let code = code.unwrap_or(1006);
        if !CloseCode::allows_reconnect(code) {
            self.set_link(Link::Stopped(code));
        } else if self.link != Link::Offline {
            let until = now + self.backoff.next_delay();
            self.set_link(Link::Waiting(until));
        }
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Millis) {
        match self.link {
            Link::Waiting(until) if now >= until => self.connect(now),
            Link::Connecting(since) if now >= since + CONNECT_WITHIN => self.give_up(now),
            Link::Live => self.tick_live(now),
            _ => {}
        }
    }

    fn tick_live(&mut self, now: Millis) {
        if self.pinged.is_some_and(|at| now >= at + as_millis(limits::PONG_WITHIN)) {
            return self.give_up(now);
        }
        if self.moving.is_some_and(|at| now >= at) {
            // The node asked for it, so this is no failure: come back at once, elsewhere.
            self.drop_socket();
            self.set_link(Link::Offline);
            return self.connect(now);
        }
        if self.pinged.is_none() && now >= self.next_ping {
            self.pinged = Some(now);
            self.transmit(ClientFrame::Ping {});
        }
        for replica in self.replicas.values_mut() {
            if let Some((from, to)) = replica.fetch(now, FETCH_AGAIN) {
                let conversation = replica.conversation().id;
                self.actions.push(Action::Transmit(ClientFrame::Fetch { conversation, from, to }));
            }
        }
        for (conversation, delivered, read) in self.cursors.take_due(now) {
            self.transmit(ClientFrame::Cursor { conversation, delivered, read });
        }
        self.pump(now);
    }

    fn give_up(&mut self, now: Millis) {
        self.actions.push(Action::Disconnect);
        self.closed(now, None);
    }

    fn drop_socket(&mut self) {
        if matches!(self.link, Link::Connecting(_) | Link::Live) {
            self.actions.push(Action::Disconnect);
        }
        self.after_socket();
    }

    fn after_socket(&mut self) {
        self.pinged = None;
        self.moving = None;
        for conversation in self.outbox.socket_lost() {
            self.notify(Event::Outbox(conversation));
        }
        for replica in self.replicas.values_mut() {
            replica.socket_lost();
        }
    }

    fn set_link(&mut self, link: Link) {
        if self.link != link {
            self.link = link;
            self.notify(Event::Link);
        }
    }

    // ---- what the user does ----------------------------------------------------------------------------------

    /// Sends a message; `key` is a new random one. The text is kept from now on until it is acknowledged.
    pub fn send(&mut self, now: Millis, key: SendKey, conversation: ConversationId, text: String) {
        let entry = self.outbox.push(key, conversation, text, now);
        self.actions.push(Action::Keep(entry));
        self.notify(Event::Outbox(conversation));
        self.pump(now);
    }

    /// Tries a failed message again.
    pub fn retry(&mut self, now: Millis, key: SendKey) {
        if let Some(entry) = self.outbox.retry(key) {
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
            self.fetch_now(now, conversation);
        }
    }

    /// Holds the newest `count` changes of a conversation.
    pub fn hold_latest(&mut self, now: Millis, conversation: ConversationId, count: u64) {
        if let Some(replica) = self.replicas.get_mut(&conversation) {
            replica.hold_latest(count);
            self.fetch_now(now, conversation);
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

    // ---- what the node says ----------------------------------------------------------------------------------

    /// A frame has come.
    pub fn received(&mut self, now: Millis, frame: ServerFrame) {
        self.heard = now;
        match frame {
            ServerFrame::Welcome { epoch, position, complete, conversations, left, degraded, .. } => {
                self.welcomed(now, epoch, complete, conversations, left);
                self.position = position;
                self.set_degraded(degraded);
            }
            ServerFrame::Ack { key, conversation, seq, at } => self.acknowledged(now, key, conversation, seq, at),
            ServerFrame::Refused { key, code, message, retry_after } => {
                self.refused(now, key, code, message, retry_after);
            }
            ServerFrame::Error { code, message, .. } => self.notify(Event::Refused(code, message)),
            ServerFrame::Change { change } => self.offered(now, change),
            ServerFrame::Range { conversation, changes, head, .. } => {
                self.range(now, conversation, changes, head);
            }
            ServerFrame::Conversation { conversation } => {
                self.described(now, conversation, Replica::describe);
            }
            ServerFrame::Left { conversation } => self.left(conversation),
            ServerFrame::Cursor { conversation, user, delivered, read, unread, head } => {
                if let Some(replica) = self.replicas.get_mut(&conversation) {
                    let own = (user == self.me).then_some(unread).flatten();
                    if replica.cursor_moved(user, delivered, read, own.map(|count| (count, head))) {
                        self.notify(Event::Conversation(conversation));
                    }
                }
            }
            ServerFrame::Presence { users } => self.notify(Event::Presence(users)),
            ServerFrame::Typing { conversation, user } => self.notify(Event::Typing(conversation, user)),
            ServerFrame::Pong { position } => {
                self.pinged = None;
                self.next_ping = now + as_millis(limits::PING_EVERY);
                self.position = self.position.max(position);
            }
            ServerFrame::Health { degraded } => self.set_degraded(degraded),
            ServerFrame::Moving { after } => self.moving = Some(now + Millis::from(after)),
            ServerFrame::Unknown => {}
        }
    }

    fn welcomed(
        &mut self,
        now: Millis,
        epoch: Epoch,
        complete: bool,
        conversations: Vec<Conversation>,
        left: Vec<ConversationId>,
    ) {
        if self.epoch.is_some_and(|known| known != epoch) {
            self.replicas.clear();
            self.cursors = CursorMoves::default();
            self.notify(Event::Reset);
        }
        self.epoch = Some(epoch);
        self.backoff.reset();
        self.pinged = None;
        self.next_ping = now + as_millis(limits::PING_EVERY);
        let gone: Vec<_> = if complete {
            let named: Vec<_> = conversations.iter().map(|given| given.id).collect();
            self.replicas.keys().copied().filter(|id| !named.contains(id)).collect()
        } else {
            left
        };
        for conversation in gone {
            self.left(conversation);
        }
        for conversation in conversations {
            let mut went_back = false;
            self.described(now, conversation, |replica, me, given| went_back = replica.welcome(me, given));
            if went_back {
                self.notify(Event::Reset);
            }
        }
        self.set_link(Link::Live);
        if !self.watched.is_empty() {
            self.transmit(ClientFrame::Watch { users: self.watched.clone() });
        }
        // What was told to a socket that is gone may not have arrived: tell again what the node does not know.
        for replica in self.replicas.values() {
            if let Some((delivered, read)) = replica.untold(self.me) {
                self.cursors.moved(now, replica.conversation().id, delivered, read);
            }
        }
        self.flush_cursors(now);
        self.pump(now);
    }

    fn described(
        &mut self,
        now: Millis,
        conversation: Conversation,
        take: impl FnOnce(&mut Replica, UserId, Conversation),
    ) {
        let id = conversation.id;
        match self.replicas.get_mut(&id) {
            Some(replica) => take(replica, self.me, conversation),
            None => {
                self.replicas.insert(id, Replica::new(conversation));
            }
        }
        self.mark_delivered(now, id);
        self.fetch_now(now, id);
        self.notify(Event::Conversation(id));
    }

    fn left(&mut self, conversation: ConversationId) {
        if self.replicas.remove(&conversation).is_some() {
            self.cursors.forget(conversation);
            self.notify(Event::Left(conversation));
        }
    }

    fn acknowledged(&mut self, now: Millis, key: SendKey, conversation: ConversationId, seq: Seq, at: Millis) {
        if let Some(entry) = self.outbox.acknowledged(key) {
            self.actions.push(Action::Forget(key));
            let body = ChangeBody::Posted { text: entry.text };
            self.offered(now, Change { conversation, seq, at, author: self.me, key: Some(key), body });
            self.notify(Event::Outbox(conversation));
        }
        self.pump(now);
    }

    fn refused(&mut self, now: Millis, key: SendKey, code: ErrorCode, message: String, retry_after: Option<u32>) {
        let kept = match retry_after {
            Some(delay) => self.outbox.postponed(key, now + Millis::from(delay)),
            None => self.outbox.failed(key, code, message),
        };
        if let Some(entry) = kept {
            let conversation = entry.conversation;
            self.actions.push(Action::Keep(entry));
            self.notify(Event::Outbox(conversation));
        }
        self.pump(now);
    }

    fn offered(&mut self, now: Millis, change: Change) {
        // A change of one's own that another device, or this one before a cut, has sent.
        if let Some(entry) = change.key.and_then(|key| self.outbox.acknowledged(key)) {
            self.actions.push(Action::Forget(entry.key));
            self.notify(Event::Outbox(entry.conversation));
        }
        let conversation = change.conversation;
        let Some(replica) = self.replicas.get_mut(&conversation) else { return };
        let applied = replica.offer(self.me, change, now + HOLE_GRACE);
        self.applied(now, conversation, applied);
    }

    fn range(&mut self, now: Millis, conversation: ConversationId, changes: Vec<Change>, head: Seq) {
        for key in changes.iter().filter_map(|change| change.key) {
            if let Some(entry) = self.outbox.acknowledged(key) {
                self.actions.push(Action::Forget(key));
                self.notify(Event::Outbox(entry.conversation));
            }
        }
        let Some(replica) = self.replicas.get_mut(&conversation) else { return };
        let applied = replica.fetched(self.me, changes, head);
        self.applied(now, conversation, applied);
        self.notify(Event::Conversation(conversation));
        self.fetch_now(now, conversation);
    }

    fn applied(&mut self, now: Millis, conversation: ConversationId, changes: Vec<Change>) {
        if changes.is_empty() {
            return;
        }
        self.notify(Event::Conversation(conversation));
        self.notify(Event::Applied(conversation, changes));
        self.mark_delivered(now, conversation);
        self.flush_cursors(now);
    }

    // ---- small parts -----------------------------------------------------------------------------------------

    fn mark_delivered(&mut self, now: Millis, conversation: ConversationId) {
        let Some(replica) = self.replicas.get_mut(&conversation) else { return };
        if replica.mark_delivered(self.me) {
            let (delivered, read) = replica.cursors();
            self.cursors.moved(now, conversation, delivered, read);
        }
    }

    fn fetch_now(&mut self, now: Millis, conversation: ConversationId) {
        if self.link != Link::Live {
            return;
        }
        let Some(replica) = self.replicas.get_mut(&conversation) else { return };
        if let Some((from, to)) = replica.fetch(now, FETCH_AGAIN) {
            self.transmit(ClientFrame::Fetch { conversation, from, to });
        }
    }

    fn flush_cursors(&mut self, now: Millis) {
        if self.link == Link::Live {
            for (conversation, delivered, read) in self.cursors.take_due(now) {
                self.transmit(ClientFrame::Cursor { conversation, delivered, read });
            }
        }
    }

    fn pump(&mut self, now: Millis) {
        if self.link != Link::Live || self.moving.is_some_and(|at| now >= at) {
            return;
        }
        for entry in self.outbox.take_sendable(now) {
            let (key, conversation, text) = (entry.key, entry.conversation, entry.text);
            self.transmit(ClientFrame::Send { key, conversation, text });
        }
        if self.outbox.in_flight() > 0 {
            // An ack is owed: find out sooner than usual whether the socket still lives.
            self.next_ping = self.next_ping.min(now + 5_000);
        }
    }

    fn set_degraded(&mut self, degraded: bool) {
        if self.degraded != degraded {
            self.degraded = degraded;
            self.notify(Event::Health);
        }
    }

    fn transmit(&mut self, frame: ClientFrame) {
        self.actions.push(Action::Transmit(frame));
    }

    fn notify(&mut self, event: Event) {
        self.actions.push(Action::Notify(event));
    }
}

const fn as_millis(duration: std::time::Duration) -> Millis {
    duration.as_millis() as Millis
}
