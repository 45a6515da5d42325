//! What it means that a message is found: how texts and questions are cut into units, and when the one contains the
//! other. Both stores decide by this module, so that they find the same and highlight the same.
//!
//! A store's index knows only [`terms`]: it *proposes* messages that have all terms of a [`Query`], and [`Query::find`]
//! decides on the text itself. So the index may be coarse (it knows no positions), and what it forgets to leave out does
//! not matter; what it leaves out would.
//!
//! # Layout
//!
//! - [`units`]: texts as words and single characters, folded
//! - [`query`]: questions, and where a text answers them
//! - [`page`]: what was found, newest first, in pages

pub mod page;
pub mod query;
pub mod units;

pub use page::{Found, Hit, Mark};
pub use query::{Query, QueryError, Term};
pub use units::terms;

use trunkline_protocol::ConversationId;

/// Texts that one search compares with its question before it answers with what it has and where to go on: some 50 ms
/// of work. Reached only by words that are common one by one and rare together.
pub const EXAMINED: usize = 10_000;
/// A user with more conversations than this is asked for without naming them to the index: to join so many lists costs
/// more than to skip what is not theirs.
pub const NAMED: usize = 256;

/// Changes that are indexed in one step: whoever writes at the same time waits some milliseconds, and larger steps cost
/// little less a message.
pub const STEP: usize = 256;
/// New changes since the last look from which on indexing waits: then the machine has better things to do.
const BUSY: u64 = 1_000;
/// Changes that may wait for the index however busy it is. Who is in all of their conversations waits 0.1 s for a search.
const WAITING: u64 = 50_000;
/// What a store was doing when indexing failed.
pub const INDEX: &str = "index messages";

/// Whether it is the time to index: so many changes wait now, and so many were left at the last look.
#[must_use]
pub const fn is_time(left_before: u64, left_now: u64) -> bool {
    left_now.saturating_sub(left_before) <= BUSY || left_now > WAITING
}

/// What to look for, and where.
#[derive(Clone, Debug)]
pub struct Search {
    /// What.
    pub query: Query,
    /// Only in this conversation.
    pub conversation: Option<ConversationId>,
    /// Only what stands before this: [`Found::next`] of the page before.
    pub before: Option<Mark>,
    /// Hits in one page.
    pub limit: usize,
}

/// The term that a message's conversation is indexed as, so that an index skips those of others. No text has it: what
/// is for private use is no part of a unit.
#[must_use]
pub fn place(conversation: ConversationId) -> String {
    format!("\u{e000}{conversation}")
}
