//! The store: accounts, sessions, conversations, the log, the cursors and the search. It is the truth; whatever else a
//! node remembers can be thrown away.
//!
//! # What every implementation guarantees
//!
//! - **Durable.** When a call that writes returns `Ok`, the write survives the process, and with
//!   [`Durability::Fsync`] a power cut.
//! - **Dense.** The changes of a conversation have the seqs 1, 2, 3 …, under contention of any number of nodes.
//! - **Idempotent.** A send key gives the same result for ever: the first append's, or
//!   [`AppendError::KeyConflict`] when the body or the conversation differ.
//! - **Authorised.** An append checks session and membership in the transaction that writes; a read of a
//!   conversation takes the reader and checks membership in the transaction that reads.
//! - **Forward only.** Cursors never move back, whatever order the moves come in.
//! - **Followable.** Every commit that a node must learn of (changes, cursors, memberships, ended sessions) has
//!   a [`Position`]. [`Store::follow`] never returns a position below which something can still appear.
//!
//! It does not route, cache or notify: that is the node's work.

use crate::search::{Found, Search};
use async_trait::async_trait;
use std::collections::BTreeSet;
use thiserror::Error;
use tokio::sync::watch;
use trunkline_protocol::{
    Change, Conversation, ConversationId, Epoch, Millis, Position, Presence, SendKey, Seq, SessionId, User, UserId,
};

mod fault;
mod plan;
pub mod postgres;
mod rules;
mod sql;
pub mod sqlite;
pub mod transfer;

/// When a write counts as durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// After an fsync: survives a power cut.
    Fsync,
    /// Once the operating system has it: survives every process, not a power cut. A store that may have lost something
    /// has another [`Epoch`] from then on.
    Os,
}

impl Durability {
    /// As the setting names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fsync => "fsync",
            Self::Os => "os",
        }
    }
}

/// An operation that the store could not carry out. Nothing was changed, but see [`StoreError::Unavailable`].
#[derive(Debug, Error)]
pub enum StoreError {
    /// The database refused, failed or did not answer. Worth another try. A database behind a connection that broke may
    /// have done what was asked for all the same; an append can be repeated by its key.
    #[error("the store could not {operation}")]
    Unavailable {
        /// What was attempted, as a verb phrase.
        operation: &'static str,
        /// The engine's own error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database was made by a later version.
    #[error("the database has schema {found}, and this version knows up to {known}: install a newer Trunkline")]
    NewerSchema {
        /// In the database.
        found: u32,
        /// In this program.
        known: u32,
    },
    /// The database's server would lose what it has answered in a power cut, and that was not asked for.
    #[error(
        "the database's server runs with fsync = off: what it has stored would not survive a power cut. Set fsync = on \
         there, or start with --durability os"
    )]
    NotDurable,
    /// The database has something that makes it unfit, and what to do.
    #[error("{0}")]
    Unfit(&'static str),
    /// No conversation has this id.
    #[error("there is no such conversation")]
    UnknownConversation,
    /// The reader or actor is not in the conversation.
    #[error("you are not in this conversation")]
    NotAMember,
    /// No user has this id or name, or the account is disabled.
    #[error("there is no such user")]
    UnknownUser,
    /// A cursor beyond the conversation's head.
    #[error("the cursor is beyond the end of the conversation")]
    CursorBeyondHead,
    /// Only the owner may do this, or it can not be done to this kind of conversation.
    #[error("only the owner of a group may do this")]
    Forbidden,
    /// The name belongs to somebody else.
    #[error("this name is taken")]
    NameTaken,
    /// A group can not have more members than [`trunkline_protocol::limits::GROUP_MEMBERS`].
    #[error("the group is full")]
    GroupFull,
    /// A user can not have more access tokens than [`trunkline_protocol::limits::ACCESS_TOKENS`].
    #[error("there are too many access tokens; revoke one that is not used any more")]
    TooManyTokens,
    /// There is an account already, and this one was admitted only as the first of all.
    #[error("no new accounts can be made here")]
    NotFirst,
    /// The invite does not exist, was used up or has ended.
    #[error("this invite is not valid")]
    InvalidInvite,
}

/// Why one append of a batch was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AppendError {
    /// The session was ended.
    #[error("the session was ended")]
    SessionEnded,
    /// No conversation has this id.
    #[error("there is no such conversation")]
    UnknownConversation,
    /// The author is not in the conversation.
    #[error("you are not in this conversation")]
    NotAMember,
    /// The key was used for something else.
    #[error("this send key was used for another message")]
    KeyConflict,
}

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
    /// Conversations with new changes.
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

