//! What every SQL store decides in the same way.

use super::Identity;
use trunkline_protocol::{ConversationKind, Epoch, Millis};

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

/// How many ids a new history leaves out of those of users, conversations and tokens. The history that it does not continue
/// may have given ids that this store never heard of, and devices remember them: what they have in their outbox for one of
/// those must find nothing, instead of a conversation of other people. At least 2^24, which no history gives before it is
/// put back, and 32 bits of chance, so that two that begin in the same place do not meet either. Four million new histories
/// fit below 2^53.
pub(super) fn ids_left_out(epoch: Epoch) -> u64 {
    const LEAST: u64 = 1 << 24;
    let (_, chance) = epoch.0.as_u64_pair();
    LEAST + (chance & u64::from(u32::MAX))
}
