//! What nodes tell each other besides changes: it may be lost, or is found in the store as well.

use crate::node::questions::{Answer, Question};
use serde::{Deserialize, Serialize};
use trunkline_protocol::{ConversationId, NodeId, Seq, SessionId, UserId};

/// Everything that is not a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Signal {
    /// A node speaks to itself, to find out whether it can hear.
    Canary {
        /// The speaker.
        node: NodeId,
        /// Counts up.
        number: u64,
    },
    /// A member's cursors have moved (also found by following the store).
    Cursor {
        /// Where.
        conversation: ConversationId,
        /// Whose.
        user: UserId,
        /// Highest seq received.
        delivered: Seq,
        /// Highest seq read.
        read: Seq,
        /// Unread after `read`, counted at `head`.
        unread: u64,
        /// The head at which it was counted.
        head: Seq,
    },
    /// A member is writing.
    Typing {
        /// Where.
        conversation: ConversationId,
        /// Who.
        user: UserId,
    },
    /// Users came to a node or left it.
    Presence {
        /// The node.
        node: NodeId,
        /// Now on it.
        entered: Vec<UserId>,
        /// No longer on it.
        left: Vec<UserId>,
    },
    /// A conversation was made that has no change yet; its members should hear it.
    Joined {
        /// Which.
        conversation: ConversationId,
    },
    /// Sessions or tokens were ended (also found by following the store).
    Ended {
        /// Sessions.
        sessions: Vec<SessionId>,
        /// Access tokens.
        tokens: Vec<u64>,
    },
    /// Somebody is called something else (found by following the store).
    Renamed,
    /// A node asks all others something, for somebody who looks.
    Asked {
        /// Who asks.
        node: NodeId,
        /// Its number for the question.
        number: u64,
        /// What.
        question: Question,
    },
    /// The answer to a question.
    Answered {
        /// Who answers.
        node: NodeId,
        /// The asker's number for the question.
        number: u64,
        /// What.
        answer: Answer,
    },
    /// A signal of a later version.
    #[serde(other)]
    Unknown,
}
