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
use tokio::sync::watch;
use trunkline_protocol::{
    Change, Conversation, ConversationId, Epoch, Millis, Position, Presence, Seq, SessionId, User, UserId,
};

mod error;
mod fault;
mod plan;
pub mod postgres;
mod records;
mod rules;
mod sql;
pub mod sqlite;
pub mod transfer;

pub use error::{AppendError, StoreError};
pub use records::{
    Account, AccountRow, Amendment, Append, Appended, Credential, CursorState, Followed, Grown, Identity, Joined,
    Membership, MovedCursor, NewAccount, NewSession, Range, Resume, SessionRow, TokenRow,
};

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

/// The seam. See the module for what it guarantees; here each method says what absent, expired and repeated
/// mean. Every error leaves the store unchanged.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Which engine it is: `sqlite` or `postgres`.
    fn kind(&self) -> &'static str;

    /// What its answers are worth: what was asked for when it was opened, or more.
    fn durability(&self) -> Durability;

    // ---- the log -------------------------------------------------------------------------------------------

    /// The identity of this history. Where a database goes back in time under an open store, PostgreSQL's refuses everything
    /// from then on ([`StoreError::AnotherHistory`]), and SQLite's says so here and in [`Store::follow`].
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
