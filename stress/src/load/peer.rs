//! One user of the load: a connection, what is on its way, and what was received.

use crate::check::Checker;
use crate::dialect::Dialect;
use crate::socket::Socket;
use crate::wire;
use std::collections::VecDeque;
use std::time::{SystemTime, UNIX_EPOCH};
use trunkline_protocol::limits;

/// Nanoseconds since the run began.
pub(crate) type Nanos = u64;

/// A message that is not done yet: it is when it was acknowledged and everybody else has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    key: u128,
    due: Nanos,
    number: u32,
    acked: bool,
    /// Devices that do not have it.
    lacking: u32,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Peer {
    /// The connection.
    pub(crate) socket: Option<Socket>,
    /// Place in the list of conversations.
    pub(crate) conversation: usize,
    /// Its id.
    pub(crate) id: u64,
    /// What came.
    pub(crate) checker: Checker,
    /// Whether the welcome came.
    live: bool,
    /// Whether it stands in the list of those that have something to write.
    pub(crate) dirty: bool,
    place: u32,
    numbered: u32,
    sent: VecDeque<Sent>,
    /// Messages that are due and have to wait: a client has no more than [`limits::IN_FLIGHT`] unanswered.
    waiting: VecDeque<Nanos>,
    unanswered: usize,
    undone: usize,
    held_until: Option<Nanos>,
    told: u64,
}

/// What an ack or a receipt led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// When the message was due.
    pub(crate) due: Nanos,
    /// Whether it is done now.
    pub(crate) done: bool,
}

/// What all peers of a run share.
#[derive(Debug)]
pub(crate) struct Writing {
    /// Behind the mark of every message.
    pub(crate) filler: Vec<u8>,
    /// Members of a conversation besides the sender.
    pub(crate) others: u32,
    /// Whom the load is put on.
    pub(crate) dialect: Dialect,
    /// For keys.
    pub(crate) random: u64,
    /// The frame that is being written.
    pub(crate) frame: Vec<u8>,
}

impl Writing {
    /// A key that nobody else has, as clients make them: a UUID of version 7, the time and then SplitMix64 (Steele, Lea,
    /// Flood 2014) from a random begin.
    fn key(&mut self) -> u128 {
        let mut next = || {
            self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            mixed ^ (mixed >> 31)
        };
        let random = u128::from(next()) << 64 | u128::from(next());
        let millis = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        random & !(0xF << 76) & !(0x3 << 62) & (u128::MAX >> 48) | millis << 80 | 7 << 76 | 2 << 62
    }
}

impl Peer {
    /// A user who has not connected yet.
    pub(crate) fn new(place: u32, conversation: usize, id: u64) -> Self {
        Self {
            socket: None,
            conversation,
            id,
            checker: Checker::new(0),
            live: false,
            dirty: false,
            place,
            numbered: 0,
            sent: VecDeque::new(),
            waiting: VecDeque::new(),
            unanswered: 0,
            undone: 0,
            held_until: None,
            told: 0,
        }
    }

    /// Welcomed, with the conversation at this head.
    pub(crate) fn welcomed(&mut self, head: u64) {
        (self.live, self.checker, self.told) = (true, Checker::new(head), head);
    }

    /// Messages that are not done, those that wait included.
    pub(crate) fn undone(&self) -> usize {
        self.undone + self.waiting.len()
    }

    /// Messages that were sent and not acknowledged, those that wait included; or not received, if nobody acknowledges.
    pub(crate) fn unacknowledged(&self, dialect: Dialect) -> usize {
        if dialect.acknowledges() { self.unanswered + self.waiting.len() } else { self.undone() }
    }

    /// A message is due.
    pub(crate) fn send(&mut self, due: Nanos, writing: &mut Writing) {
        self.waiting.push_back(due);
        self.pump(writing);
    }

    /// The node has stored a message at this seq. `None` if it said so before.
    pub(crate) fn acked(&mut self, key: u128, seq: u64, writing: &mut Writing) -> Option<Progress> {
        let sent = self.sent.iter_mut().find(|sent| sent.key == key).filter(|sent| !sent.acked)?;
        sent.acked = true;
        let progress = Progress { due: sent.due, done: sent.lacking == 0 };
        self.unanswered -= 1;
        self.checker.acked(seq);
        self.settle(progress);
        self.pump(writing);
        Some(progress)
    }

    /// Somebody has received the message with this number. `None` if it is not known, or was done.
    pub(crate) fn received(&mut self, number: u32) -> Option<Progress> {
        let first = self.sent.front()?.number;
        let sent = self.sent.get_mut(number.checked_sub(first)? as usize).filter(|sent| sent.lacking > 0)?;
        sent.lacking -= 1;
        let progress = Progress { due: sent.due, done: sent.acked && sent.lacking == 0 };
        self.settle(progress);
        Some(progress)
    }

    /// The node wants a message again at that time, and everything behind it.
    pub(crate) fn refused(&mut self, until: Nanos) {
        self.held_until.get_or_insert(until);
    }

