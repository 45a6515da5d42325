//! How things stand in the end: 15 seconds after the last fault was mended.

use super::Verdict;
use crate::rest::{DeviceAtRest, Outcome};
use std::collections::BTreeSet;
use trunkline_protocol::client::outbox::EntryState;
use trunkline_protocol::{ErrorCode, Seq, UserId};

fn live(outcome: &Outcome) -> impl Iterator<Item = &DeviceAtRest> {
    outcome.devices.iter().filter(|device| device.is_live())
}

/// **I9** Unread is exact, and equal on all devices at rest.
pub fn unread_is_exact(outcome: &Outcome, verdict: &mut Verdict) {
    let Some(now) = outcome.now() else { return };
    for device in live(outcome) {
        for (id, shown) in &device.shown {
            let (Some(log), Some(member)) = (now.logs.get(id), shown.conversation.member(device.user)) else {
                continue;
            };
            let behind = log.changes.iter().filter(|change| change.seq > member.read && change.seq >= member.since);
            let exact = behind.filter(|change| change.author != device.user && change.body.text().is_some()).count();
            if shown.conversation.unread != exact as u64 {
                let what =
                    format!("device {} shows {} unread in {id}: {exact}", device.number, shown.conversation.unread);
                verdict.wrong(9, what);
            }
        }
    }
}

/// **I11** Within 15 s of the last fault everything is delivered and every send resolved. With it the second half of
/// **I1**: every live device of every member has what was acknowledged.
pub fn everything_is_settled(outcome: &Outcome, verdict: &mut Verdict) {
    let Some(now) = outcome.now() else { return };
    for device in outcome.devices.iter().filter(|device| device.belongs()) {
        let number = device.number;
        if !device.is_live() {
            verdict.wrong(11, format!("device {number} is not connected: {:?}", device.link));
            continue;
        }
        if !device.settled || device.waiting().next().is_some() {
            let waiting: Vec<_> = device.waiting().collect();
            verdict.wrong(11, format!("device {number} waits for answers: {waiting:?}"));
        }
        for entry in &device.kept {
            if let EntryState::Failed { code, .. } = &entry.state
                && !matches!(code, ErrorCode::NotAMember | ErrorCode::UnknownConversation)
            {
                verdict.wrong(11, format!("device {number} was refused {} for good: {code}", entry.key));
            }
        }
        for (id, shown) in &device.shown {
            let Some(log) = now.logs.get(id) else { continue };
            let head = log.changes.last().map_or(Seq(0), |last| last.seq);
            if shown.applied != head {
                verdict.wrong(1, format!("device {number} has {id} up to {} of {head}", shown.applied));
                verdict.wrong(11, format!("device {number} has {id} up to {} of {head}", shown.applied));
            }
        }
    }
}

/// How long after their last connection somebody may still be told to be online, in milliseconds.
const OFFLINE_WITHIN: u64 = 15_000;

/// **I13** A dead node's users are offline within 15 s: in the end everybody is told to be where they are, or just were. (A
/// living node takes 45 s to find out that somebody is gone whose connection was cut in silence; they count as there.)
pub fn the_dead_are_offline(outcome: &Outcome, verdict: &mut Verdict) {
    let here: BTreeSet<UserId> = live(outcome).map(|device| device.user).collect();
    for device in live(outcome) {
        for (&user, &online) in &device.presence {
            let was_here = outcome.connected.get(&user).is_some_and(|at| at + OFFLINE_WITHIN >= outcome.at);
            if if online { !was_here } else { here.contains(&user) } {
                let state = if online { "online" } else { "offline" };
                verdict.wrong(13, format!("device {} is told that {user} is {state}, which is not so", device.number));
            }
        }
    }
}

/// **I17** The state built from live events equals the state of a fresh load.
pub fn live_and_fresh_are_the_same(outcome: &Outcome, verdict: &mut Verdict) {
    let Some(now) = outcome.now() else { return };
    for device in live(outcome) {
        let number = device.number;
        if device.epoch != Some(now.epoch) {
            verdict.wrong(10, format!("device {number} believes in {:?}", device.epoch));
        }
        let known: BTreeSet<_> = device.shown.keys().chain(device.fresh.keys()).collect();
        for id in known {
            let (shown, fresh) = (device.shown.get(id), device.fresh.get(id));
            if shown.map(|shown| &shown.conversation) != fresh {
                let what = format!("device {number}, conversation {id}: shown {shown:?}, loaded {fresh:?}");
                verdict.wrong(17, what);
                continue;
            }
            let (Some(shown), Some(log)) = (shown, now.logs.get(id)) else { continue };
            let Some(held) = &shown.held else { continue };
            let first = held.first().map_or(shown.applied.next(), |first| first.seq);
            let lowest = shown.conversation.since.max(Seq(1));
            let from = usize::try_from(first.0.saturating_sub(1)).unwrap_or(usize::MAX);
            let whole = log.changes.get(from..) == Some(held.as_slice());
            if !whole || first < lowest || held.is_empty() && shown.conversation.head >= lowest {
                verdict.wrong(17, format!("device {number} shows another log of {id}, from {first}"));
            }
        }
    }
}
