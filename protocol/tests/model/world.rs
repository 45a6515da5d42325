//! The clock, the bus and the sockets. Carries a script out.

use super::Random;
use super::device::Device;
use super::node::Connection;
use super::script::{DEVICES, Script, Step};
use super::store::Store;
use std::collections::BTreeMap;
use trunkline_protocol::client::Client;
use trunkline_protocol::{
    Change, ClientFrame, CloseCode, Conversation, ConversationId, ConversationKind, Epoch, Millis, SendKey, Seq,
    ServerFrame, UserId,
};
use uuid::Uuid;

/// How often a node reads from the store what nobody told it.
const FOLLOW_EVERY: Millis = 2_000;

/// What a node learns of a commit, for one device.
#[derive(Clone, Debug)]
pub enum Nudge {
    Change(Change),
    Cursor {
        conversation: ConversationId,
        user: UserId,
        delivered: Seq,
        read: Seq,
        unread: u64,
        head: Seq,
    },
    /// Who is in a conversation is another now.
    Membership(ConversationId),
    /// Somebody in it is called another name now.
    Called(ConversationId),
    /// The answer to a send; nobody but its connection is owed it.
    Ack {
        connection: u64,
        frame: ServerFrame,
    },
}

/// A nudge on the bus, or lost on it.
#[derive(Debug)]
pub struct Pending {
    pub device: usize,
    pub nudge: Nudge,
    pub position: u64,
    pub lost: bool,
    pub doubled: bool,
}

/// Something that will happen.
#[derive(Debug)]
pub enum Due {
    ToNode {
        connection: u64,
        frame: ClientFrame,
    },
    ToClient {
        device: usize,
        connection: u64,
        frame: ServerFrame,
    },
    Opened {
        device: usize,
        connection: u64,
    },
    Closed {
        device: usize,
        connection: u64,
        code: Option<u16>,
    },
    Nudged {
        nudge: u64,
    },
    /// A frame that a node has made and not written yet.
    Write {
        device: usize,
        connection: u64,
        frame: ServerFrame,
    },
    /// A description that was read at this position and not written yet.
    Describe {
        connection: u64,
        conversation: Conversation,
        position: u64,
    },
    Follow,
    Start {
        device: usize,
    },
}

/// How the bus behaves for a while.
#[derive(Clone, Copy, Debug, Default)]
struct Bus {
    lost: u64,
    doubled: u64,
    spread: u64,
    until: Millis,
}

/// Everything.
pub struct World {
    pub now: Millis,
    pub random: Random,
    pub script: Script,
    pub store: Store,
    pub devices: Vec<Device>,
    pub connections: BTreeMap<u64, Connection>,
    pub pending: BTreeMap<u64, Pending>,
    pub store_down_until: Millis,
    /// Acks that were delivered, and that no rollback has voided.
    pub acked: Vec<(SendKey, ConversationId, Seq)>,
    backups: Vec<Store>,
    queue: BTreeMap<(Millis, u64), Due>,
    bus: Bus,
    frozen_until: Millis,
    numbers: u64,
}

impl World {
    pub fn new(script: Script) -> Self {
        let mut store = Store::new(Epoch(Uuid::from_u128(1)));
        let [ada, ben, eve] = [UserId(1), UserId(2), UserId(3)];
        store.create(ConversationId(10), ConversationKind::Group, &[ada, ben, eve]);
        store.create(ConversationId(11), ConversationKind::Direct, &[ada, ben]);
        store.create(ConversationId(12), ConversationKind::Group, &[ada, eve]);
        let users = [ada, ada, ben, eve];
        let devices = (0..DEVICES).map(|at| Device::new(users[at], at as u64 + script.seed, script.holds_all[at]));
        let mut world = Self {
            now: 1_000_000,
            random: Random(script.seed),
            store,
            devices: devices.collect(),
            connections: BTreeMap::new(),
            pending: BTreeMap::new(),
            store_down_until: 0,
            acked: Vec::new(),
            backups: Vec::new(),
            queue: BTreeMap::new(),
            bus: Bus::default(),
            frozen_until: 0,
            numbers: 0,
            script,
        };
        for device in 0..DEVICES {
            world.later(200, Due::Start { device });
        }
        world.at(world.now + FOLLOW_EVERY, Due::Follow);
        world
    }

