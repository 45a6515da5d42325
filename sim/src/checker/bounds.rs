//! What was noticed while it happened.

use super::Verdict;
use crate::history::Event;
use crate::rest::Outcome;
use std::collections::BTreeSet;
use trunkline_server::store::Credential;

/// After this time, in milliseconds, a session that was ended hears nothing more, where the bus works.
const UNHEARD_AFTER: u64 = 2_000;
/// And where it does not: the follower goes by its slow interval until the bus is found to be deaf.
const UNHEARD_AFTER_WITHOUT_BUS: u64 = 4_000;

/// **I8** Positions and read cursors never go back without an epoch change. (Also what devices find by themselves of
/// other invariants.)
pub fn nothing_goes_back(outcome: &Outcome, verdict: &mut Verdict) {
    for record in &outcome.history {
        if let Event::Violation { invariant, what } = &record.event {
            verdict.wrong(*invariant, what.clone());
        }
    }
}

/// **I15** A revoked session gets no later ack and no event after 2 s, on any node (4 s with Redis down).
///
/// Not held against a node while it, its way to the store, or its clock's time is frozen or cut: nobody could tell it.
pub fn ended_sessions_hear_nothing(outcome: &Outcome, verdict: &mut Verdict) {
    let mut ended = BTreeSet::new();
    let mut troubled = 0;
    let mut until = 0;
    for record in &outcome.history {
        match &record.event {
            Event::Step(step)
                if step.starts_with("Store") || step.starts_with("Freeze") || step.starts_with("Slow") =>
            {
                // What a step breaks lasts 16 s at most, and takes a while to be caught up with.
                until = record.at + 22_000;
            }
            Event::Step(step) if step.starts_with("Bus") || step.starts_with("Deaf") => {
                troubled = troubled.max(record.at + lasts(step).unwrap_or(8_000) + 10_000);
            }
            Event::RolledBack { .. } => ended.clear(),
            Event::SessionEnded { session } => drop(ended.insert(*session)),
            Event::Appended { credential: Credential::Session(session), key, .. } if ended.contains(session) => {
                verdict.wrong(15, format!("{key} was taken after its session {session} was ended"));
            }
            Event::LateFrame { session, late, kind } => {
                let most = if record.at < troubled { UNHEARD_AFTER_WITHOUT_BUS } else { UNHEARD_AFTER };
                if record.at >= until && *late > most {
                    let what = format!("session {session} was written a {kind} {late} ms after its end");
                    verdict.wrong(15, what);
                }
            }
            _ => {}
        }
    }
}

/// How long a step says that it lasts, in milliseconds.
fn lasts(step: &str) -> Option<u64> {
    let (_, after) = step.split_once(" millis: ")?;
    after.split([',', ' ']).next()?.parse().ok()
}

/// **I16** At most 1 MiB is queued per connection.
pub fn queues_are_bounded(outcome: &Outcome, verdict: &mut Verdict) {
    for record in &outcome.history {
        if let Event::QueueTooLong { slot, bytes } = &record.event {
            verdict.wrong(16, format!("node {slot} had {bytes} bytes waiting for one connection"));
        }
    }
}
