//! What every SQL store decides in the same way.

use super::Identity;
use trunkline_protocol::{ConversationKind, Millis};

/// Uses are noted this coarsely, so that reading a page does not write.
const NOTED_EVERY: Millis = 60_000;
/// How long a session is kept after it has expired, so that nodes that follow late still learn that it was ended.
pub(super) const KEPT_FOR: Millis = 24 * 60 * 60 * 1000;

/// A login or token that was found, and whether its use should be noted.
pub(super) struct Found {
    /// Who.
    pub(super) identity: Identity,
    /// It was last noted too long ago.
    pub(super) note: bool,
}

/// Whether a use at `now` should be noted, where the last one was.
pub(super) fn is_stale(last_used: Option<Millis>, now: Millis) -> bool {
    last_used.is_none_or(|last| now.saturating_sub(last) >= NOTED_EVERY)
}

/// What a member has not read: all messages, but for their own, those they have read, and those before their time.
pub(super) fn unread(messages: u64, own: u64, counted: u64) -> u64 {
    messages.saturating_sub(own).saturating_sub(counted)
}

/// A conversation's kind, from its column.
pub(super) fn kind(column: &str) -> ConversationKind {
    match column {
        "direct" => ConversationKind::Direct,
        _ => ConversationKind::Group,
    }
}