    /// Carries the script out, and ends all faults.
    pub fn run(&mut self) {
        for (pause, step) in self.script.steps.clone() {
            self.advance(pause as Millis);
            self.backups.push(self.store.clone());
            self.take(step);
        }
        self.advance((self.frozen_until - self.now).max(0));
        (self.bus, self.store_down_until) = (Bus::default(), 0);
        for at in 0..DEVICES {
            (self.devices[at].faults, self.devices[at].slow_until) = (Default::default(), 0);
            self.devices[at].online = true;
            self.devices[at].client.connect(self.now);
            self.act(at);
        }
    }

    // ---- time ------------------------------------------------------------------------------------------------

    pub fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    pub fn at(&mut self, when: Millis, due: Due) {
        let number = self.number();
        self.queue.insert((when, number), due);
    }

    /// Something that takes up to `most` milliseconds.
    pub fn later(&mut self, most: u64, due: Due) {
        let when = self.now + 1 + self.random.below(most) as Millis;
        self.at(when, due);
    }

    /// Lets time pass.
    pub fn advance(&mut self, millis: Millis) {
        let end = self.now + millis;
        loop {
            let tick = (0..DEVICES).filter_map(|at| Some((self.devices[at].client.deadline()?, at))).min();
            let event = self.queue.first_key_value().map(|(&(when, _), _)| when);
            match (tick, event) {
                (Some((when, device)), event) if when <= end && event.is_none_or(|event| when <= event) => {
                    self.now = self.now.max(when);
                    self.devices[device].tick(self.now);
                    self.act(device);
                }
                (_, Some(when)) if when <= end => {
                    let ((when, number), due) = self.queue.pop_first().expect("just seen");
                    self.now = self.now.max(when);
                    if self.now < self.frozen_until && !matches!(due, Due::Start { .. } | Due::Closed { .. }) {
                        // By its old number, so that nothing is overtaken.
                        self.queue.insert((self.frozen_until, number), due);
                    } else {
                        self.happen(due);
                    }
                }
                _ => break,
            }
        }
        self.now = end;
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::ToNode { connection, frame } => self.node_receives(connection, frame),
            Due::ToClient { device, connection, frame } if self.is_whole(device, connection) => {
                self.note_answer(connection, &frame);
                self.devices[device].client.received(self.now, frame);
                self.act(device);
            }
            Due::Opened { device, connection } if self.devices[device].socket == Some(connection) => {
                self.devices[device].client.opened(self.now);
                self.act(device);
            }
            Due::Closed { device, connection, code } if self.devices[device].socket == Some(connection) => {
                self.devices[device].socket = None;
                self.devices[device].client.closed(self.now, code);
                self.act(device);
            }
            Due::Nudged { nudge } => self.nudged(nudge),
            Due::Write { device, connection, frame } => self.write(device, connection, frame),
            Due::Describe { connection, conversation, position } => self.describe(connection, conversation, position),
            Due::Follow => {
                let lost: Vec<_> = self.pending.iter().filter(|(_, pending)| pending.lost).map(|(&at, _)| at).collect();
                lost.into_iter().for_each(|nudge| self.nudged(nudge));
                self.at(self.now + FOLLOW_EVERY, Due::Follow);
            }
            Due::Start { device } => {
                if self.devices[device].online {
                    self.devices[device].client.connect(self.now);
                    self.act(device);
                }
            }
            _ => {}
        }
    }

    /// Whether a frame can still arrive: the client has not left, and nothing was cut.
    fn is_whole(&self, device: usize, connection: u64) -> bool {
        self.devices[device].socket == Some(connection) && self.connections.contains_key(&connection)
    }

    // ---- the bus ---------------------------------------------------------------------------------------------

    /// Something was committed that a device should hear of. Its node may learn of it late, twice or never.
    pub fn nudge(&mut self, device: usize, nudge: Nudge) {
        let bus = if self.now < self.bus.until { self.bus } else { Bus::default() };
        let owed = matches!(nudge, Nudge::Ack { .. });
        let lost = !owed && self.random.chance(bus.lost);
        let doubled = !owed && !lost && self.random.chance(bus.doubled);
        let (number, position) = (self.number(), self.store.position);
        self.pending.insert(number, Pending { device, nudge, position, lost, doubled });
        if lost {
            return;
        }
        let spread = 30 + if owed { 0 } else { bus.spread };
        self.later(spread, Due::Nudged { nudge: number });
        if doubled {
            self.later(spread, Due::Nudged { nudge: number });
        }
    }

    /// A change was committed: everybody concerned is to hear of it, but for the connection that is given an ack.
    pub fn announce(&mut self, change: &Change, origin: Option<u64>) {
        let members_changed = change.body.changes_members();
        for at in 0..DEVICES {
            let row = &self.store.rows[&change.conversation];
            let (user, socket) = (self.devices[at].user, self.devices[at].socket);
            let is_member = row.member(user).is_some();
            let concerned = members_changed && row.members.contains_key(&user);
            if is_member && (origin.is_none() || origin != socket) {
                self.nudge(at, Nudge::Change(change.clone()));
            }
            if concerned {
                self.nudge(at, Nudge::Membership(change.conversation));
            }
        }
    }

    // ---- the script ------------------------------------------------------------------------------------------

    fn take(&mut self, step: Step) {
        match step {
            Step::Slow { device, millis } => self.devices[device].slow_until = self.now + millis as Millis,
            Step::Bus { lost, doubled, spread, millis } => {
                self.bus = Bus { lost, doubled, spread, until: self.now + millis as Millis };
            }
            Step::StoreDown { millis } => self.store_down_until = self.now + millis as Millis,
            Step::Freeze { millis } => self.frozen_until = self.now + millis as Millis,
            Step::CrashAfterCommit { device } => self.devices[device].faults.crash = true,
            Step::Refuse { device, count, after } => self.devices[device].faults.refuse = (count, after),
            Step::Cut { device, silent } => self.cut(device, if silent { None } else { Some(1006) }),
            Step::Moving { device, after } => self.move_away(device, after),
            Step::RollBack { steps } => self.roll_back(steps),
            Step::Reload { device, seeded } => self.reload(device, seeded),
            Step::NetworkLost { device, millis } => {
                self.devices[device].online = false;
                self.devices[device].client.network_lost();
                self.act(device);
                self.later(millis, Due::Start { device });
                self.devices[device].online = true;
            }
            step => self.people(step),
        }
    }

    /// All that is in flight is lost. Without a code nobody notices.
    pub fn cut(&mut self, device: usize, code: Option<u16>) {
        let Some(connection) = self.devices[device].socket else { return };
        self.connections.remove(&connection);
        if code.is_some() {
            self.later(50, Due::Closed { device, connection, code });
        }
    }

    fn move_away(&mut self, device: usize, after: u32) {
        let Some(connection) = self.devices[device].socket else { return };
        if self.connections.get(&connection).is_some_and(|connection| connection.welcomed.is_some()) {
            self.write(device, connection, ServerFrame::Moving { after });
            let code = Some(CloseCode::Moving.as_u16());
            self.at(self.now + Millis::from(after) + 3_000, Due::Closed { device, connection, code });
        }
    }

    fn roll_back(&mut self, steps: usize) {
        let backup = self.backups[self.backups.len().saturating_sub(steps)].clone();
        let number = self.number();
        self.store = Store { epoch: Epoch(Uuid::from_u128(u128::from(number) << 64)), ..backup };
        let keys = &self.store.keys;
        self.acked.retain(|&(key, conversation, seq)| keys.get(&key) == Some(&(conversation, seq)));
        self.pending.clear();
        for at in 0..DEVICES {
            self.cut(at, Some(CloseCode::NewIncarnation.as_u16()));
        }
        self.connections.clear();
    }

    fn reload(&mut self, at: usize, seeded: bool) {
        let (kept, holds_all) = (self.devices[at].storage.values().cloned().collect(), self.devices[at].holds_all);
        let (user, seed) = (self.devices[at].user, self.random.below(1_000_000));
        let device = &mut self.devices[at];
        device.replace(Client::new(user, seed, kept), holds_all);
        if seeded {
            // What the server rendered first may be older than what it rendered last, or the other way round.
            let older = self.backups.last().cloned().unwrap_or_else(|| self.store.clone());
            let newer = self.store.clone();
            let (list, log) = match self.random.below(3) {
                0 => (&newer, &newer),
                1 => (&older, &newer),
                _ => (&newer, &older),
            };
            let described = list.joined(user).into_iter().map(|id| list.describe(user, id)).collect();
            let device = &mut self.devices[at];
            device.client.seed(list.epoch, trunkline_protocol::Position(list.position), described);
            let id = ConversationId(10);
            if list.epoch == log.epoch && log.rows[&id].member(user).is_some() {
                let from = Seq(log.rows[&id].head().0.saturating_sub(5).max(1));
                let (from, changes) = log.range(user, id, from, log.rows[&id].head(), 100);
                device.client.hold(self.now, id, from, changes);
            }
        }
        self.act(at);
        self.later(300, Due::Start { device: at });
    }
}
