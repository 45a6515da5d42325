//! What the store took and what was shown of it.

use super::Verdict;
use crate::history::Event;
use crate::rest::{Era, Log, Outcome};
use std::collections::{BTreeMap, BTreeSet};
use trunkline_protocol::{ChangeBody, ConversationId, Epoch, SendKey, Seq, UserId};

/// **I1** No acknowledged message is lost: it is in the store at its seq. (That it was shown on every live device of every
/// member is decided where things are at rest.) An ack from before a rollback counts in the history that ended.
pub fn acknowledged_messages_are_in_the_store(outcome: &Outcome, verdict: &mut Verdict) {
    for record in &outcome.history {
        let Event::Acked { device, key, conversation, seq, epoch } = &record.event else { continue };
        let there = outcome.era(*epoch).and_then(|era| era.logs.get(conversation)).and_then(|log| log.at(*seq));
        if there.and_then(|change| change.key) != Some(*key) {
            let what =
                format!("device {device} had an ack for {key} at {conversation}/{seq}, where there is {there:?}");
            verdict.wrong(1, what);
        }
    }
}

/// **I2** Nothing is shown that was not sent by that sender with that body, and in no other conversation than the one that
/// it was written in, which another history may not have, or may have another one in its place.
pub fn nothing_is_shown_that_was_not_sent(outcome: &Outcome, verdict: &mut Verdict) {
    let mut sent = BTreeMap::new();
    for record in &outcome.history {
        match &record.event {
            Event::Sent { user, key, epoch, conversation, text, .. } => {
                sent.insert(*key, (*epoch, (*user, *conversation, text.as_str())));
            }
            Event::Shown { device, epoch, change } => {
                let Some(text) = change.body.text() else { continue };
                let (written, was) = change.key.and_then(|key| sent.get(&key).copied()).unzip();
                if was != Some((change.author, change.conversation, text)) {
                    verdict.wrong(2, format!("device {device} showed {change:?}, and sent was {was:?}"));
                }
                let [there, here] = [written.flatten(), Some(*epoch)].map(|epoch| {
                    epoch.and_then(|epoch| outcome.era(epoch)).and_then(|era| era.logs.get(&change.conversation))
                });
                if let (Some(there), Some(here)) = (there, here)
                    && !there.is_same(here)
                {
                    verdict.wrong(2, format!("device {device} showed {change:?}, which was written in {there:?}"));
                }
            }
            _ => {}
        }
    }
}

/// **I3** One seq per send key; nothing is shown twice on a device.
pub fn nothing_comes_twice(outcome: &Outcome, verdict: &mut Verdict) {
    for era in &outcome.eras {
        let mut seen = BTreeMap::new();
        for (id, change) in era.logs.iter().flat_map(|(id, log)| log.changes.iter().map(move |change| (id, change))) {
            let Some(key) = change.key else { continue };
            if let Some(before) = seen.insert(key, (id, change.seq)) {
                verdict.wrong(3, format!("{key} is at {before:?} and at {id}/{}", change.seq));
            }
        }
    }
    let mut last: BTreeMap<(usize, ConversationId), Seq> = BTreeMap::new();
    for record in &outcome.history {
        match &record.event {
            Event::Loaded { device, .. } | Event::Reset { device } => last.retain(|(of, _), _| of != device),
            Event::Held { device, conversation } | Event::Left { device, conversation } => {
                last.remove(&(*device, *conversation));
            }
            Event::Shown { device, change, .. } => {
                let before = last.insert((*device, change.conversation), change.seq);
                if before.is_some_and(|before| change.seq <= before) {
                    let what = format!("device {device} showed {}/{} again", change.conversation, change.seq);
                    verdict.wrong(3, what);
                }
            }
            _ => {}
        }
    }
}

/// **I4** The same (conversation, seq) is the same change everywhere.
pub fn the_same_place_holds_the_same_change(outcome: &Outcome, verdict: &mut Verdict) {
    for record in &outcome.history {
        let Event::Shown { device, epoch, change } = &record.event else { continue };
        let Some(era) = outcome.era(*epoch) else { continue };
        let there = era.logs.get(&change.conversation).and_then(|log| log.at(change.seq));
        if there != Some(change) {
            verdict.wrong(4, format!("device {device} showed {change:?}, and the store has {there:?}"));
        }
    }
}

/// **I5** Seqs are dense.
pub fn seqs_are_dense(outcome: &Outcome, verdict: &mut Verdict) {
    for (id, log) in outcome.eras.iter().flat_map(|era| &era.logs) {
        for (change, seq) in log.changes.iter().zip(1..) {
            if (change.conversation, change.seq) != (*id, Seq(seq)) {
                verdict.wrong(5, format!("at {id}/{seq} there is {change:?}"));
            }
        }
    }
}

/// **I6** An ack before another send begins means a lower seq; one device's sends keep their order. (Not those that were
/// refused for good: if the refusal is lost with the socket they are sent again, and may then be taken.)
pub fn order_is_kept(outcome: &Outcome, verdict: &mut Verdict) {
    let mut refused = BTreeSet::new();
    for record in &outcome.history {
        if let Event::Refused { key, .. } | Event::Retried { key, .. } = &record.event {
            refused.insert(*key);
        }
    }
    for era in &outcome.eras {
        check_order(outcome, era, &refused, verdict);
    }
}

