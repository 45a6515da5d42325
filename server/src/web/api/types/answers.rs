//! What callers are answered.

use super::model::{Change, Conversation, User};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Where a message stands. It is durably stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SentMessage {
    /// Id of the conversation it is in.
    #[schema(example = 12)]
    pub conversation: u64,
    /// Its place in the log.
    #[schema(example = 41)]
    pub seq: u64,
    /// When it was first stored, in milliseconds since 1970-01-01T00:00:00Z.
    #[schema(example = 1_795_456_302_000_i64)]
    pub at: i64,
    /// The key it was sent with, or the one that was made for it.
    #[schema(value_type = String, format = "uuid")]
    pub key: Uuid,
    /// Whether it was stored before and this call changed nothing.
    #[schema(example = false)]
    pub repeated: bool,
}

/// What the caller has not read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Unread {
    /// Every conversation with something after the caller's read cursor, last active first.
    pub conversations: Vec<UnreadConversation>,
}

/// What one conversation has after the caller's read cursor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnreadConversation {
    /// Its id.
    #[schema(example = 12)]
    pub conversation: u64,
    /// A group's name; `null` for two people.
    #[schema(example = "Operations")]
    pub name: Option<String>,
    /// The other one of two people; `null` in a group.
    pub peer: Option<User>,
    /// The caller's read cursor. Pulling does not move it.
    #[schema(example = 40)]
    pub read: u64,
    /// Highest seq.
    #[schema(example = 41)]
    pub head: u64,
    /// Messages by others after the read cursor, also those that are not in `changes`.
    #[schema(example = 1)]
    pub unread: u64,
    /// What comes after the read cursor, oldest first; the caller's own messages too.
    pub changes: Vec<Change>,
    /// Who wrote these changes.
    pub authors: Vec<User>,
    /// Whether there is more than fits here: pull again after moving the cursor, or read the rest of the log.
    #[schema(example = false)]
    pub more: bool,
}

/// Part of a conversation's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Changes {
    /// Whose log.
    #[schema(example = 12)]
    pub conversation: u64,
    /// First seq asked for, or the first that the caller may see if that is higher.
    #[schema(example = 1)]
    pub from: u64,
    /// Highest seq of the conversation.
    #[schema(example = 41)]
    pub head: u64,
    /// First seq the caller may see: there is nothing for them before it.
    #[schema(example = 1)]
    pub since: u64,
    /// Dense, ascending from `from`. Nothing if that is beyond the head.
    pub changes: Vec<Change>,
    /// Who wrote these changes.
    pub authors: Vec<User>,
}

/// Messages that were found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FoundMessages {
    /// Newest first; at most 20. A page may have fewer, or none, and yet not be the last.
    pub hits: Vec<FoundMessage>,
    /// Give this as `before` to get the next page; `null` if there is none.
    #[schema(example = "1795456302000-12-41")]
    pub next: Option<String>,
}

/// A message that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FoundMessage {
    /// Id of the conversation it is in.
    #[schema(example = 12)]
    pub conversation: u64,
    /// Its place in the log.
    #[schema(example = 41)]
    pub seq: u64,
    /// When it was stored, in milliseconds since 1970-01-01T00:00:00Z.
    #[schema(example = 1_795_456_302_000_i64)]
    pub at: i64,
    /// Who wrote it.
    pub author: User,
    /// All of its text.
    #[schema(example = "The harbour at night")]
    pub text: String,
    /// What of it was searched for, ascending and apart.
    pub highlights: Vec<Highlight>,
}

/// A part of a text, in characters (Unicode scalar values, not bytes and not UTF-16) from its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Highlight {
    /// The first character.
    #[schema(example = 4)]
    pub from: usize,
    /// The one behind the last.
    #[schema(example = 11)]
    pub to: usize,
}

/// Where the caller's cursors stand now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Cursor {
    /// Of which conversation.
    #[schema(example = 12)]
    pub conversation: u64,
    /// Highest seq read.
    #[schema(example = 41)]
    pub read: u64,
    /// Highest seq received.
    #[schema(example = 41)]
    pub delivered: u64,
    /// Messages by others after `read`.
    #[schema(example = 0)]
    pub unread: u64,
    /// The conversation's highest seq.
    #[schema(example = 41)]
    pub head: u64,
}

/// The caller's conversations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Conversations {
    /// All of them, last active first.
    pub conversations: Vec<Conversation>,
}

/// People who were found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Users {
    /// By shown name; at most 50.
    pub users: Vec<User>,
}

/// Who is here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Presences {
    /// In the order asked.
    pub presence: Vec<Presence>,
}

/// Whether a user has a live connection to any node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Presence {
    /// Who.
    pub user: User,
    /// Whether they have one now.
    #[schema(example = false)]
    pub online: bool,
    /// When their last connection ended, in milliseconds since 1970-01-01T00:00:00Z; `null` if they never had one,
    /// or have one now.
    #[schema(example = 1_795_456_302_000_i64)]
    pub last_seen: Option<i64>,
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Me {
    /// The user.
    pub user: User,
    /// Whether they may administer.
    #[schema(example = false)]
    pub admin: bool,
    /// By what right.
    pub credential: Credential,
}

/// By what right a call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Credential {
    /// A login in the browser.
    Session,
    /// A personal access token.
    Token,
}
