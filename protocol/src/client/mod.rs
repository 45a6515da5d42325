//! The client's state machine, without I/O: it is told what happened and says what to do.
//!
//! The host (the browser, a test) owns a socket, a clock and a place to keep the outbox. It calls
//! the methods of [`Client`] and then carries out what [`Client::take_actions`] gives, in order; and it calls
//! [`Client::tick`] when [`Client::deadline`] has come.
//!
//! # What it guarantees
//!
//! - Changes are applied in the order of their seqs, each once; a hole is fetched before anything behind it counts.
//! - The outbox is handed out for keeping before its first send, is sent in order, at most
//!   [`crate::limits::IN_FLIGHT`] at once, and once per socket unless the node asks for it again; a text leaves it only
//!   when it is stored or by the user's wish.
//! - Nothing that a node says counts before its welcome, which tells which history it speaks of.
//! - Cursors and unread counts never go back unless the store's epoch changes.
//! - When its node is about to stop, it is welcomed elsewhere before it leaves: [`Link`] stays [`Link::Live`], and what
//!   was on its way is answered on the old socket, or sent again with the same key.
//! - After any disconnect that allows it, it connects again by itself, with a jittered delay that grows until a
//!   connection lasts.
//!
//! # Layout
//!
//! - `action`: what passes between client and host: [`Action`], [`Event`], [`Link`], [`Socket`]
//! - `link`: opening a socket, finding out that it is dead, and coming back
//! - `moving`: the move to another node, with a second socket for its time
//! - `intents`: what the user does
//! - `incoming`: what the node says
//! - [`outbox`]: what is not yet acknowledged
//! - [`replica`]: what is known of one conversation
//! - [`backoff`]: when to connect again
//! - [`cursors`]: which cursor moves are still to be told

mod action;
pub mod backoff;
pub mod cursors;
mod incoming;
mod intents;
mod link;
mod moving;
pub mod outbox;
pub mod replica;
#[cfg(test)]
mod tests;

pub use action::{Action, Event, Link, Socket};

use crate::frames::ClientFrame;
use crate::ids::{ConversationId, Epoch, Millis, Position, UserId};
use crate::model::{Change, Conversation};
use crate::sorted::SortedMap;
use backoff::Backoff;
use cursors::CursorMoves;
use moving::Move;
use outbox::{Entry, EntryState, Outbox};
use replica::Replica;

/// How long a socket may take to open and to be welcomed before it is given up.
const CONNECT_WITHIN: Millis = 8_000;
/// How long a hole may stand before it is fetched: changes from two nodes overtake each other by less.
const HOLE_GRACE: Millis = 150;
/// How long after a change of an unknown conversation its description is waited for.
const DESCRIBED_WITHIN: Millis = 2_000;
/// A connection that lasted as long was a success: the next delay is the shortest again.
const LASTING: Millis = 10_000;
/// How long an answer to a fetch is waited for before it is asked again.
const FETCH_AGAIN: Millis = 5_000;
/// How often one conversation's typing is told at most.
const TYPING_EVERY: Millis = 3_000;

/// One device's side of the conversation with a node.
#[derive(Debug)]
pub struct Client {
    me: UserId,
    link: Link,
    /// The socket that the link is about; there is one while that is connecting or live.
    socket: Socket,
    /// Another one, for the time of a move.
    moving: Move,
    /// The hello of the awaited welcome was said while another socket went on telling news.
    overlapping: bool,
    /// How many sockets were asked for.
    sockets: u32,
    degraded: bool,
    epoch: Option<Epoch>,
    position: Position,
    /// When something was last heard, however little.
    heard: Millis,
    pinged: Option<Millis>,
    next_ping: Millis,
    backoff: Backoff,
    welcomed_at: Millis,
    /// The close code by which the last socket ended.
    ended_by: Option<u16>,
    /// The next welcome is to name every conversation, whatever is known.
    wants_all: bool,
    /// Conversations of which changes came and no description, and until when that is waited for.
    doubtful: SortedMap<ConversationId, Millis>,
    outbox: Outbox,
    cursors: CursorMoves,
    replicas: SortedMap<ConversationId, Replica>,
    /// What was held when the history was dropped, to be held again once it is described anew.
    hold_again: SortedMap<ConversationId, ()>,
    watched: Vec<UserId>,
    typed: SortedMap<ConversationId, Millis>,
    actions: Vec<Action>,
}

impl Client {
    /// A client of `me` that knows nothing yet but its kept outbox. `seed` makes its delays differ from others'.
    #[must_use]
    pub fn new(me: UserId, seed: u64, kept: Vec<Entry>) -> Self {
        Self {
            me,
            link: Link::Offline,
            socket: Socket(0),
            moving: Move::No,
            overlapping: false,
            sockets: 0,
            degraded: false,
            epoch: None,
            position: Position(0),
            heard: 0,
            pinged: None,
            next_ping: 0,
            backoff: Backoff::new(seed),
            welcomed_at: 0,
            ended_by: None,
            wants_all: false,
            doubtful: SortedMap::new(),
            outbox: Outbox::new(kept),
            cursors: CursorMoves::default(),
            replicas: SortedMap::new(),
            hold_again: SortedMap::new(),
            watched: Vec::new(),
            typed: SortedMap::new(),
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

    /// What to do now, in order. Empties the list.
    pub fn take_actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    // ---- small parts -----------------------------------------------------------------------------------------

    fn applied(&mut self, now: Millis, conversation: ConversationId, changes: Vec<Change>) {
        if changes.is_empty() {
            return;
        }
        self.notify(Event::Conversation(conversation));
        self.notify(Event::Applied(conversation, changes));
        self.mark_delivered(now, conversation);
        self.flush_cursors(now);
    }

    fn mark_delivered(&mut self, now: Millis, conversation: ConversationId) {
        let Some(replica) = self.replicas.get_mut(&conversation) else { return };
        if replica.mark_delivered(self.me) {
            let (delivered, read) = replica.cursors();
            self.cursors.moved(now, conversation, delivered, read);
        }
    }

    /// Takes in what fits behind what is applied, and asks for what is missing.
    fn caught_up(&mut self, now: Millis, conversation: ConversationId) {
        let Some(replica) = self.replicas.get_mut(&conversation) else { return };
        let applied = replica.catch_up(self.me);
        self.applied(now, conversation, applied);
        self.fetch_now(now, conversation);
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
        if self.link != Link::Live || self.is_leaving() {
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

    fn transmit(&mut self, frame: ClientFrame) {
        self.actions.push(Action::Transmit(self.socket, frame));
    }

    fn notify(&mut self, event: Event) {
        self.actions.push(Action::Notify(event));
    }
}

const fn as_millis(duration: std::time::Duration) -> Millis {
    duration.as_millis() as Millis
}
