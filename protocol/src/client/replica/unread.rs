//! How many messages a user has not read, exactly.
//!
//! The node counts in one transaction: so many messages by others behind the read cursor `read`, up to `head`.
//! Both marks only grow, so of two counts the one with the higher marks is the later one, in whatever order they
//! arrive. What is applied behind `head` is added here; what the user reads on this device counts at once, before the
//! node has heard of it.

use crate::ids::{Seq, UserId};
use crate::model::Change;

/// The count and what it is made of.
#[derive(Clone, Debug)]
pub(super) struct Unread {
    count: u64,
    read: Seq,
    head: Seq,
    /// Messages by others that were applied behind `head`, ascending.
    behind: Vec<Seq>,
    /// How far the user has read, as far as this device knows. May be ahead of what the node knows.
    mine: Seq,
}

impl Unread {
    /// The node's count at `head`.
    pub(super) const fn new(count: u64, head: Seq) -> Self {
        Self { count, read: Seq(0), head, behind: Vec::new(), mine: Seq(0) }
    }

    /// How far the user has read, as far as this device knows.
    pub(super) const fn mine(&self) -> Seq {
        self.mine
    }

    /// The node has counted behind `read` up to `head`. `known` is how far the user is known to have read.
    pub(super) fn given(&mut self, count: u64, read: Seq, head: Seq, known: Seq) {
        self.mine = self.mine.max(read);
        if read < self.read.max(known) || head < self.head {
            return;
        }
        (self.count, self.read, self.head) = (count, read, head);
        self.behind.retain(|&seq| seq > head);
    }

    /// A change was applied. Only the first time counts.
    pub(super) fn applied(&mut self, me: UserId, change: &Change) {
        let last = self.behind.last().copied().unwrap_or_default();
        if counts(me, change) && change.seq > self.head.max(self.mine).max(last) {
            self.behind.push(change.seq);
        }
    }

    /// The user has read up to `seq`.
    pub(super) fn read_to(&mut self, seq: Seq) {
        self.mine = self.mine.max(seq);
        let mine = self.mine;
        self.behind.retain(|&at| at > mine);
    }

    /// What is unread. `held` is the dense part of the log that is at hand.
    pub(super) fn shown(&self, me: UserId, held: &[Change]) -> u64 {
        let behind = self.behind.len() as u64;
        if self.mine <= self.read {
            return self.count.saturating_add(behind);
        }
        if self.mine >= self.head {
            return behind;
        }
        let reaches = |seq: Seq| held.first().is_some_and(|first| first.seq <= seq.next());
        let covered = reaches(self.mine) && held.last().is_some_and(|last| last.seq >= self.head);
        if covered {
            let between = held.iter().filter(|change| change.seq > self.mine && change.seq <= self.head);
            return between.filter(|change| counts(me, change)).count() as u64 + behind;
        }
        // The log between is not here to count. The node's answer to the cursor brings the number.
        self.count.saturating_add(behind)
    }
}

/// Whether a change is a message that the user has to read.
fn counts(me: UserId, change: &Change) -> bool {
    change.author != me && change.body.text().is_some()
}
