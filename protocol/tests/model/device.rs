//! A client's host, and what must hold at every moment.

use super::node::Connection;
use super::script::Step;
use super::world::{Due, World};
use std::collections::{BTreeMap, BTreeSet};
use trunkline_protocol::client::outbox::{Entry, EntryState};
use trunkline_protocol::client::{Action, Client, Event, Link, Socket};
use trunkline_protocol::{Change, ClientFrame, ConversationId, Epoch, Millis, Position, SendKey, Seq, UserId};
use uuid::Uuid;

/// Frames that are not sends, in one virtual second: far above what three conversations need, far below a busy loop.
const FRAMES_A_SECOND: usize = 80;

/// What is about to go wrong for a device.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    pub crash: bool,
    /// So many sends will be refused, to be tried again after so many milliseconds.
    pub refuse: (u8, u32),
}

/// How many tries of a hundred to move come to the node that is stopping, or to none.
const MOVES_REFUSED: u64 = 30;

/// A browser tab: a client, its socket (two while it moves), and what survives a reload.
pub(crate) struct Device {
    pub user: UserId,
    pub client: Client,
    pub holds_all: bool,
    /// Its open sockets, and which connection each of them is.
    pub sockets: BTreeMap<Socket, u64>,
    pub storage: BTreeMap<SendKey, Entry>,
    /// What the user sent, in their order.
    pub sent: Vec<SendKey>,
    pub faults: Faults,
    pub slow_until: Millis,
    /// What the page wants to show. It asks once.
    pub held: BTreeSet<ConversationId>,
    /// Frames written that were not pings.
    pub frames: usize,
    seen: Seen,
}

/// What was seen of a client, to notice when something goes back.
#[derive(Default)]
struct Seen {
    kept: BTreeSet<SendKey>,
    cursors: BTreeMap<ConversationId, Millis>,
    applied: BTreeMap<ConversationId, Seq>,
    read: BTreeMap<ConversationId, (Seq, Seq)>,
    /// Head, last message and end of the held log, by conversation and since when the user is in it.
    ends: BTreeMap<(ConversationId, Seq), [Seq; 3]>,
    position: (Option<Epoch>, Position),
    second: (Millis, usize),
}

impl Device {
    /// Which of its sockets a connection is, if it is open.
    pub(crate) fn socket_of(&self, connection: u64) -> Option<Socket> {
        self.sockets.iter().find(|(_, of)| **of == connection).map(|(&socket, _)| socket)
    }

    pub(crate) fn new(user: UserId, seed: u64, holds_all: bool) -> Self {
        Self {
            user,
            client: Client::new(user, seed, Vec::new()),
            holds_all,
            sockets: BTreeMap::new(),
            storage: BTreeMap::new(),
            sent: Vec::new(),
            faults: Faults::default(),
            slow_until: 0,
            held: BTreeSet::new(),
            frames: 0,
            seen: Seen::default(),
        }
    }

    /// The page is loaded again: what it had sent may still arrive, what it was told is gone.
    pub(crate) fn replace(&mut self, client: Client, holds_all: bool) {
        (self.client, self.holds_all) = (client, holds_all);
        self.sockets.clear();
        self.held.clear();
        self.seen = Seen { kept: self.storage.keys().copied().collect(), ..Seen::default() };
    }

    pub(crate) fn tick(&mut self, now: Millis) {
        self.client.tick(now);
        let next = self.client.deadline();
        assert!(next.is_none_or(|next| next > now), "a busy loop: after a tick at {now} the next is due at {next:?}");
    }

    /// What must hold whenever something has happened.
    fn check(&mut self) {
        if self.client.link() == Link::Live {
            // After a reset what is not there any more is not shown either.
            self.held.retain(|&id| self.client.replica(id).is_some());
        }
        let position = self.client.position();
        if position.0 == self.seen.position.0 {
            assert!(position.1 >= self.seen.position.1, "the position went back");
        }
        self.seen.position = position;
        for replica in self.client.replicas() {
            let conversation = replica.conversation();
            let member = conversation.member(self.user).map_or(Seq(0), |member| member.read);
            let now = (member, replica.cursors().1);
            let before = self.seen.read.insert(conversation.id, now).unwrap_or_default();
            assert!(now.0 >= before.0 && now.1 >= before.1, "a read cursor went back from {before:?} to {now:?}");
            let message = conversation.last_message.as_ref().map_or(Seq(0), |message| message.seq);
            let held = replica.held().last().map_or(Seq(0), |last| last.seq);
            let ends = [conversation.head, message, held];
            let before = self.seen.ends.insert((conversation.id, conversation.since), ends).unwrap_or_default();
            assert!(ends[0] >= before[0] && ends[1] >= before[1], "a log went back from {before:?} to {ends:?}");
            let told = self.seen.applied.get(&conversation.id).copied().unwrap_or_default();
            assert!(before[2] == Seq(0) || held <= before[2] || held == told, "{held} is held, and was not told");
            let seqs = replica.held().windows(2).all(|pair| pair[0].seq.next() == pair[1].seq);
            assert!(seqs, "the held log is not dense");
            assert!(replica.held().last().is_none_or(|last| last.seq == replica.applied()), "held and applied differ");
        }
    }
}

