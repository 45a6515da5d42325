//! The part of the log that is held for showing.

use crate::ids::Seq;
use crate::limits::FETCH_CHANGES;
use crate::model::Change;
use crate::sorted::SortedMap;

/// A dense part of the log, from `first` up to what is applied.
#[derive(Clone, Debug)]
pub(super) struct Held {
    first: Seq,
    changes: Vec<Change>,
    /// First seq that is wanted before `first`.
    older: Option<Seq>,
    /// What has come of that and does not join on to `first` yet.
    apart: SortedMap<Seq, Change>,
}

impl Held {
    /// `changes` are dense from `first`.
    pub(super) const fn new(first: Seq, changes: Vec<Change>) -> Self {
        Self { first, changes, older: None, apart: SortedMap::new() }
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

    /// Keeps the newest `count`, and wants nothing before them.
    pub(super) fn keep_latest(&mut self, count: u64) {
        let spare = self.changes.len().saturating_sub(usize::try_from(count).unwrap_or(usize::MAX));
        self.changes.drain(..spare);
        self.first = Seq(self.first.0.saturating_add(spare as u64));
        self.older = None;
        self.apart.clear();
    }

    /// Wants up to `count` changes before the first, but none below `lowest`.
    pub(super) fn want_older(&mut self, count: u64, lowest: Seq) {
        if self.older.is_none() && self.first > lowest {
            self.older = Some(Seq(self.first.0.saturating_sub(count.min(FETCH_CHANGES))).max(lowest));
        }
    }

    /// The first range that is wanted before what is held and has not come.
    pub(super) fn wanted(&self) -> Option<(Seq, Seq)> {
        let from = self.older?;
        let missing = (from.0..self.first.0).map(Seq).find(|seq| !self.apart.contains_key(seq))?;
        let end = self.apart.first_from(&missing).unwrap_or(self.first);
        Some((missing, end.previous()))
    }

    /// Takes what it can use of an answer, which may be short, or come in portions, the last one first.
    pub(super) fn take_older(&mut self, changes: Vec<Change>) {
        let Some(older) = self.older else { return };
        let first = self.first;
        let useful = changes.into_iter().filter(|change| change.seq >= older && change.seq < first);
        self.apart.extend(useful.map(|change| (change.seq, change)));
        let mut joined = Vec::new();
        while let Some(change) = self.apart.remove(&self.first.previous()) {
            self.first = change.seq;
            joined.push(change);
        }
        joined.reverse();
        joined.append(&mut self.changes);
        self.changes = joined;
        self.older = self.older.filter(|&older| older < self.first);
    }
}
