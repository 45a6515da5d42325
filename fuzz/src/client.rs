//! The client's state machine under a drawn run: sockets that open and break, frames in any order and with anything in
//! them, a user who does anything, a clock that jumps.
//!
//! The node of such a run keeps to nothing, so what depends on its honesty is not asked for. What is:
//! a text is kept until the node has named its key, or the user has given it up; no more is in flight than may be;
//! nothing is written to a socket that is not there, and there are two at most; what is held of a log is dense; cursors
//! and positions go back only with the history; and the machine comes to rest.

use crate::draw::{Draw, ME, key};
use std::collections::{BTreeMap, BTreeSet};
use trunkline_protocol::client::outbox::EntryState;
use trunkline_protocol::client::{Action, Client, Event, Link, Socket};
use trunkline_protocol::{ConversationId, Millis, Position, SendKey, Seq, ServerFrame, limits};

/// Events in one run: beyond that, runs only take longer.
const EVENTS: usize = 300;
/// What a clock may do at once, in milliseconds.
const STEPS: [Millis; 10] = [0, 1, 50, 150, 250, 1_000, 5_000, 8_000, 60_000, -30_000];
/// What sockets are closed with.
const CODES: [Option<u16>; 8] =
    [None, Some(1000), Some(1006), Some(1009), Some(4000), Some(4001), Some(4500), Some(4501)];

/// One drawn run.
pub fn run(data: &[u8]) {
    let mut world = World::new();
    let mut draw = Draw(data);
    for _ in 0..EVENTS {
        if draw.is_empty() {
            break;
        }
        world.step(&mut draw);
        world.carry_out();
        world.check();
    }
    world.comes_to_rest();
}

struct World {
    client: Client,
    now: Millis,
    /// All that were ever asked for, in order.
    sockets: Vec<Socket>,
    open: BTreeSet<Socket>,
    /// How many keys were made.
    made: u8,
    /// What the host keeps, as after a reload.
    kept: BTreeMap<u128, String>,
    /// Keys that may be forgotten: the node has named them, or the user has given them up.
    settled: BTreeSet<u128>,
    cursors: BTreeMap<ConversationId, (Seq, Seq)>,
    position: Position,
}

impl World {
    fn new() -> Self {
        Self {
            client: Client::new(ME, 7, Vec::new()),
            now: 1_000_000,
            sockets: Vec::new(),
            open: BTreeSet::new(),
            made: 0,
            kept: BTreeMap::new(),
            settled: BTreeSet::new(),
            cursors: BTreeMap::new(),
            position: Position(0),
        }
    }

    fn step(&mut self, draw: &mut Draw<'_>) {
        let now = self.now;
        match draw.one_of(24) {
            0 => self.client.connect(now),
            1 | 2 => self.with_socket(draw, |client, socket, _| client.opened(socket)),
            3 => {
                let code = CODES[usize::from(draw.one_of(8))];
                self.with_socket(draw, |client, socket, open| {
                    open.remove(&socket);
                    client.closed(now, socket, code);
                });
            }
            4 | 5 => {
                self.now += STEPS[usize::from(draw.one_of(10))];
                self.client.tick(self.now);
            }
            6 => self.client.network_lost(),
            7 | 8 => self.send(draw),
            9 => self.client.read(now, draw.conversation_id(), draw.seq()),
            10 => self.client.hold_latest(now, draw.conversation_id(), draw.number()),
            11 => self.client.load_older(now, draw.conversation_id(), draw.number()),
            12 => self.client.keep_latest(draw.conversation_id(), draw.number()),
            13 => self.client.typing(now, draw.conversation_id()),
            14 => self.client.watch((0..draw.one_of(4)).map(|_| draw.user()).collect()),
            15 => self.client.retry(now, draw.key(self.made)),
            16 => self.discard(draw),
            17 => self.hold(draw),
            _ => {
                let frame = draw.frame(self.made);
                self.name(&frame);
                self.with_socket(draw, |client, socket, _| client.received(now, socket, frame));
            }
        }
    }

    /// With the newest socket, or the one before; as a host does, only with one that is there.
    fn with_socket(&mut self, draw: &mut Draw<'_>, act: impl FnOnce(&mut Client, Socket, &mut BTreeSet<Socket>)) {
        let back = usize::from(draw.one_of(4) == 1);
        if let Some(&socket) = self.sockets.iter().rev().nth(back) {
            act(&mut self.client, socket, &mut self.open);
        }
    }

