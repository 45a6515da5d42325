//! Whether what a device was handed is what the protocol promises: every seq once, changes in the order of their
//! seqs, every sender's messages in the order they were sent, and none missing in the end.
//!
//! A device sees an entry of a log as a change, or, if it sent it itself, as an ack. An ack may come before changes with
//! lower seqs, which are on their way from another node: the device knows of the hole and waits for them.

use std::collections::{BTreeSet, HashMap};

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Faults {
    /// Entries of a log that a device lacks in the end, and messages that were never acknowledged.
    pub(crate) lost: u64,
    /// Entries that came once more.
    pub(crate) doubled: u64,
    /// Changes that came behind one with a higher seq, and messages that came behind a later one of their sender.
    pub(crate) reordered: u64,
    /// Messages that are not what was sent.
    pub(crate) altered: u64,
}

impl Faults {
    /// Whether there are none.
    pub(crate) fn is_clean(&self) -> bool {
        *self == Self::default()
    }
}

impl std::ops::AddAssign for Faults {
    fn add_assign(&mut self, other: Self) {
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.reordered += other.reordered;
        self.altered += other.altered;
    }
}

/// One device in one conversation.
#[derive(Debug)]
pub(crate) struct Checker {
    /// Everything up to here was seen.
    dense: u64,
    /// What was seen beyond a hole.
    ahead: BTreeSet<u64>,
    /// Own messages that came as changes and are not acknowledged yet.
    early: BTreeSet<u64>,
    /// The last change.
    last: u64,
    /// The number of each sender's last message here.
    senders: HashMap<u32, u32>,
    faults: Faults,
}

impl Checker {
    /// A device that is told everything behind this head.
    pub(crate) fn new(head: u64) -> Self {
        let (ahead, early) = (BTreeSet::new(), BTreeSet::new());
        Self { dense: head, ahead, early, last: head, senders: HashMap::new(), faults: Faults::default() }
    }

    /// The highest seq up to which nothing is missing.
    pub(crate) const fn dense(&self) -> u64 {
        self.dense
    }

    /// An own message was acknowledged.
    pub(crate) fn acked(&mut self, seq: u64) {
        if !self.see(seq) && !self.early.remove(&seq) {
            self.faults.doubled += 1;
        }
    }

    /// A change came, with the number that its sender gave it. Returns whether it is new to the device.
    pub(crate) fn changed(&mut self, seq: u64, sender: u32, number: u32) -> bool {
        if !self.see(seq) {
            self.faults.doubled += 1;
            return false;
        }
        // Both kinds of order, though one change can break both: the seqs are the node's word, the numbers the sender's.
        let before = self.senders.insert(sender, number);
        if seq < self.last || before.is_some_and(|before| number <= before) {
            self.faults.reordered += 1;
        }
        self.last = self.last.max(seq);
        true
    }

    /// A message came that is in no log. Returns whether it is new to the device. What is lost only its sender can tell.
    pub(crate) fn relayed(&mut self, sender: u32, number: u32) -> bool {
        let before = self.senders.get(&sender).copied().unwrap_or(0);
        self.senders.insert(sender, number.max(before));
        self.faults.doubled += u64::from(number == before);
        self.faults.reordered += u64::from(number < before);
        number > before
    }

    /// An own message came as a change: from a node that read it from the store to fill a hole, which does not know who
    /// has its ack. A client drops it, so that it is no fault, only waste.
    pub(crate) fn echoed(&mut self, seq: u64) {
        if self.see(seq) {
            self.early.insert(seq);
        }
    }

    /// A message came whose text is not what was sent.
    pub(crate) fn altered(&mut self, seq: u64) {
        self.see(seq);
        self.faults.altered += 1;
    }

    /// What was found, given the conversation's head in the end.
    pub(crate) fn finish(&self, head: u64) -> Faults {
        let seen = self.dense + self.ahead.len() as u64;
        Faults { lost: self.faults.lost + head.saturating_sub(seen), ..self.faults }
    }