fn check_order(outcome: &Outcome, era: &Era, refused: &BTreeSet<SendKey>, verdict: &mut Verdict) {
    let places: BTreeMap<SendKey, (ConversationId, Seq)> = (era.logs.iter())
        .flat_map(|(&id, log)| log.changes.iter().filter_map(move |change| Some((change.key?, (id, change.seq)))))
        .collect();
    // Of each conversation: the highest seq that was acknowledged so far. Of each device: where its last send went.
    let mut acked: BTreeMap<ConversationId, Seq> = BTreeMap::new();
    let mut sent: BTreeMap<(usize, ConversationId), (SendKey, Seq)> = BTreeMap::new();
    for record in &outcome.history {
        match &record.event {
            Event::Acked { conversation, seq, epoch, .. } if *epoch == era.epoch => {
                let known = acked.entry(*conversation).or_default();
                *known = (*seq).max(*known);
            }
            Event::Sent { device, key, conversation, .. } => {
                let Some(&(_, seq)) = places.get(key) else { continue };
                if acked.get(conversation).is_some_and(|&before| seq <= before) {
                    verdict.wrong(6, format!("{key} went to {conversation}/{seq}, at or before what was acknowledged"));
                }
                if refused.contains(key) {
                    continue;
                }
                if let Some((before, at)) = sent.insert((*device, *conversation), (*key, seq))
                    && at > seq
                {
                    verdict.wrong(6, format!("device {device} sent {before} before {key}: {at} and {seq}"));
                }
            }
            _ => {}
        }
    }
}

/// **I7** After an ack, every load by any device of the sender contains the message.
pub fn who_was_acknowledged_finds_the_message(outcome: &Outcome, verdict: &mut Verdict) {
    let user = |device: usize| outcome.devices[device].user;
    let mut acked: BTreeMap<(UserId, Epoch, ConversationId), Vec<(u64, Seq)>> = BTreeMap::new();
    for record in &outcome.history {
        match &record.event {
            Event::Acked { device, conversation, seq, epoch, .. } => {
                acked.entry((user(*device), *epoch, *conversation)).or_default().push((record.at, *seq));
            }
            Event::Head { device, asked, epoch, conversation, head } => {
                let theirs = acked.get(&(user(*device), *epoch, *conversation));
                let lacks = theirs.into_iter().flatten().find(|(at, seq)| at < asked && seq > head);
                if let Some((at, seq)) = lacks {
                    let what = format!(
                        "{conversation}/{seq} was acknowledged at {at}; device {device} asked at {asked}: head {head}"
                    );
                    verdict.wrong(7, what);
                }
            }
            _ => {}
        }
    }
}

/// **I10** A store that went back in time is noticed before anything more is shown: what is shown belongs to a history
/// that exists, and to the one that the device believes in.
pub fn a_new_history_is_noticed(outcome: &Outcome, verdict: &mut Verdict) {
    for record in &outcome.history {
        let Event::Shown { device, epoch, change } = &record.event else { continue };
        let held = outcome.era(*epoch).and_then(|era| era.logs.get(&change.conversation));
        if outcome.eras.len() > 1 && held.and_then(|log| log.at(change.seq)) != Some(change) {
            verdict.wrong(10, format!("device {device} showed {change:?} as a part of {epoch}, which it is not"));
        }
    }
}

/// **I14** Nobody is shown content of a conversation outside their membership.
pub fn nobody_is_told_what_is_not_theirs(outcome: &Outcome, verdict: &mut Verdict) {
    for record in &outcome.history {
        let Event::Told { device, epoch, conversation, seq } = &record.event else { continue };
        let user = outcome.devices[*device].user;
        let Some(log) = outcome.era(*epoch).and_then(|era| era.logs.get(conversation)) else { continue };
        if !is_theirs(log, user, *seq) {
            verdict.wrong(14, format!("device {device} was told {conversation}/{seq}, which is not for {user}"));
        }
    }
}

/// Whether a user was in a conversation when this was said. Who is removed may still see that.
fn is_theirs(log: &Log, user: UserId, seq: Seq) -> bool {
    let is_group = matches!(log.changes.first().map(|first| &first.body), Some(ChangeBody::Created { .. }));
    if !is_group {
        return log.members.contains(&user);
    }
    let mut is_in = false;
    for change in &log.changes {
        let was_in = is_in;
        match &change.body {
            // The first members see the making too.
            ChangeBody::Created { .. } => is_in = first_members(log).contains(&user),
            ChangeBody::MembersAdded { members } if members.iter().any(|member| member.id == user) => is_in = true,
            ChangeBody::MemberRemoved { member } if *member == user => is_in = false,
            _ => {}
        }
        if change.seq == seq {
            return was_in || is_in;
        }
    }
    false
}

fn first_members(log: &Log) -> BTreeSet<UserId> {
    match log.changes.get(1).map(|second| &second.body) {
        Some(ChangeBody::MembersAdded { members }) => members.iter().map(|member| member.id).collect(),
        _ => BTreeSet::new(),
    }
}