    fn send(&mut self, draw: &mut Draw<'_>) {
        if self.made < 200 {
            let key = key(self.made);
            self.made += 1;
            self.client.send(self.now, key, draw.conversation_id(), draw.text());
        }
    }

    fn discard(&mut self, draw: &mut Draw<'_>) {
        let key = draw.key(self.made);
        if let Some(text) = self.client.discard(key) {
            assert_eq!(self.kept.get(&number(key)), Some(&text), "what is given up is given back");
            self.settled.insert(number(key));
        }
    }

    /// What a page brings, which is dense.
    fn hold(&mut self, draw: &mut Draw<'_>) {
        let (conversation, from) = (draw.conversation_id(), draw.seq());
        let seqs = (0..u64::from(draw.one_of(8))).filter_map(|at| from.0.checked_add(at));
        let changes: Vec<_> = seqs.map(|seq| draw.change(conversation, Seq(seq), 0)).collect();
        self.settled.extend(changes.iter().filter_map(|change| change.key).map(number));
        self.client.hold(self.now, conversation, from, changes);
    }

    /// Remembers which keys a frame says are stored.
    fn name(&mut self, frame: &ServerFrame) {
        let keys: Vec<SendKey> = match frame {
            ServerFrame::Ack { key, .. } => vec![*key],
            ServerFrame::Change { change } => change.key.into_iter().collect(),
            ServerFrame::Range { changes, .. } => changes.iter().filter_map(|change| change.key).collect(),
            _ => Vec::new(),
        };
        self.settled.extend(keys.into_iter().map(number));
    }

    /// Does what a host does.
    fn carry_out(&mut self) {
        for action in self.client.take_actions() {
            match action {
                Action::Connect(socket) => {
                    self.sockets.push(socket);
                    self.open.insert(socket);
                    assert!(self.open.len() <= 2, "{:?}", self.open);
                }
                Action::Disconnect(socket) => {
                    self.open.remove(&socket);
                }
                Action::Transmit(socket, _) => assert!(self.open.contains(&socket), "{socket:?} is not there"),
                Action::Keep(entry) => {
                    self.kept.insert(number(entry.key), entry.text);
                }
                Action::Forget(key) => {
                    self.kept.remove(&number(key));
                    assert!(self.settled.contains(&number(key)), "{key} was forgotten by itself");
                }
                Action::Notify(Event::Reset) => {
                    self.cursors.clear();
                    self.position = Position(0);
                }
                Action::Notify(Event::Left(conversation)) => {
                    self.cursors.remove(&conversation);
                }
                Action::Notify(_) => {}
            }
        }
    }

    fn check(&mut self) {
        let ids = [1, 2, 3].map(ConversationId);
        let entries: Vec<_> = ids.iter().flat_map(|&id| self.client.outbox(id)).collect();
        let in_flight = entries.iter().filter(|entry| entry.state == EntryState::InFlight).count();
        assert!(in_flight <= limits::IN_FLIGHT, "{in_flight} in flight");
        let shown: BTreeMap<_, _> = entries.iter().map(|entry| (number(entry.key), entry.text.clone())).collect();
        assert_eq!(shown, self.kept, "what is shown as on its way is what is kept");
        for replica in self.client.replicas() {
            let id = replica.conversation().id;
            let dense = replica.held().windows(2).all(|two| two[0].seq.0.checked_add(1) == Some(two[1].seq.0));
            assert!(dense, "a hole in what is held");
            let cursors = replica.cursors();
            let before = self.cursors.insert(id, cursors).unwrap_or_default();
            assert!(cursors.0 >= before.0 && cursors.1 >= before.1, "{cursors:?} after {before:?}");
        }
        let (_, position) = self.client.position();
        assert!(position >= self.position, "{position:?} after {:?}", self.position);
        self.position = position;
    }

    /// With nobody who answers, nothing but the link's own tries goes on.
    fn comes_to_rest(&mut self) {
        for _ in 0..50 {
            let Some(due) = self.client.deadline() else { return };
            self.now = self.now.max(due);
            self.client.tick(self.now);
            let spins = self.client.deadline().is_some_and(|next| next <= self.now);
            let idle = self.client.take_actions().is_empty();
            assert!(!(spins && idle), "it is due again at once, and does nothing: {:?}", self.client.link());
            if matches!(self.client.link(), Link::Stopped(_) | Link::Offline) {
                return;
            }
        }
    }
}

const fn number(key: SendKey) -> u128 {
    key.0.as_u128()
}
