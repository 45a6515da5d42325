//! Puts the changes of one conversation, which come from several nodes, back into the order of their seqs.

use std::collections::BTreeMap;
use trunkline_protocol::Seq;

/// Changes that may wait behind a hole. More are dropped, and read from the store when the hole is filled.
const WAITING: usize = 1_024;

/// The order of one conversation on one node. No I/O: whoever owns it reads the store when there is a [`Sequencer::gap`].
#[derive(Debug)]
pub struct Sequencer<T> {
    passed: Seq,
    heard: Seq,
    waiting: BTreeMap<Seq, T>,
}

impl<T> Sequencer<T> {
    /// Starts behind `passed`: everything up to there is known to be delivered or not wanted.
    #[must_use]
    pub const fn new(passed: Seq) -> Self {
        Self { passed, heard: passed, waiting: BTreeMap::new() }
    }

    /// Everything up to here went through.
    #[must_use]
    pub const fn passed(&self) -> Seq {
        self.passed
    }

    /// Takes a change in any order, any number of times; gives what can go through now, in order.
    pub fn offer(&mut self, seq: Seq, item: T) -> Vec<(Seq, T)> {
        self.heard = self.heard.max(seq);
        if seq <= self.passed {
            return Vec::new();
        }
        let next = seq == self.passed.next();
        if next && self.waiting.is_empty() {
            // Nearly always: what comes in order has no need of the map.
            self.passed = seq;
            return vec![(seq, item)];
        }
        if !next && self.waiting.len() >= WAITING {
            return Vec::new();
        }
        self.waiting.insert(seq, item);
        let mut ready = Vec::new();
        while let Some(item) = self.waiting.remove(&self.passed.next()) {
            self.passed = self.passed.next();
            ready.push((self.passed, item));
        }
        ready
    }

    /// The conversation is known to reach up to here.
    pub fn hear(&mut self, head: Seq) {
        self.heard = self.heard.max(head);
    }

    /// The first range that exists and has not come.
    #[must_use]
    pub fn gap(&self) -> Option<(Seq, Seq)> {
        let end = self.waiting.keys().next().map_or(self.heard, |first| first.previous());
        (end > self.passed).then_some((self.passed.next(), end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seqs(ready: Vec<(Seq, ())>) -> Vec<u64> {
        ready.into_iter().map(|(seq, ())| seq.0).collect()
    }

    #[test]
    fn changes_go_through_in_order_and_once() {
        let mut sequencer = Sequencer::new(Seq(3));
        assert_eq!(seqs(sequencer.offer(Seq(5), ())), Vec::<u64>::new());
        assert_eq!(sequencer.gap(), Some((Seq(4), Seq(4))));
        assert_eq!(seqs(sequencer.offer(Seq(4), ())), [4, 5]);
        assert_eq!(seqs(sequencer.offer(Seq(4), ())), Vec::<u64>::new());
        assert_eq!(sequencer.gap(), None);
    }

    #[test]
    fn a_head_that_was_only_heard_of_is_a_gap() {
        let mut sequencer: Sequencer<()> = Sequencer::new(Seq(0));
        sequencer.hear(Seq(2));
        assert_eq!(sequencer.gap(), Some((Seq(1), Seq(2))));
    }

    #[test]
    fn what_does_not_fit_behind_a_hole_is_found_again_as_a_gap() {
        let mut sequencer = Sequencer::new(Seq(0));
        for seq in 2..=(WAITING as u64 + 10) {
            sequencer.offer(Seq(seq), ());
        }
        assert_eq!(sequencer.offer(Seq(1), ()).len(), WAITING + 1);
        assert_eq!(sequencer.gap(), Some((Seq(WAITING as u64 + 2), Seq(WAITING as u64 + 10))));
    }
}
