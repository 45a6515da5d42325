//! What goes into the store and what comes out of it: plain values, the same for every engine. They check nothing.

use std::collections::BTreeSet;
use trunkline_protocol::{
    Change, Conversation, ConversationId, Epoch, Millis, Position, SendKey, Seq, SessionId, User, UserId,
};

/// On whose behalf a message is appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Credential {
    /// A browser's login.
    Session(SessionId),
    /// A personal access token, by its number.
    Token(u64),
}

/// One message to append.
#[derive(Clone, Debug)]
pub struct Append {
    /// Who posts.
    pub author: UserId,
    /// Checked in the same transaction: an ended session or revoked token appends nothing.
    pub credential: Credential,
    /// Where.
    pub conversation: ConversationId,
    /// What makes it repeatable.
    pub key: SendKey,
    /// What.
    pub text: String,
    /// When the node took it; becomes the change's `at`.
    pub at: Millis,
}

/// Where an append stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Its place in the log.
    pub seq: Seq,
    /// When it was first stored.
    pub at: Millis,
    /// Whether this call stored it; `false` for a repeated key.
    pub fresh: bool,
    /// Seq of the last change of the conversation that changed who is in it: names the member list that
    /// this message goes to.
    pub members_at: Seq,
}

/// What happened since a position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    /// The store's history. Another one than before: the position that was asked means nothing in it.
    pub epoch: Epoch,
    /// Follow from here the next time.
    pub position: Position,
    /// Conversations with new changes, and new ones without any: those reach from seq 1 to 0.
    pub changed: Vec<Grown>,
    /// Cursors that have moved, with what is unread now.
    pub cursors: Vec<CursorState>,
    /// Sessions that were ended.
    pub ended: Vec<Credential>,
    /// Conversations with a member, or somebody who was one, who is called something else.
    pub renamed: Vec<ConversationId>,
}

/// A conversation whose log has grown since a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grown {
    /// Which.
    pub conversation: ConversationId,
    /// First new seq.
    pub from: Seq,
    /// Last new seq.
    pub to: Seq,
    /// Whether a change among them changed who is in it.
    pub members_changed: bool,
}

/// Where a member's cursors stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MovedCursor {
    /// Which conversation.
    pub conversation: ConversationId,
    /// Whose.
    pub user: UserId,
    /// Highest seq received.
    pub delivered: Seq,
    /// Highest seq read.
    pub read: Seq,
}

/// The result of moving a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CursorState {
    /// Where the cursors stand now.
    pub cursor: MovedCursor,
    /// Whether this call moved one.
    pub moved: bool,
    /// Messages by others after `read`, at `head`.
    pub unread: u64,
    /// The head at which they were counted.
    pub head: Seq,
}

/// What a connecting device needs, read in one transaction.
#[derive(Clone, Debug)]
pub struct Resume {
    /// The store's history.
    pub epoch: Epoch,
    /// Everything up to here is contained.
    pub position: Position,
    /// Whether `conversations` are all of the user's.
    pub complete: bool,
    /// By id: all, or those in which something (a change, a member's cursor or shown name) moved after the asked
    /// position.
    pub conversations: Vec<Conversation>,
    /// Conversations left after the asked position.
    pub left: Vec<ConversationId>,
    /// Every conversation the user is in, with its head and its member list's seq.
    pub joined: Vec<Joined>,
}

/// A conversation that a user is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Joined {
    /// Which.
    pub conversation: ConversationId,
    /// Its head.
    pub head: Seq,
}

/// The members of a conversation at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Seq of the last change that changed who is in it.
    pub members_at: Seq,
    /// Its head.
    pub head: Seq,
    /// Who is in it.
    pub users: BTreeSet<UserId>,
}

/// A range of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// First seq asked for, or the first the reader may see if that is higher.
    pub from: Seq,
    /// Ascending and dense from `from`.
    pub changes: Vec<Change>,
    /// The conversation's head.
    pub head: Seq,
}

/// A change that is not a message: made by [`Store::amend`](super::Store::amend).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Amendment {
    /// Add people. Those who are in it already are left out; nothing is written if nobody remains. Any member may.
    /// They see the log from this change on, and their cursors start right before it.
    AddMembers(Vec<UserId>),
    /// Remove somebody (owner only), or leave (the author themselves). When the owner leaves, the longest
    /// standing other member becomes the owner first. Nothing is written for who is not in it.
    RemoveMember(UserId),
    /// Rename the group. Owner only. Nothing is written if it is called so already.
    Rename(String),
    /// Hand the group to another member; `UnknownUser` for who is none. Owner only.
    ChangeOwner(UserId),
    /// Both of these in one commit, the name first: all of it or nothing. Owner only.
    RenameAndChangeOwner {
        /// As for [`Amendment::Rename`].
        name: String,
        /// As for [`Amendment::ChangeOwner`].
        owner: UserId,
    },
}

/// An account with what a login needs.
#[derive(Clone, Debug)]
pub struct Account {
    /// As others see them.
    pub user: User,
    /// PHC string of the password's hash.
    pub password: String,
    /// May administer.
    pub admin: bool,
    /// May not log in.
    pub disabled: bool,
}

/// An account in an administrator's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRow {
    /// As others see them.
    pub user: User,
    /// May administer.
    pub admin: bool,
    /// May not log in.
    pub disabled: bool,
    /// When it was made.
    pub created: Millis,
    /// When they were last connected; `None` if never.
    pub last_seen: Option<Millis>,
    /// How many live sessions they have.
    pub sessions: u32,
}

/// A new account.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Login name: lower case, checked by the caller.
    pub name: String,
    /// Shown name.
    pub display_name: String,
    /// PHC string of the password's hash.
    pub password: String,
    /// When.
    pub at: Millis,
    /// The invite that admits it, as a hash of its secret; consumed in the same transaction. `None` where
    /// registration is open. The first account of all needs none and becomes the administrator.
    pub invite: Option<[u8; 32]>,
    /// Admitted only as the first account of all. It was so when this was asked; it is decided when it is stored.
    pub first_only: bool,
}

/// A login or access token that the store knows: who, and on what right.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Whose.
    pub user: User,
    /// May administer.
    pub admin: bool,
    /// By what right.
    pub credential: Credential,
    /// When that ends by itself; tokens do not.
    pub expires: Option<Millis>,
}

/// A session to be stored.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Its public id.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// SHA-256 of the token.
    pub token: [u8; 32],
    /// What the browser calls itself, shortened.
    pub device: String,
    /// When.
    pub at: Millis,
    /// When it ends by itself.
    pub expires: Millis,
}

/// A session in its owner's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// Its public id.
    pub id: SessionId,
    /// What the browser calls itself.
    pub device: String,
    /// When it began.
    pub created: Millis,
    /// When it was last used, to the minute.
    pub last_used: Millis,
}

/// An access token in its owner's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRow {
    /// Its number.
    pub id: u64,
    /// What the owner calls it.
    pub label: String,
    /// When it was made.
    pub created: Millis,
    /// When it was last used, to the minute; `None` if never.
    pub last_used: Option<Millis>,
}
