//! What devices showed, held against what was sent, what was acknowledged, and the logs.

use super::Evidence;
use crate::chaos::history::{Life, Sent, Shown};
use std::collections::{BTreeSet, HashMap};
use trunkline_protocol::{ConversationId, SendKey, Seq};

/// I1: everything acknowledged is in its log at its seq, and was shown on each device of each member.
pub(super) fn lost(evidence: &Evidence) -> Vec<String> {
    let mut wrong = Vec::new();
    let sent: HashMap<_, _> = evidence.sent.iter().map(|sent| (sent.key, sent)).collect();
    for acked in &evidence.acked {
        let (key, here, seq) = (acked.key, acked.conversation, acked.seq);
        let stored = evidence.logs.get(&here).and_then(|log| log.at(seq));
        let same = |sent: &&Sent| {
            stored.is_some_and(|stored| {
                stored.key == Some(key) && stored.author == sent.author && stored.body.text() == Some(&sent.text)
            })
        };
        if sent.get(&key).filter(|sent| same(sent)).is_none() {
            wrong.push(format!("{key} was acknowledged as {seq} of {here}, where is {stored:?}"));
        }
    }
    for life in evidence.lives.iter().filter(|life| life.goes_on) {
        for (here, missing) in missing(evidence, life) {
            let last = shown(life, here).last().map(|shown| (shown.change.seq, shown.at));
            let (device, user) = (life.device, life.user);
            wrong.push(format!("device {device} of user {user} never showed {missing:?} of {here}, last {last:?}"));
        }
    }
    wrong
}

/// What a device that goes on has not shown, up to its last reload, of what its user may see at last.
fn missing(evidence: &Evidence, life: &Life) -> Vec<(ConversationId, Vec<u64>)> {
    let mut all = Vec::new();
    for (&here, log) in &evidence.logs {
        // What was said before somebody was removed went from the screen with the conversation.
        let Some((first, last)) = log.visible(life.user).last().copied().filter(|part| part.1 == Seq(u64::MAX)) else {
            continue;
        };
        let shown: BTreeSet<_> = shown(life, here).iter().map(|shown| shown.change.seq).collect();
        let due = log.changes.iter().map(|change| change.seq).filter(|seq| (first..=last).contains(seq));
        let missing: Vec<_> = due.filter(|seq| !shown.contains(seq)).map(|seq| seq.0).collect();
        if !missing.is_empty() {
            all.push((here, missing));
        }
    }
    all
}

/// I2: every message in a log or on a screen was sent by that sender, there, with that body.
pub(super) fn invented(evidence: &Evidence) -> Vec<String> {
    let sent: HashMap<_, _> = evidence.sent.iter().map(|sent| (sent.key, sent)).collect();
    let screens = evidence.lives.iter().flat_map(|life| life.shown.values().flatten()).map(|shown| &shown.change);
    let logs = evidence.logs.values().flat_map(|log| &log.changes);
    let mut wrong = BTreeSet::new();
    for change in screens.chain(logs) {
        let Some(text) = change.body.text() else { continue };
        let known = change.key.and_then(|key| sent.get(&key));
        let same = |sent: &&&Sent| {
            sent.author == change.author && sent.conversation == change.conversation && sent.text == text
        };
        if known.filter(same).is_none() {
            wrong.insert(format!("nobody sent what stands at {} of {}: {change:?}", change.seq, change.conversation));
        }
    }
    wrong.into_iter().collect()
}

/// I3: one seq per send key, and nothing is shown twice on a device.
pub(super) fn doubled(evidence: &Evidence) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut places: HashMap<SendKey, (ConversationId, Seq)> = HashMap::new();
    let logged = evidence.logs.values().flat_map(|log| &log.changes);
    let logged = logged.filter_map(|change| Some((change.key?, (change.conversation, change.seq))));
    let acked = evidence.acked.iter().map(|acked| (acked.key, (acked.conversation, acked.seq)));
    for (key, place) in logged.chain(acked) {
        let other = places.insert(key, place).filter(|other| *other != place);
        wrong.extend(other.map(|other| format!("{key} has two places: {other:?} and {place:?}")));
    }
    for life in &evidence.lives {
        for (here, shown) in &life.shown {
            let (mut seqs, mut keys) = (BTreeSet::new(), BTreeSet::new());
            for change in shown.iter().map(|shown| &shown.change) {
                let again = !seqs.insert(change.seq) || change.key.is_some_and(|key| !keys.insert(key));
                if again && life.resets == 0 {
                    wrong.push(format!("device {} showed {} of {here} twice", life.device, change.seq));
                }
            }
        }
    }
    wrong
}

/// I4: the same seq of the same conversation is the same change everywhere.
pub(super) fn different(evidence: &Evidence) -> Vec<String> {
    let mut wrong = Vec::new();
    for life in &evidence.lives {
        for (here, shown) in &life.shown {
            let Some(log) = evidence.logs.get(here) else { continue };
            for change in shown.iter().map(|shown| &shown.change) {
                let stored = log.at(change.seq);
                if stored != Some(change) {
                    wrong.push(format!("device {} showed {change:?}, and the log has {stored:?}", life.device));
                }
            }
        }
    }
    wrong
}

/// I5: seqs are dense, in the logs and on every screen.
pub(super) fn holes(evidence: &Evidence) -> Vec<String> {
    let mut wrong = Vec::new();
    for (here, log) in &evidence.logs {
        let hole = log.changes.iter().zip(1..).find(|(change, seq)| change.seq.0 != *seq);
        wrong.extend(hole.map(|(change, seq)| format!("the log of {here} has {} where {seq} is due", change.seq)));
    }
    for life in evidence.lives.iter().filter(|life| life.resets == 0) {
        for (here, shown) in &life.shown {
            // Who was away for some time sees nothing of it.
            let parts = evidence.logs.get(here).map(|log| log.visible(life.user)).unwrap_or_default();
            let begins = |seq: Seq| parts.iter().any(|(first, _)| *first == seq);
            let seqs = shown.iter().map(|shown| shown.change.seq);
            for (before, seq) in seqs.clone().zip(seqs.skip(1)) {
                if seq != before.next() && !(seq > before && begins(seq)) {
                    wrong.push(format!("device {} showed {seq} of {here} after {before}", life.device));
                }
            }
        }
    }
    wrong
}

/// I14: nobody is shown content of a conversation outside their membership.
pub(super) fn forbidden(evidence: &Evidence) -> Vec<String> {
    let mut wrong = Vec::new();
    for life in &evidence.lives {
        for (here, shown) in &life.shown {
            let parts: Vec<_> = evidence.logs.get(here).map(|log| log.visible(life.user)).unwrap_or_default();
            let may_see = |seq: Seq| parts.iter().any(|&(first, last)| (first..=last).contains(&seq));
            let seen = shown.iter().map(|shown| shown.change.seq).filter(|seq| !may_see(*seq));
            let seen: Vec<_> = seen.map(|seq| seq.0).collect();
            if !seen.is_empty() {
                wrong.push(format!("user {} was shown {seen:?} of {here}", life.user));
            }
        }
    }
    wrong
}

/// What a device showed of a conversation.
fn shown(life: &Life, here: ConversationId) -> &[Shown] {
    life.shown.get(&here).map_or(&[], Vec::as_slice)
}
