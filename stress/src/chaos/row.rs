//! What came of a fault: a row of the table.

use super::check::Verdict;
use super::cluster::Database;
use super::faults::Fault;
use super::history::{Events, Life};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use trunkline_protocol::{Millis, SendKey};

/// What an invariant came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Held {
    /// It was looked at, and held.
    Yes,
    /// It was broken.
    No,
    /// This fault does not bring it about.
    Unasked,
}

/// See the module.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    /// What happened, as people say it; two at a time are joined.
    pub(crate) fault: String,
    /// Its name on the command line.
    pub(crate) name: String,
    pub(crate) database: &'static str,
    /// Why it did not happen here, if it did not.
    pub(crate) impossible: Option<String>,
    /// To whom it happened.
    pub(crate) what: String,
    /// By invariant, from I1.
    pub(crate) held: Vec<Held>,
    /// What is wrong.
    pub(crate) wrong: Vec<String>,
    #[serde(flatten)]
    pub(crate) figures: Figures,
}

/// What happened meanwhile.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Figures {
    pub(crate) sent: usize,
    pub(crate) acks: usize,
    /// Messages that devices showed.
    pub(crate) deliveries: usize,
    pub(crate) duplicates: usize,
    pub(crate) losses: usize,
    /// From the end of the fault until everything from before it was shown everywhere, in milliseconds.
    pub(crate) recovery: Millis,
    /// From an ack to the last device that showed it.
    pub(crate) slowest: Millis,
    /// How long it took in all.
    pub(crate) took: Millis,
}

impl Row {
    /// It did not happen.
    pub(crate) fn impossible(faults: &[Fault], database: Database, why: String) -> Self {
        Self { impossible: Some(why), ..Self::new(faults, database) }
    }

    /// It went wrong before anything could be judged.
    pub(crate) fn failed(faults: &[Fault], database: Database, why: String) -> Self {
        Self { wrong: vec![why], ..Self::new(faults, database) }
    }

    fn new(faults: &[Fault], database: Database) -> Self {
        let says: Vec<_> = faults.iter().map(|fault| fault.says()).collect();
        let names: Vec<_> = faults.iter().map(|fault| super::name(*fault)).collect();
        Self {
            fault: says.join(" + "),
            name: names.join(" + "),
            database: database.name(),
            impossible: None,
            what: String::new(),
            held: Vec::new(),
            wrong: Vec::new(),
            figures: Figures::default(),
        }
    }

    /// It happened to these, and this came of it. `asked` says which invariants were looked at.
    pub(crate) fn judged(
        faults: &[Fault],
        database: Database,
        what: String,
        verdict: &Verdict,
        asked: impl Fn(u8) -> bool,
        figures: Figures,
    ) -> Self {
        let held = |invariant| match (verdict.0.contains_key(&invariant), asked(invariant)) {
            (true, _) => Held::No,
            (false, true) => Held::Yes,
            (false, false) => Held::Unasked,
        };
        let all = verdict.0.iter().flat_map(|(invariant, what)| what.iter().map(move |what| (invariant, what)));
        Self {
            what,
            held: (1..=super::check::INVARIANTS).map(held).collect(),
            wrong: all.map(|(invariant, what)| format!("I{invariant}: {what}")).collect(),
            figures,
            ..Self::new(faults, database)
        }
    }

    /// Whether nothing is wrong.
    pub(crate) fn is_well(&self) -> bool {
        self.wrong.is_empty()
    }
}

/// When a round began, and when its faults were made good.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) begun: Millis,
    pub(crate) healed: Millis,
}

impl Figures {
    /// Of a round of which this is known; what is wrong counts as lost and doubled.
    pub(crate) fn of(events: &Events, lives: &[Life], times: Times, verdict: &Verdict) -> Self {
        let Times { begun, healed } = times;
        let acked: HashMap<SendKey, Millis> =
            events.acked.iter().filter(|acked| acked.at >= begun).map(|acked| (acked.key, acked.at)).collect();
        let sent: BTreeMap<SendKey, Millis> =
            events.sent.iter().filter(|sent| sent.at >= begun).map(|sent| (sent.key, sent.at)).collect();
        let mut figures = Self { sent: sent.len(), acks: acked.len(), ..Self::default() };
        for life in lives {
            // What a page loads that was opened later came when it was asked for.
            let first = !lives.iter().any(|other| other.device == life.device && !other.goes_on);
            for shown in life.shown.values().flat_map(|shown| shown.iter().rev().take_while(|shown| shown.at >= begun))
            {
                let Some(key) = shown.change.key else { continue };
                figures.deliveries += 1;
                if first && sent.get(&key).is_some_and(|sent| *sent < healed) {
                    figures.recovery = figures.recovery.max(shown.at - healed);
                }
                if let Some(acked) = acked.get(&key).filter(|_| first) {
                    figures.slowest = figures.slowest.max(shown.at - acked);
                }
            }
        }
        let count = |invariant| verdict.0.get(&invariant).map_or(0, Vec::len);
        (figures.duplicates, figures.losses) = (count(3), count(1));
        figures
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::history::{Acked, Sent, Shown};
    use trunkline_protocol::{Change, ChangeBody, ConversationId, Seq, UserId};

    const HERE: ConversationId = ConversationId(1);

    fn life(device: usize, goes_on: bool, shown: &[(SendKey, Millis)]) -> Life {
        let shown = shown.iter().map(|&(key, at)| Shown {
            at,
            change: Change {
                conversation: HERE,
                seq: Seq(1),
                at: 0,
                author: UserId(1),
                key: Some(key),
                body: ChangeBody::Unknown,
            },
        });
        let shown = BTreeMap::from([(HERE, shown.collect())]);
        Life { device, user: UserId(1), goes_on, shown, resets: 0, slips: Vec::new() }
    }

    #[test]
    fn recovery_counts_from_the_end_of_the_fault_and_delivery_from_the_ack() {
        let (early, late) = (SendKey::random(), SendKey::random());
        let mut events = Events::default();
        for (key, at) in [(early, 110), (late, 210)] {
            let sent = Sent { key, author: UserId(1), device: 0, conversation: HERE, text: String::new(), at };
            events.sent.push(sent);
            events.acked.push(Acked { key, conversation: HERE, seq: Seq(1), at: at + 5 });
        }
        // The last device was opened while all this happened: what it loaded was not late.
        let lives = [
            life(0, true, &[(early, 115), (late, 215)]),
            life(1, true, &[(early, 240), (late, 260)]),
            life(2, false, &[(early, 120)]),
            life(2, true, &[(early, 900), (late, 900)]),
        ];
        let figures = Figures::of(&events, &lives, Times { begun: 100, healed: 200 }, &Verdict::default());
        assert_eq!((figures.sent, figures.acks, figures.deliveries), (2, 2, 7));
        assert_eq!((figures.recovery, figures.slowest), (40, 125));
        let later = Figures::of(&events, &lives, Times { begun: 200, healed: 200 }, &Verdict::default());
        assert_eq!((later.sent, later.acks, later.recovery), (1, 1, 0));
    }
}