impl World {
    /// Carries out what a client wants.
    pub(crate) fn act(&mut self, at: usize) {
        loop {
            let actions = self.devices[at].client.take_actions();
            if actions.is_empty() {
                break;
            }
            for action in actions {
                self.carry_out(at, action);
            }
            self.hold_all(at);
        }
        self.devices[at].check();
        self.check_unread(at);
    }

    /// I9 at every moment: never more than there is behind what was read, never less than what was applied of it.
    fn check_unread(&self, at: usize) {
        let (client, user) = (&self.devices[at].client, self.devices[at].user);
        if self.store_went_back(at) || client.link() != Link::Live {
            return;
        }
        for replica in client.replicas() {
            let conversation = replica.conversation();
            let row = &self.store.rows[&conversation.id];
            let Some(member) = row.member(user).filter(|member| member.since == conversation.since) else { continue };
            let known = conversation.member(user).map_or(Seq(0), |member| member.read);
            let mine = replica.cursors().1.max(known);
            let messages = |from: Seq, to: Seq| {
                let range = row.log.iter().filter(|change| change.seq > from && change.seq <= to);
                range.filter(|change| change.author != user && change.body.text().is_some()).count() as u64
            };
            // What was read on this device half-way is counted by the node where the log is not at hand.
            let at_hand = replica.held().first().is_some_and(|first| first.seq <= mine.next());
            let all_read = mine == row.head();
            if mine == known || all_read || at_hand && replica.applied() == row.head() {
                let most = messages(mine, row.head());
                assert!(conversation.unread <= most, "{} unread of {most}", conversation.unread);
            }
            let least = messages(mine.max(member.read), replica.applied());
            assert!(conversation.unread >= least, "{} unread of at least {least}", conversation.unread);
        }
    }

    fn carry_out(&mut self, at: usize, action: Action) {
        match action {
            Action::Connect(socket) => {
                let moves = !self.devices[at].sockets.is_empty();
                assert!(self.devices[at].sockets.len() <= usize::from(self.devices[at].client.link() == Link::Live));
                let connection = self.number();
                self.connections.insert(connection, Connection::new(at));
                self.devices[at].sockets.insert(socket, connection);
                if moves && self.random.chance(MOVES_REFUSED) {
                    self.later(60, Due::Closed { device: at, connection, code: None });
                } else {
                    self.later(60, Due::Opened { device: at, connection });
                }
            }
            // The node goes on to read what was written before.
            Action::Disconnect(socket) => drop(self.devices[at].sockets.remove(&socket)),
            Action::Transmit(socket, frame) => self.transmitted(at, socket, frame),
            Action::Keep(entry) => {
                self.devices[at].seen.kept.insert(entry.key);
                self.devices[at].storage.insert(entry.key, entry);
            }
            Action::Forget(key) => {
                assert!(self.store.keys.contains_key(&key) || self.store_went_back(at), "a text was lost");
                self.devices[at].storage.remove(&key);
            }
            Action::Notify(Event::Applied(conversation, changes)) => self.applied(at, conversation, &changes),
            Action::Notify(Event::Left(conversation)) => {
                self.devices[at].held.remove(&conversation);
                let seen = &mut self.devices[at].seen;
                seen.applied.remove(&conversation);
                seen.cursors.remove(&conversation);
                seen.read.remove(&conversation);
                seen.ends.retain(|&(id, _), _| id != conversation);
            }
            Action::Notify(Event::Reset) => {
                let seen = &mut self.devices[at].seen;
                *seen = Seen { kept: std::mem::take(&mut seen.kept), second: seen.second, ..Seen::default() };
            }
            Action::Notify(_) => {}
        }
    }

