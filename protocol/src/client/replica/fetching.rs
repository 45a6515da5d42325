//! What a replica asks of the node, and when.

use super::Replica;
use crate::ids::{Millis, Seq};
use crate::limits::FETCH_CHANGES;

/// A question that is on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    /// First seq of the range.
    from: Seq,
    /// When to ask it again.
    again: Millis,
}

impl Replica {
    /// When [`Replica::fetch`] may have something to ask, if nothing happens before.
    #[must_use]
    pub fn fetch_due(&self) -> Option<Millis> {
        self.wanted().map(|(from, _)| self.due(from))
    }

    /// The range to ask for now, if any. The same one not again before the answer, or `patience` milliseconds.
    pub fn fetch(&mut self, now: Millis, patience: Millis) -> Option<(Seq, Seq)> {
        let (from, to) = self.wanted()?;
        if now < self.due(from) {
            return None;
        }
        self.asked = Some(Asked { from, again: now + patience });
        Some((from, to))
    }

    /// The socket is gone, and with it the answers that were awaited.
    pub const fn socket_lost(&mut self) {
        self.asked = None;
    }

    fn wanted(&self) -> Option<(Seq, Seq)> {
        if self.applied < self.conversation.head {
            let end = self.ahead.keys().next().map_or(self.conversation.head, |first| first.previous());
            return Some((self.applied.next(), end.min(Seq(self.applied.0.saturating_add(FETCH_CHANGES)))));
        }
        self.held.as_ref()?.wanted()
    }

    /// When a range from `from` on may be asked for.
    fn due(&self, from: Seq) -> Millis {
        // Every useful answer moves the range that is wanted. Two ends that disagree must not spin.
        let again = self.asked.filter(|asked| asked.from == from).map(|asked| asked.again);
        // What the description tells of will not come by itself; what overtook its neighbours may be followed by them.
        let young = self.hole_due.filter(|_| self.applied >= self.described);
        again.or(young).unwrap_or(0)
    }
}
