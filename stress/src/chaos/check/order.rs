//! I6: an ack before another send begins means a lower seq, and one device's sends keep their order.

use super::Evidence;
use std::collections::{BTreeMap, HashMap};
use trunkline_protocol::{ConversationId, SendKey, Seq};

/// What is out of order.
pub(super) fn broken(evidence: &Evidence) -> Vec<String> {
    let mut wrong = Vec::new();
    let stored = stored(evidence);
    let mut last: BTreeMap<(usize, ConversationId), (Seq, SendKey)> = BTreeMap::new();
    // In the order in which they were sent.
    for sent in &evidence.sent {
        let Some(&seq) = stored.get(&sent.key) else { continue };
        let before = last.insert((sent.device, sent.conversation), (seq, sent.key));
        if let Some((before, key)) = before.filter(|(before, _)| *before >= seq) {
            let (device, here) = (sent.device, sent.conversation);
            wrong.push(format!(
                "device {device} sent {} after {key}, and it has {seq} after {before} in {here}",
                sent.key
            ));
        }
    }
    wrong.extend(overtaken(evidence, &stored));
    wrong
}

/// Where each key is in the logs.
fn stored(evidence: &Evidence) -> HashMap<SendKey, Seq> {
    let changes = evidence.logs.values().flat_map(|log| &log.changes);
    changes.filter_map(|change| Some((change.key?, change.seq))).collect()
}

/// Sends that began after an ack and got a lower seq.
fn overtaken(evidence: &Evidence, stored: &HashMap<SendKey, Seq>) -> Vec<String> {
    let mut acked = evidence.acked.clone();
    acked.sort_by_key(|acked| acked.at);
    let mut sent: Vec<_> = evidence.sent.iter().filter_map(|sent| Some((sent, *stored.get(&sent.key)?))).collect();
    sent.sort_by_key(|(sent, _)| sent.at);
    let (mut wrong, mut next) = (Vec::new(), acked.into_iter().peekable());
    let mut highest: BTreeMap<ConversationId, Seq> = BTreeMap::new();
    for (sent, seq) in sent {
        while let Some(acked) = next.next_if(|acked| acked.at < sent.at) {
            let highest = highest.entry(acked.conversation).or_default();
            *highest = (*highest).max(acked.seq);
        }
        if let Some(highest) = highest.get(&sent.conversation).filter(|highest| **highest >= seq) {
            wrong.push(format!(
                "{} was sent after the ack of {highest} in {}, and has {seq}",
                sent.key, sent.conversation
            ));
        }
    }
    wrong
}
