//! What passes between the client and its host.

use super::outbox::Entry;
use crate::codes::ErrorCode;
use crate::frames::ClientFrame;
use crate::ids::{ConversationId, Millis, SendKey, UserId};
use crate::model::{Change, Presence};

/// Names a socket of one client. Each that the client asks for has a number of its own, so what is told late of one that
/// was given up can not be taken for news of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Socket(pub u32);

/// What the host shall do, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Open a socket; then call [`super::Client::opened`] or [`super::Client::closed`]. While the client moves to
    /// another node there are two, and never more.
    Connect(Socket),
    /// Close this socket, if it is there. No call of [`super::Client::closed`] is expected for it.
    Disconnect(Socket),
    /// Write this frame to this socket.
    Transmit(Socket, ClientFrame),
    /// Keep this entry where it survives a reload, before the next action is carried out.
    Keep(Entry),
    /// The entry needs to be kept no longer.
    Forget(SendKey),
    /// Tell the user interface.
    Notify(Event),
}

/// What a user interface wants to know. The details are read from the [`super::Client`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// [`super::Client::link`] is another.
    Link,
    /// Something about this conversation is another: its description, changes, cursors or unread count.
    Conversation(ConversationId),
    /// These changes of a conversation were applied just now, in order. When a conversation begins to be held,
    /// the newest part of its log is among them.
    Applied(ConversationId, Vec<Change>),
    /// The user is no longer in this conversation.
    Left(ConversationId),
    /// An outbox entry of this conversation came, changed or went.
    Outbox(ConversationId),
    /// Presence of watched users.
    Presence(Vec<Presence>),
    /// A member is writing.
    Typing(ConversationId, UserId),
    /// [`super::Client::is_degraded`] is another.
    Health,
    /// The store's history is another one: everything but the outbox was dropped and comes anew. What was held
    /// is held again by itself.
    Reset,
    /// The node refused something that was not a send, and it will not be tried again by itself.
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
