//! What must always hold, decided from what everybody did and was shown, and from a fresh load of all logs.
//!
//! Pure functions, one for each invariant that can be decided so. What needs somebody to look at a certain moment
//! is decided there: by `rest` (I9, I11, I17) and by the faults themselves (I12, I13, I15, I16). I10, a store that went
//! back in time, is none of the faults here; the simulator and the server's own tests decide it.
//!
//! # Layout
//!
//! - [`log`]: a conversation's log, and who may see what of it
//! - `order`: I6
//! - `showing`: what devices showed: I1 to I5, I14

pub(crate) mod log;
mod order;
mod showing;
#[cfg(test)]
mod tests;

use super::history::{Acked, Life, Load, Sent};
use log::Log;
use std::collections::BTreeMap;
use trunkline_protocol::ConversationId;

/// How many invariants there are, from I1.
pub(crate) const INVARIANTS: u8 = 17;

/// Everything that is judged.
#[derive(Clone, Debug, Default)]
pub(crate) struct Evidence {
    pub(crate) sent: Vec<Sent>,
    pub(crate) acked: Vec<Acked>,
    pub(crate) loads: Vec<Load>,
    pub(crate) lives: Vec<Life>,
    /// As they are read by somebody who knows nothing, when everything is at rest.
    pub(crate) logs: BTreeMap<ConversationId, Log>,
}

/// What is wrong, by the number of the invariant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict(pub(crate) BTreeMap<u8, Vec<String>>);

impl Verdict {
    /// Adds to it.
    pub(crate) fn add(&mut self, invariant: u8, what: impl IntoIterator<Item = String>) {
        let mut what = what.into_iter().peekable();
        if what.peek().is_some() {
            self.0.entry(invariant).or_default().extend(what);
        }
    }
}

/// Decides everything that can be decided from this.
pub(crate) fn judge(evidence: &Evidence) -> Verdict {
    let mut verdict = Verdict::default();
    verdict.add(1, showing::lost(evidence));
    verdict.add(2, showing::invented(evidence));
    verdict.add(3, showing::doubled(evidence));
    verdict.add(4, showing::different(evidence));
    verdict.add(5, showing::holes(evidence));
    verdict.add(6, order::broken(evidence));
    let late = evidence.loads.iter().filter(|load| !load.found);
    verdict.add(7, late.map(|load| format!("{} was acknowledged and not in a load: {}", load.key, load.what)));
    let slips = evidence
        .lives
        .iter()
        .flat_map(|life| life.slips.iter().map(|slip| format!("device {} of user {}: {slip}", life.device, life.user)));
    verdict.add(8, slips);
    verdict.add(14, showing::forbidden(evidence));
    verdict
}