    /// Whether what this client knows is from another history than the store's.
    fn store_went_back(&self, at: usize) -> bool {
        self.devices[at].client.position().0 != Some(self.store.epoch)
    }

    fn transmitted(&mut self, at: usize, socket: Socket, frame: ClientFrame) {
        let (now, device) = (self.now, &mut self.devices[at]);
        let connection = *device.sockets.get(&socket).expect("a frame was written to no socket");
        match &frame {
            ClientFrame::Send { key, .. } => assert!(device.seen.kept.contains(key), "sent before it was kept"),
            ClientFrame::Cursor { conversation, .. } => {
                let before = device.seen.cursors.insert(*conversation, now);
                assert!(before.is_none_or(|before| now >= before + 1_000), "cursors are told too often");
            }
            _ => {}
        }
        if !matches!(frame, ClientFrame::Send { .. }) {
            let second = now / 1_000;
            device.seen.second = if device.seen.second.0 == second { device.seen.second } else { (second, 0) };
            device.seen.second.1 += 1;
            assert!(device.seen.second.1 <= FRAMES_A_SECOND, "a busy loop of {frame:?}");
        }
        device.frames += usize::from(!matches!(frame, ClientFrame::Ping {}));
        self.transmit(at, connection, frame);
    }

    /// I2, I3, I4, I10 and I14, whenever something is shown.
    fn applied(&mut self, at: usize, id: ConversationId, changes: &[Change]) {
        if self.store_went_back(at) {
            // Shown by a page that has not heard of it.
            assert_ne!(self.devices[at].client.link(), Link::Live, "a rollback was not noticed");
            return;
        }
        for change in changes {
            let row = &self.store.rows[&id];
            assert_eq!(Some(change), row.log.get(change.seq.0 as usize - 1), "not what the store has");
            assert!(row.is_theirs(self.devices[at].user, change.seq), "not theirs");
            let before = self.devices[at].seen.applied.insert(id, change.seq);
            assert!(before.is_none_or(|before| before < change.seq), "applied twice");
        }
    }

    fn hold_all(&mut self, at: usize) {
        let device = &mut self.devices[at];
        if !device.holds_all {
            return;
        }
        let known = device.client.replicas().map(|replica| replica.conversation().id);
        let unheld: Vec<_> = known.filter(|id| !device.held.contains(id)).collect();
        for id in unheld {
            device.held.insert(id);
            device.seen.applied.remove(&id);
            device.client.hold_latest(self.now, id, 20);
        }
    }

    pub(crate) fn use_device(&mut self, step: Step) {
        let now = self.now;
        let at = match step {
            Step::Send { device, conversation, count } => {
                for _ in 0..count {
                    let number = self.number();
                    let key = SendKey(Uuid::from_u128(u128::from(number)));
                    self.devices[device].sent.push(key);
                    self.devices[device].client.send(now, key, conversation, format!("message {number}"));
                }
                device
            }
            Step::Read { device, conversation, but } => {
                let client = &mut self.devices[device].client;
                if let Some(applied) = client.replica(conversation).map(|replica| replica.applied()) {
                    client.read(now, conversation, Seq(applied.0.saturating_sub(but)));
                }
                device
            }
            Step::Hold { device, conversation, count } => {
                if self.devices[device].client.replica(conversation).is_some() {
                    self.devices[device].held.insert(conversation);
                }
                self.devices[device].seen.applied.remove(&conversation);
                self.devices[device].client.hold_latest(now, conversation, count);
                device
            }
            Step::Older { device, conversation, count } => {
                self.devices[device].client.load_older(now, conversation, count);
                device
            }
            Step::RetryFailed { device } => {
                for key in self.failed(device) {
                    let device = &mut self.devices[device];
                    device.sent.retain(|&sent| sent != key);
                    device.sent.push(key);
                    device.client.retry(now, key);
                }
                device
            }
            other => unreachable!("nobody does {other:?} with a device"),
        };
        self.act(at);
    }

    pub(crate) fn failed(&self, at: usize) -> Vec<SendKey> {
        let ids = self.store.rows.keys();
        let entries = ids.flat_map(|&id| self.devices[at].client.outbox(id));
        entries.filter(|entry| matches!(entry.state, EntryState::Failed { .. })).map(|entry| entry.key).collect()
    }
}
