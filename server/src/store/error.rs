//! What can go wrong: of a call as a whole, and of one append among others.

use thiserror::Error;

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
    /// The database went back in time since it was opened: it has another [`trunkline_protocol::Epoch`]. What is in it is
    /// not for those who know the one before, so nothing of it is told, and nothing is written, until it is opened anew.
    #[error("the database has another history than this node began with")]
    AnotherHistory,
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
