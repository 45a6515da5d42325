//! Which cursor moves are still to be told: coalesced to one a second and conversation.

use crate::ids::{ConversationId, Millis, Seq};
use crate::sorted::SortedMap;

/// How often one conversation's cursors are told at most, in milliseconds.
const EVERY: Millis = 1_000;

#[derive(Clone, Copy, Debug)]
struct Move {
    delivered: Seq,
    read: Seq,
    due: Option<Millis>,
    told: Millis,
}

/// Cursor moves that wait to be told.
#[derive(Clone, Debug, Default)]
pub struct CursorMoves {
    moves: SortedMap<ConversationId, Move>,
}

impl CursorMoves {
    /// A conversation's cursors stand here now.
    pub fn moved(&mut self, now: Millis, conversation: ConversationId, delivered: Seq, read: Seq) {
        let entry =
            self.moves.get_or_insert_with(conversation, || Move { delivered, read, due: None, told: now - EVERY });
        entry.delivered = entry.delivered.max(delivered);
        entry.read = entry.read.max(read);
        entry.due.get_or_insert(now.max(entry.told + EVERY));
    }

    /// When the next move is to be told.
    #[must_use]
    pub fn due(&self) -> Option<Millis> {
        self.moves.values().filter_map(|entry| entry.due).min()
    }

    /// The moves to tell now.
    pub fn take_due(&mut self, now: Millis) -> Vec<(ConversationId, Seq, Seq)> {
        let mut due = Vec::new();
        for (&conversation, entry) in self.moves.iter_mut() {
            if entry.due.is_some_and(|at| now >= at) {
                entry.due = None;
                entry.told = now;
                due.push((conversation, entry.delivered, entry.read));
            }
        }
        due
    }

    /// The conversation is gone.
    pub fn forget(&mut self, conversation: ConversationId) {
        self.moves.remove(&conversation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_move_is_told_at_once_and_the_next_ones_together_a_second_later() {
        let (mut moves, here) = (CursorMoves::default(), ConversationId(1));
        moves.moved(5_000, here, Seq(1), Seq(1));
        assert_eq!(moves.take_due(5_000), [(here, Seq(1), Seq(1))]);
        moves.moved(5_100, here, Seq(2), Seq(1));
        moves.moved(5_200, here, Seq(3), Seq(3));
        assert_eq!((moves.take_due(5_900), moves.due()), (vec![], Some(6_000)));
        assert_eq!(moves.take_due(6_000), [(here, Seq(3), Seq(3))]);
        assert_eq!(moves.due(), None);
    }
}
