//! Keeps a connection's sends in order after a refusal.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use trunkline_protocol::{ErrorCode, SendKey};

/// When a send arrived at its connection, relative to the connection's other sends.
pub type Turn = u64;

/// Keeps a connection's sends in order: after one was refused with "try again later", everything that arrived
/// behind it is refused too until it comes again. Otherwise a send that was in flight behind it could overtake it.
/// What arrived before it, and may still be on its way to the store, passes.
#[derive(Debug, Default)]
pub struct Gate(Mutex<Turns>);

#[derive(Debug, Default)]
struct Turns {
    next: Turn,
    shut: Option<Shut>,
    /// Arrived behind a refused send and before it came again: they come again too.
    void: std::ops::Range<Turn>,
}

#[derive(Clone, Copy, Debug)]
struct Shut {
    behind: Turn,
    key: SendKey,
    why: Postponed,
}

/// Why a send has to come again, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Postponed {
    /// Why the first one was refused.
    pub code: ErrorCode,
    /// When it may come again.
    pub retry_after: Duration,
}

impl Gate {
    /// A send arrives. The one that everybody waits for opens the gate.
    ///
    /// # Errors
    /// If it came behind one that has to come again: with that one's reason.
    pub fn arrive(&self, key: SendKey) -> Result<Turn, Postponed> {
        let mut turns = self.lock();
        let turn = turns.next;
        turns.next += 1;
        match turns.shut {
            Some(shut) if shut.key != key => return Err(shut.why),
            Some(shut) => {
                turns.void = shut.behind..turn;
                turns.shut = None;
            }
            None => {}
        }
        Ok(turn)
    }

    /// Whether a send that arrived then may still be stored.
    ///
    /// # Errors
    /// As [`Gate::arrive`].
    pub fn pass(&self, turn: Turn) -> Result<(), Postponed> {
        let turns = self.lock();
        match turns.shut {
            Some(shut) if turn > shut.behind => Err(shut.why),
            _ if turns.void.contains(&turn) => Err(Postponed { code: ErrorCode::Busy, retry_after: Duration::ZERO }),
            _ => Ok(()),
        }
    }

    /// This send was told to come again later.
    pub fn shut(&self, turn: Turn, key: SendKey, why: Postponed) {
        let mut turns = self.lock();
        if turns.shut.is_none_or(|shut| turn < shut.behind) {
            turns.shut = Some(Shut { behind: turn, key, why });
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Turns> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATER: Postponed = Postponed { code: ErrorCode::RateLimited, retry_after: Duration::from_millis(100) };

    #[test]
    fn behind_a_postponed_send_nothing_passes_until_it_comes_again() {
        let (gate, first, second) = (Gate::default(), SendKey::random(), SendKey::random());
        let turn = gate.arrive(first).expect("an open gate");
        gate.shut(turn, first, LATER);
        assert_eq!(gate.arrive(second), Err(LATER));
        assert!(gate.arrive(first).is_ok());
        assert!(gate.arrive(second).is_ok());
    }

    #[test]
    fn before_a_postponed_send_everything_passes() {
        let (gate, first, second) = (Gate::default(), SendKey::random(), SendKey::random());
        let (before, behind) = (gate.arrive(first).expect("a turn"), gate.arrive(second).expect("a turn"));
        gate.shut(behind, second, LATER);
        assert_eq!(gate.pass(before), Ok(()));
        // The store refuses that one too: now everybody waits for it.
        gate.shut(before, first, LATER);
        assert_eq!(gate.arrive(second), Err(LATER));
        assert!(gate.arrive(first).is_ok());
        assert!(gate.arrive(second).is_ok());
    }

    #[test]
    fn what_was_on_its_way_behind_a_postponed_send_does_not_slip_through_when_that_one_comes_again() {
        let (gate, first, second) = (Gate::default(), SendKey::random(), SendKey::random());
        let (refused, behind) = (gate.arrive(first).expect("a turn"), gate.arrive(second).expect("a turn"));
        gate.shut(refused, first, LATER);
        assert_eq!(gate.pass(behind), Err(LATER));
        let again = gate.arrive(first).expect("a turn");
        assert!(gate.pass(behind).is_err());
        assert_eq!(gate.pass(again), Ok(()));
    }
}
