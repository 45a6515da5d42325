//! How long a message takes that nobody is told of.

use super::Verdict;
use crate::history::Event;
use crate::rest::Outcome;
use std::collections::{BTreeMap, BTreeSet};
use trunkline_protocol::{ConversationId, Seq};

/// How long delivery may take with all nudges dropped, in milliseconds.
const WITHIN: u64 = 12_000;

/// **I12** With all nudges dropped, delivery takes at most 12 s.
///
/// Decided for devices that were connected and showed the conversation all the time, in stretches in which nothing but the
/// bus and the registry was in trouble.
pub fn the_store_is_followed(outcome: &Outcome, verdict: &mut Verdict) {
    let broken: Vec<u64> =
        outcome.history.iter().filter(|record| breaks(&record.event)).map(|record| record.at).collect();
    let mut showing: BTreeMap<(usize, ConversationId), Seq> = BTreeMap::new();
    let mut live = BTreeSet::new();
    let mut owed: BTreeMap<(usize, ConversationId, Seq), u64> = BTreeMap::new();
    for record in &outcome.history {
        match &record.event {
            Event::Live { device, live: true } => drop(live.insert(*device)),
            Event::Live { device, live: false } | Event::Loaded { device, .. } | Event::Reset { device } => {
                live.remove(device);
                showing.retain(|(of, _), _| of != device);
                owed.retain(|(of, _, _), _| of != device);
            }
            Event::Left { device, conversation } | Event::Held { device, conversation } => {
                showing.remove(&(*device, *conversation));
                owed.retain(|(of, at, _), _| of != device || at != conversation);
            }
            Event::Appended { conversation, seq, .. } => {
                for ((device, at), _) in showing.iter().filter(|((device, _), _)| live.contains(device)) {
                    if at == conversation {
                        owed.insert((*device, *conversation, *seq), record.at);
                    }
                }
            }
            Event::Shown { device, change, .. } => {
                showing.insert((*device, change.conversation), change.seq);
                let since = owed.remove(&(*device, change.conversation, change.seq));
                let Some(since) = since.filter(|since| record.at > since + WITHIN) else { continue };
                // What was broken before may have its effect for a while.
                if !broken.iter().any(|&at| at + 30_000 > since && at < record.at) {
                    let (id, seq, took) = (change.conversation, change.seq, record.at - since);
                    verdict.wrong(12, format!("device {device} waited {took} ms for {id}/{seq}"));
                }
            }
            _ => {}
        }
    }
}

/// Whether something else than the bus and the registry is in trouble from here on.
fn breaks(event: &Event) -> bool {
    // Whose page it is that is loaded anew or logged out is not connected then, which is all that it does.
    const OTHER: [&str; 11] = [
        "Cut",
        "SlowReader",
        "SlowNetwork",
        "Kill",
        "Freeze",
        "Replace",
        "Store",
        "RollBack",
        "TakeOver",
        "Flood",
        "Clock",
    ];
    matches!(event, Event::Step(step) if OTHER.iter().any(|name| step.starts_with(name)))
}
