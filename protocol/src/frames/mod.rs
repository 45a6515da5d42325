//! What crosses the WebSocket: JSON text frames, told apart by `type`.
//!
//! Unknown fields and unknown frame types are ignored by both ends, so that neighbouring versions work side
//! by side in a rolling deploy. For this a name that stands for a list or an
//! object in one frame stands for the same in every frame of its direction, in later versions too.

mod fields;

use crate::codes::ErrorCode;
use crate::ids::{ConversationId, Epoch, Millis, NodeId, Position, SendKey, Seq, UserId};
use crate::model::{Change, Conversation, Presence};
use serde::Serialize;

/// From a client to its node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientFrame {
    /// The first frame of every connection, within [`crate::limits::HELLO_WITHIN`].
    Hello {
        /// The history that `position` belongs to; absent when the client knows nothing yet.
        #[serde(skip_serializing_if = "Option::is_none")]
        epoch: Option<Epoch>,
        /// The commit position up to which the client has been told everything.
        position: Position,
        /// Why it connects: the close code by which its last connection ended, 1006 if there was none; absent for the
        /// first connection. For whoever operates the site; a node does the same whatever it is.
        #[serde(skip_serializing_if = "Option::is_none")]
        after: Option<u16>,
    },
    /// Append a message. Answered by [`ServerFrame::Ack`] or [`ServerFrame::Refused`].
    Send {
        /// Makes the send repeatable without doubling it.
        key: SendKey,
        /// Where.
        conversation: ConversationId,
        /// What; kept to the letter.
        text: String,
    },
    /// Move the caller's own cursors forward. Lower values than the stored ones change nothing.
    Cursor {
        /// Where.
        conversation: ConversationId,
        /// Highest seq this device has received.
        delivered: Seq,
        /// Highest seq the user has read.
        read: Seq,
    },
    /// Ask for a range of the log, both ends included; answered by [`ServerFrame::Range`], by several if it is long.
    Fetch {
        /// Where.
        conversation: ConversationId,
        /// First seq wanted.
        from: Seq,
        /// Last seq wanted; at most [`crate::limits::FETCH_CHANGES`] are given.
        to: Seq,
    },
    /// The user is writing. Not stored, may be lost.
    Typing {
        /// Where.
        conversation: ConversationId,
    },
    /// Whose presence to tell from now on; replaces the list before. Answered by the presence of each.
    Watch {
        /// At most [`crate::limits::WATCHED_USERS`].
        users: Vec<UserId>,
    },
    /// Answered by [`ServerFrame::Pong`].
    Ping {},
    /// A frame of a later version; answered by [`ErrorCode::UnknownFrame`].
    Unknown,
}

/// From a node to a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerFrame {
    /// The answer to a hello, and the first frame that a node writes: what it says before is ignored, since nobody knows
    /// which history it is about.
    Welcome {
        /// The node's incarnation.
        node: NodeId,
        /// Whose session this is.
        user: UserId,
        /// The store's history. Another one than the client's voids all that the client keeps.
        epoch: Epoch,
        /// Everything up to here is in this welcome or was in an earlier one.
        position: Position,
        /// Whether `conversations` are all of the user's (then others are gone), or those that changed.
        complete: bool,
        /// By id.
        conversations: Vec<Conversation>,
        /// Conversations that the user is no longer in, when not `complete`.
        left: Vec<ConversationId>,
        /// Whether the node is cut off from the others, so that messages may be late.
        degraded: bool,
    },
    /// The message is durably stored. This is also the sending connection's own copy of the change.
    Ack {
        /// The send.
        key: SendKey,
        /// Where.
        conversation: ConversationId,
        /// Its place in the log.
        seq: Seq,
        /// When the store took it.
        at: Millis,
    },
    /// The message was not stored.
    Refused {
        /// The send.
        key: SendKey,
        /// Why.
        code: ErrorCode,
        /// One sentence for people.
        message: String,
        /// When to try again, in milliseconds from now; absent for what will never succeed.
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_after: Option<u32>,
    },
    /// A frame could not be used; the connection goes on.
    Error {
        /// Why.
        code: ErrorCode,
        /// One sentence for people.
        message: String,
        /// The conversation that the frame named, if it named one.
        #[serde(skip_serializing_if = "Option::is_none")]
        conversation: Option<ConversationId>,
    },
    /// A new entry of a conversation's log.
    Change {
        /// The entry.
        change: Change,
    },
    /// The answer to a fetch, or a portion of it: then the last one comes first.
    Range {
        /// Where.
        conversation: ConversationId,
        /// First seq asked for, or the first one the user may see if that is higher.
        from: Seq,
        /// Ascending and dense from `from`; empty when nothing is there.
        changes: Vec<Change>,
        /// Highest seq of the conversation.
        head: Seq,
    },
    /// A conversation that is new to the user, or whose description changed beyond what changes tell. Comes before the
    /// changes behind its head; descriptions of one conversation come in the order in which they were read.
    Conversation {
        /// As the user sees it.
        conversation: Conversation,
    },
    /// The user is no longer in a conversation.
    Left {
        /// Which.
        conversation: ConversationId,
    },
    /// A member's cursors have moved.
    Cursor {
        /// Where.
        conversation: ConversationId,
        /// Whose.
        user: UserId,
        /// Highest seq that some device of theirs has received.
        delivered: Seq,
        /// Highest seq they have read.
        read: Seq,
        /// For the user's own devices: what is unread after `read`, counted at `head`.
        #[serde(skip_serializing_if = "Option::is_none")]
        unread: Option<u64>,
        /// The head at which `unread` was counted.
        head: Seq,
    },
    /// Presence of watched users: all of them after a watch, later those that changed.
    Presence {
        /// In no order.
        users: Vec<Presence>,
    },
    /// A member is writing.
    Typing {
        /// Where.
        conversation: ConversationId,
        /// Who.
        user: UserId,
    },
    /// The answer to a ping.
    Pong {
        /// Everything up to here has been written to this connection before.
        position: Position,
    },
    /// Whether the node is cut off from the others, so that messages may be late.
    Health {
        /// Cut off.
        degraded: bool,
    },
    /// The node will stop: connect again, after about this many milliseconds.
    Moving {
        /// Each connection is given its own, so that they do not come all at once.
        after: u32,
    },
    /// A frame of a later version.
    Unknown,
}
