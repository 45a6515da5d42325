//! What the pages need of the server. The server implements it; the app depends on nothing of the server.
//!
//! Each call takes the `Caller` of the HTTP request and decides by it what is allowed. The types are shared by
//! both sides; the trait exists on the server only (see `service`).

use serde::{Deserialize, Serialize};
use trunkline_protocol::{
    Change, Conversation, ConversationId, Epoch, ErrorCode, Millis, Position, Presence, Seq, SessionId, User, UserId,
};

#[cfg(feature = "ssr")]
pub mod admin;
#[cfg(feature = "ssr")]
pub mod delivery;
#[cfg(feature = "ssr")]
pub mod service;

/// Who is logged in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Viewer {
    /// The user.
    pub user: User,
    /// May administer.
    pub admin: bool,
    /// The login this request came with.
    pub session: SessionId,
}

/// Who may register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Registration {
    /// Anyone, or the first account of all, who becomes the administrator.
    Open,
    /// Who has an invite link.
    Invite,
    /// Nobody.
    Closed,
}

/// What the login and register pages need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doors {
    /// Who may register.
    pub registration: Registration,
    /// Whether there is no account yet.
    pub first: bool,
}

/// Everything that the chat page shows before its WebSocket is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatSnapshot {
    /// Who looks.
    pub viewer: Viewer,
    /// The store's history.
    pub epoch: Epoch,
    /// Everything up to here is in this snapshot.
    pub position: Position,
    /// All conversations of the viewer, last active first.
    pub conversations: Vec<Conversation>,
    /// Presence of the people in the direct conversations and in the open one.
    pub presence: Vec<Presence>,
    /// The open conversation's newest changes; `None` if none is open or it is not the viewer's.
    pub open: Option<OpenConversation>,
    /// Whether the node is cut off from the others.
    pub degraded: bool,
}

/// The newest part of the open conversation's log; longer if the address asked for something further up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenConversation {
    /// Which.
    pub id: ConversationId,
    /// Seq of the first of `changes`; head + 1 if there are none.
    pub from: Seq,
    /// Ascending and dense.
    pub changes: Vec<Change>,
    /// The change that the address asked for, if it is among them: the page opens there.
    pub at: Option<Seq>,
}

/// Somebody in the directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Who.
    pub user: User,
    /// Whether they are here.
    pub presence: Presence,
}

/// One login in its owner's list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionInfo {
    /// Names it when it is to be ended.
    pub id: SessionId,
    /// A readable device, such as "Firefox on Linux".
    pub device: String,
    /// When it began.
    pub created: Millis,
    /// When it was last used, to the minute.
    pub last_used: Millis,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// One access token in its owner's list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenInfo {
    /// Names it when it is to be revoked.
    pub id: u64,
    /// What the owner calls it.
    pub label: String,
    /// When it was made.
    pub created: Millis,
    /// When it was last used, to the minute.
    pub last_used: Option<Millis>,
}

/// What the settings page shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Who.
    pub viewer: Viewer,
    /// Their live logins, last used first.
    pub sessions: Vec<SessionInfo>,
    /// Their access tokens, newest first.
    pub tokens: Vec<TokenInfo>,
    /// Who may register: an administrator sees the invite form unless closed.
    pub registration: Registration,
}

/// A change to a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum GroupAmendment {
    /// Add people; any member may.
    AddMembers {
        /// Whom.
        members: Vec<UserId>,
    },
    /// Remove somebody (owner), or leave (oneself).
    RemoveMember {
        /// Whom.
        member: UserId,
    },
    /// Rename; owner only.
    Rename {
        /// The new name.
        name: String,
    },
    /// Hand over; owner only.
    ChangeOwner {
        /// To whom.
        owner: UserId,
    },
}

/// Something was refused; the same codes as on the WebSocket and in the HTTP API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// Why.
    pub code: ErrorCode,
    /// One sentence for people.
    pub message: String,
}

impl Refusal {
    /// A refusal with a sentence of its own.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}
