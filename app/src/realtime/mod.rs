//! The page's line to its node: drives the protocol's client state machine with a WebSocket, timers, the browser's
//! storage and its events, and keeps the [`Chat`] up to date.
//!
//! One page has one line, so it is found without a context: [`start`] opens it, [`tell`] passes on what the user
//! does, [`stop`] closes it. On the server all three do nothing.
//!
//! # Layout
//!
//! - `driver`: carries out what the state machine says, in order
//! - `socket`: one WebSocket from opening to closing
//! - [`storage`]: the outbox and the drafts in the browser's storage

#[cfg(not(feature = "hydrate"))]
#[path = "absent.rs"]
mod driver;
#[cfg(feature = "hydrate")]
mod driver;
#[cfg(feature = "hydrate")]
mod socket;
pub mod storage;

pub use driver::{start, stop, tell};
use trunkline_protocol::{ConversationId, SendKey, Seq};

#[cfg(doc)]
use crate::state::chat::Chat;

/// What the user does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Looks at this conversation, or at none.
    Open(Option<ConversationId>),
    /// Sends a message.
    Send {
        /// Where to.
        conversation: ConversationId,
        /// What.
        text: String,
    },
    /// Tries a failed message again.
    Retry(SendKey),
    /// Gives a failed message up.
    Discard(SendKey),
    /// Has read a conversation up to here.
    Read(ConversationId, Seq),
    /// Scrolls towards the beginning.
    LoadOlder(ConversationId),
    /// Writes.
    Typing(ConversationId),
    /// Does not want to wait for the next try.
    ConnectNow,
}
