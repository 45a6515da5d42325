//! The verdict: whether each invariant held, from the history and from how everything stands in the end.
//!
//! # Layout
//!
//! - [`mod@log`] what the store took and what was shown of it: I1 to I7, I10 and I14
//! - [`mod@rest`] how things stand in the end: I1, I9, I11, I13 and I17
//! - [`bounds`] what was noticed on the way: I8, I15 and I16
//! - [`nudges`] how long a message takes that nobody is told of: I12

pub mod bounds;
pub mod log;
pub mod nudges;
pub mod rest;

use crate::rest::Outcome;
use std::fmt;

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Of which invariant.
    pub invariant: u8,
    /// What was seen.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "I{}: {}", self.invariant, self.what)
    }
}

/// Takes down what is wrong, up to a number that somebody can read.
pub struct Verdict(Vec<Violation>);

/// Violations that are told of one invariant.
const TOLD: usize = 5;

impl Verdict {
    fn wrong(&mut self, invariant: u8, what: String) {
        if self.0.iter().filter(|known| known.invariant == invariant).count() < TOLD {
            self.0.push(Violation { invariant, what });
        }
    }
}

/// Everything that is wrong with a run.
#[must_use]
pub fn check(outcome: &Outcome) -> Vec<Violation> {
    let mut verdict = Verdict(Vec::new());
    for decide in [
        log::acknowledged_messages_are_in_the_store,
        log::nothing_is_shown_that_was_not_sent,
        log::nothing_comes_twice,
        log::the_same_place_holds_the_same_change,
        log::seqs_are_dense,
        log::order_is_kept,
        log::who_was_acknowledged_finds_the_message,
        bounds::nothing_goes_back,
        rest::unread_is_exact,
        log::a_new_history_is_noticed,
        rest::everything_is_settled,
        nudges::the_store_is_followed,
        rest::the_dead_are_offline,
        log::nobody_is_told_what_is_not_theirs,
        bounds::ended_sessions_hear_nothing,
        bounds::queues_are_bounded,
        rest::live_and_fresh_are_the_same,
    ] {
        decide(outcome, &mut verdict);
    }
    verdict.0
}