    fn see(&mut self, seq: u64) -> bool {
        if seq <= self.dense {
            return false;
        }
        if seq > self.dense + 1 {
            return self.ahead.insert(seq);
        }
        self.dense = seq;
        while self.ahead.first() == Some(&(self.dense + 1)) {
            self.ahead.pop_first();
            self.dense += 1;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Faults = Faults { lost: 0, doubled: 0, reordered: 0, altered: 0 };

    /// A device behind seq 10: the peer's messages 11, 13, 14 and its own 12.
    fn after(changes: &[(u64, u32)], own: &[u64]) -> Faults {
        let mut checker = Checker::new(10);
        own.iter().for_each(|&seq| checker.acked(seq));
        for &(seq, number) in changes {
            checker.changed(seq, 1, number);
        }
        checker.finish(14)
    }

    #[test]
    fn an_ack_that_comes_before_lower_changes_is_no_fault() {
        assert_eq!(after(&[(11, 1), (13, 2), (14, 3)], &[12]), NONE);
    }

    #[test]
    fn a_lost_message_is_found() {
        assert_eq!(after(&[(11, 1), (14, 3)], &[12]), Faults { lost: 1, ..NONE });
    }

    #[test]
    fn a_lost_last_message_is_found() {
        assert_eq!(after(&[(11, 1), (13, 2)], &[12]), Faults { lost: 1, ..NONE });
    }

    #[test]
    fn a_lost_ack_is_found() {
        assert_eq!(after(&[(11, 1), (13, 2), (14, 3)], &[]), Faults { lost: 1, ..NONE });
    }

    #[test]
    fn a_doubled_message_is_found() {
        assert_eq!(after(&[(11, 1), (13, 2), (13, 2), (14, 3)], &[12]), Faults { doubled: 1, ..NONE });
        assert_eq!(after(&[(11, 1), (13, 2), (14, 3), (11, 1)], &[12]), Faults { doubled: 1, ..NONE });
    }

    #[test]
    fn an_own_message_that_comes_as_a_change_too_is_no_fault() {
        let mut checker = Checker::new(10);
        checker.acked(11);
        checker.echoed(11);
        checker.echoed(12);
        checker.acked(12);
        assert_eq!(checker.finish(12), NONE);
        checker.acked(12);
        assert_eq!(checker.finish(12), Faults { doubled: 1, ..NONE });
    }

    #[test]
    fn order_and_doubles_are_found_without_a_log_too() {
        let mut checker = Checker::new(0);
        let fresh =
            [(1, 1), (1, 2), (2, 1), (1, 2), (1, 1), (1, 5)].map(|(sender, number)| checker.relayed(sender, number));
        assert_eq!(fresh, [true, true, true, false, false, true]);
        assert_eq!(checker.finish(0), Faults { doubled: 1, reordered: 1, ..NONE });
    }

    #[test]
    fn an_ack_that_names_a_seq_of_somebody_else_is_found() {
        assert_eq!(after(&[(11, 1), (12, 2), (13, 3), (14, 4)], &[12]), Faults { doubled: 1, ..NONE });
    }

    #[test]
    fn a_message_that_was_changed_on_its_way_is_found() {
        let mut checker = Checker::new(10);
        checker.altered(11);
        assert_eq!(checker.finish(11), Faults { altered: 1, ..NONE });
    }

    #[test]
    fn messages_in_the_wrong_order_are_found() {
        assert_eq!(after(&[(11, 1), (14, 3), (13, 2)], &[12]), Faults { reordered: 1, ..NONE });
    }

    #[test]
    fn a_sender_whose_messages_were_stored_in_the_wrong_order_is_found() {
        assert_eq!(after(&[(11, 2), (13, 1), (14, 3)], &[12]), Faults { reordered: 1, ..NONE });
    }
}