/// A change that is not a message: made by [`Store::amend`].
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

/// The seam. See the module for what it guarantees; here each method says what absent, expired and repeated
/// mean. Every error leaves the store unchanged.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Which engine it is: `sqlite` or `postgres`.
    fn kind(&self) -> &'static str;

    /// What its answers are worth: what was asked for when it was opened, or more.
    fn durability(&self) -> Durability;

    // ---- the log -------------------------------------------------------------------------------------------

    /// The identity of this history.
    async fn epoch(&self) -> Result<Epoch, StoreError>;

    /// Whether the last write could be committed; changes can be waited for. `true` before the first.
    fn writable(&self) -> watch::Receiver<bool>;

    /// Writes something that nobody needs, to see whether it can: for a node that has nothing to write.
    async fn probe(&self) -> Result<(), StoreError>;

    /// Appends messages in the order given, in one transaction, and answers each by itself: a refused one does
    /// not hold back the others. The outer error means that none was stored, or that nobody knows: repeating them with
    /// the same keys stores each once.
    ///
    /// The credential is checked first: an ended session learns nothing. Then the key: one that was used before
    /// gets its answer even if its author has left since. Then membership.
    async fn append(&self, batch: Vec<Append>) -> Result<Vec<Result<Appended, AppendError>>, StoreError>;

    /// What happened after `position`. With `None`: nothing but the current position, to start from. The same for
    /// a position that was never given out; the one that comes back is then lower than the one that was asked.
    async fn follow(&self, position: Option<Position>) -> Result<Followed, StoreError>;

    /// The changes `from..=to`, as many as [`trunkline_protocol::limits::FETCH_CHANGES`], as `reader` may see them.
    /// Beyond the head: an empty range. `UnknownConversation` and `NotAMember` as they say.
    async fn range(
        &self,
        reader: UserId,
        conversation: ConversationId,
        from: Seq,
        to: Seq,
    ) -> Result<Range, StoreError>;

    /// The changes `from..=to` for a node that delivers them: no reader, no limit but the range.
    async fn changes(&self, conversation: ConversationId, from: Seq, to: Seq) -> Result<Vec<Change>, StoreError>;

    /// Everything a connecting device needs. `since` is the position it has seen, `None` for a new device.
    /// One that was never given out counts as `None`.
    async fn resume(&self, user: UserId, since: Option<Position>) -> Result<Resume, StoreError>;

    /// Who is in a conversation now. An unknown conversation has nobody.
    async fn membership(&self, conversation: ConversationId) -> Result<Membership, StoreError>;

    /// Moves the user's cursors forward to at least these; lower values change nothing. Reading implies
    /// having received. `CursorBeyondHead` when either is above the head.
    async fn advance(
        &self,
        user: UserId,
        conversation: ConversationId,
        delivered: Seq,
        read: Seq,
    ) -> Result<CursorState, StoreError>;

    // ---- conversations -------------------------------------------------------------------------------------

    /// The direct conversation of two people, made if it does not exist. The flag tells whether it is new.
    /// `UnknownUser` for a peer that does not exist; `Forbidden` for oneself.
    async fn direct(&self, user: UserId, peer: UserId, at: Millis) -> Result<(ConversationId, bool), StoreError>;

    /// A new group of `owner` and `members`; its log begins with `Created` and `MembersAdded` (all of them,
    /// the owner too). Returns it with these changes.
    async fn create_group(
        &self,
        owner: UserId,
        name: &str,
        members: &[UserId],
        at: Millis,
    ) -> Result<(ConversationId, Vec<Change>), StoreError>;

    /// Amends a group and returns the changes written (an owner's leaving writes two). `Forbidden` for a direct
    /// conversation and for what only the owner may do.
    async fn amend(
        &self,
        actor: UserId,
        conversation: ConversationId,
        amendment: Amendment,
        at: Millis,
    ) -> Result<Vec<Change>, StoreError>;

    /// All conversations of a user, last active first.
    async fn conversations(&self, user: UserId) -> Result<Vec<Conversation>, StoreError>;

    /// One conversation as `user` sees it.
    async fn conversation(&self, user: UserId, conversation: ConversationId) -> Result<Conversation, StoreError>;

    // ---- search --------------------------------------------------------------------------------------------

    /// Messages that answer a question, newest first, as far as `user` may see them: in conversations they are in, from
    /// the change on with which they came. Everything that was acknowledged before is searched. `UnknownConversation`
    /// and `NotAMember` if it is about one conversation only.
    async fn search(&self, user: UserId, search: Search) -> Result<Found, StoreError>;

    /// Brings what makes searching fast up to date now. It does so by itself; nothing is found sooner or later by it.
    async fn index(&self) -> Result<(), StoreError>;

    // ---- people --------------------------------------------------------------------------------------------

    /// Makes an account. `InvalidInvite`, which comes first, so that a stranger does not learn which names are
    /// taken; likewise `NotFirst`; `NameTaken`, which leaves the invite as it was.
    async fn create_account(&self, account: NewAccount) -> Result<Account, StoreError>;

    /// Whether there is any account yet.
    async fn has_accounts(&self) -> Result<bool, StoreError>;

    /// The account with this login name, if any; disabled ones too.
    async fn account(&self, name: &str) -> Result<Option<Account>, StoreError>;

    /// The user with this id, if any.
    async fn user(&self, user: UserId) -> Result<Option<User>, StoreError>;

    /// The user with this login name, if any.
    async fn user_named(&self, name: &str) -> Result<Option<User>, StoreError>;

    /// Users whose login or shown name contains `query` (any case; empty: everyone), by shown name, at most `limit`.
    async fn directory(&self, query: &str, limit: u32) -> Result<Vec<User>, StoreError>;

    /// Changes the shown name.
    async fn set_display_name(&self, user: UserId, display_name: &str) -> Result<(), StoreError>;

    /// Changes the password's hash and ends all sessions and access tokens. Returns those that were ended.
    async fn set_password(&self, user: UserId, password: &str, at: Millis) -> Result<Vec<Credential>, StoreError>;

    /// Accounts as [`Store::directory`] finds them, disabled ones too, with their sessions that are live at `now`.
    async fn accounts(&self, query: &str, limit: u32, now: Millis) -> Result<Vec<AccountRow>, StoreError>;

    /// Disables an account, which ends all its sessions and access tokens, or enables it again, which brings none of
    /// them back. Returns those that were ended; none if it was so already. `UnknownUser` for who does not exist.
    async fn set_disabled(&self, user: UserId, disabled: bool, at: Millis) -> Result<Vec<Credential>, StoreError>;

    /// Remembers when a user was last connected (forward only).
    async fn set_last_seen(&self, users: &[UserId], at: Millis) -> Result<(), StoreError>;

    /// When users were last connected; who never was is left out. `online` is always false here.
    async fn last_seen(&self, users: &[UserId]) -> Result<Vec<Presence>, StoreError>;

    // ---- sessions, tokens, invites -------------------------------------------------------------------------

    /// Stores a login.
    async fn create_session(&self, session: NewSession) -> Result<(), StoreError>;

    /// Whose session this token hash opens at `now`, and notes the use (to the minute). `None` if unknown,
    /// ended, expired, or the account is disabled.
    async fn session(&self, token: &[u8; 32], now: Millis) -> Result<Option<Identity>, StoreError>;

    /// Whether a session or token is still good at `now`.
    async fn is_valid(&self, credential: Credential, now: Millis) -> Result<bool, StoreError>;

    /// A user's live sessions, last used first.
    async fn sessions(&self, user: UserId, now: Millis) -> Result<Vec<SessionRow>, StoreError>;

    /// Ends one of the user's sessions; `false` if there is none such.
    async fn end_session(&self, user: UserId, session: SessionId, at: Millis) -> Result<bool, StoreError>;

    /// Ends all of the user's sessions but `keep`. Returns those that were ended.
    async fn end_sessions(
        &self,
        user: UserId,
        keep: Option<SessionId>,
        at: Millis,
    ) -> Result<Vec<Credential>, StoreError>;

    /// Stores an access token (as a hash) and returns its number. `TooManyTokens` as it says.
    async fn create_token(&self, user: UserId, label: &str, token: [u8; 32], at: Millis) -> Result<u64, StoreError>;

    /// Whose access token this is; `None` if unknown, revoked or the account is disabled. Notes the use.
    async fn token(&self, token: &[u8; 32], now: Millis) -> Result<Option<Identity>, StoreError>;

    /// A user's access tokens, newest first.
    async fn tokens(&self, user: UserId) -> Result<Vec<TokenRow>, StoreError>;

    /// Revokes one of the user's tokens; `false` if there is none such.
    async fn revoke_token(&self, user: UserId, token: u64) -> Result<bool, StoreError>;

    /// Stores an invite (as a hash), good for `uses` accounts until `expires`.
    async fn create_invite(&self, by: UserId, invite: [u8; 32], uses: u32, expires: Millis) -> Result<(), StoreError>;

    /// Whether an invite is good at `now`.
    async fn invite_is_valid(&self, invite: &[u8; 32], now: Millis) -> Result<bool, StoreError>;
}