    /// Sends again what was refused once its time has come, in order.
    pub(crate) fn resume(&mut self, now: Nanos, writing: &mut Writing) {
        if self.held_until.is_none_or(|until| now < until) {
            return;
        }
        self.held_until = None;
        let again: Vec<_> = self.sent.iter().filter(|sent| !sent.acked).copied().collect();
        for sent in again {
            self.write(sent, writing);
        }
        self.pump(writing);
    }

    /// Tells the node how far the user has come, if that is news.
    pub(crate) fn tell_cursor(&mut self, writing: &mut Writing) {
        let dense = self.checker.dense();
        if self.live && dense > self.told && writing.dialect == Dialect::Trunkline {
            self.told = dense;
            wire::write_cursor(&mut writing.frame, self.id, dense);
            self.text(&writing.frame);
        }
    }

    /// Puts a frame behind what is to be written.
    pub(crate) fn text(&mut self, frame: &[u8]) {
        if let Some(socket) = &mut self.socket {
            socket.text(frame);
        }
    }

    /// Says that the user is there, where clients do.
    pub(crate) fn ping(&mut self, dialect: Dialect) {
        if dialect == Dialect::Trunkline && self.live {
            self.text(br#"{"type":"ping"}"#);
        }
    }

    /// Answers a ping.
    pub(crate) fn pong(&mut self, payload: &[u8]) {
        if let Some(socket) = &mut self.socket {
            socket.pong(payload);
        }
    }

    /// Writes what goes.
    ///
    /// # Errors
    /// If the connection broke.
    pub(crate) fn flush(&mut self) -> anyhow::Result<()> {
        self.socket.as_mut().map_or(Ok(()), Socket::flush)
    }

    fn pump(&mut self, writing: &mut Writing) {
        while self.unanswered < limits::IN_FLIGHT
            && self.held_until.is_none()
            && let Some(due) = self.waiting.pop_front()
        {
            self.numbered += 1;
            let acked = !writing.dialect.acknowledges();
            let sent = Sent { key: writing.key(), due, number: self.numbered, acked, lacking: writing.others };
            self.sent.push_back(sent);
            self.unanswered += usize::from(!acked);
            self.undone += 1;
            self.write(sent, writing);
        }
    }

    fn settle(&mut self, progress: Progress) {
        if !progress.done {
            return;
        }
        self.undone -= 1;
        while self.sent.front().is_some_and(|sent| sent.acked && sent.lacking == 0) {
            self.sent.pop_front();
        }
    }

    fn write(&mut self, sent: Sent, writing: &mut Writing) {
        let mark = wire::Mark { due: sent.due, sender: self.place, number: sent.number };
        writing.dialect.write_send(&mut writing.frame, sent.key, self.id, mark, &writing.filler);
        self.text(&writing.frame);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writing into the void: what is tested is the counting.
    fn peer() -> (Peer, Writing) {
        let writing =
            Writing { filler: Vec::new(), others: 2, dialect: Dialect::Trunkline, random: 1, frame: Vec::new() };
        (Peer::new(0, 0, 1), writing)
    }

    #[test]
    fn a_message_is_done_when_it_is_acknowledged_and_everybody_has_it() {
        let (mut peer, mut writing) = peer();
        peer.send(5, &mut writing);
        let key = peer.sent[0].key;
        assert_eq!(peer.received(1), Some(Progress { due: 5, done: false }));
        assert_eq!(peer.acked(key, 1, &mut writing), Some(Progress { due: 5, done: false }));
        assert_eq!((peer.undone(), peer.unacknowledged(Dialect::Trunkline)), (1, 0));
        assert_eq!(peer.received(1), Some(Progress { due: 5, done: true }));
        assert_eq!((peer.undone(), peer.received(1), peer.acked(key, 1, &mut writing)), (0, None, None));
    }

    #[test]
    fn no_more_than_a_client_may_have_is_unanswered_and_the_time_a_message_waits_counts() {
        let (mut peer, mut writing) = peer();
        for due in 0..20 {
            peer.send(due, &mut writing);
        }
        assert_eq!((peer.sent.len(), peer.undone()), (limits::IN_FLIGHT, 20));
        let key = peer.sent[0].key;
        peer.acked(key, 1, &mut writing);
        assert_eq!(peer.sent.back().map(|sent| sent.due), Some(16));
    }

    #[test]
    fn a_refused_message_comes_again_with_all_behind_it_and_nothing_overtakes_it() {
        let (mut peer, mut writing) = peer();
        peer.send(1, &mut writing);
        peer.send(2, &mut writing);
        peer.refused(100);
        peer.send(3, &mut writing);
        peer.resume(99, &mut writing);
        assert_eq!((peer.held_until, peer.sent.len(), peer.waiting.len()), (Some(100), 2, 1));
        peer.resume(100, &mut writing);
        assert_eq!((peer.held_until, peer.sent.len(), peer.waiting.len()), (None, 3, 0));
    }

    #[test]
    fn keys_are_uuids_of_version_7() {
        let (_, mut writing) = peer();
        let (one, other) = (writing.key(), writing.key());
        assert_ne!(one, other);
        for key in [one, other] {
            assert_eq!(((key >> 76) & 0xF, (key >> 62) & 3), (7, 2));
        }
    }
}
