//! The part of the log that is held for showing.

use crate::ids::Seq;
use crate::limits::FETCH_CHANGES;
use crate::model::Change;

/// A dense part of the log, from `first` up to what is applied.
#[derive(Clone, Debug)]
pub(super) struct Held {
    first: Seq,
    changes: Vec<Change>,
    /// First seq that is wanted before `first`.
    older: Option<Seq>,
    /// What has come of it: dense from `older`, but not up to `first` yet.
    part: Vec<Change>,
}

impl Held {
    /// `changes` are dense from `first`.
    pub(super) const fn new(first: Seq, changes: Vec<Change>) -> Self {
        Self { first, changes, older: None, part: Vec::new() }
    }

    /// The seq of the first change, or of the one that will be.
    pub(super) const fn first(&self) -> Seq {
        self.first
    }

    /// What is held, ascending and dense.
    pub(super) fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Adds the next change at the end.
    pub(super) fn push(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// Wants up to `count` changes before the first, but none below `lowest`.
    pub(super) fn want_older(&mut self, count: u64, lowest: Seq) {
        if self.older.is_none() && self.first > lowest {
            self.older = Some(Seq(self.first.0.saturating_sub(count.min(FETCH_CHANGES))).max(lowest));
        }
    }

    /// The range that is wanted before the first, as far as it has not come.
    pub(super) fn wanted(&self) -> Option<(Seq, Seq)> {
        let next = self.part.last().map_or(self.older?, |last| last.seq.next());
        Some((next, self.first.previous()))
    }

    /// Takes what it can use of an answer. An answer may be shorter than what was asked for: the rest is asked for
    /// then. Returns whether anything was of use.
    pub(super) fn take_older(&mut self, changes: Vec<Change>) -> bool {
        let mut used = false;
        for change in changes {
            if self.wanted().is_some_and(|(next, _)| change.seq == next) {
                self.part.push(change);
                used = true;
            }
        }
        if let Some((next, last)) = self.wanted()
            && next > last
        {
            self.first = self.part.first().map_or(self.first, |first| first.seq);
            self.part.append(&mut self.changes);
            std::mem::swap(&mut self.part, &mut self.changes);
            self.older = None;
        }
        used
    }
}
