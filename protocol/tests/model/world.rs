//! The clock, the bus and the sockets. Carries a script out.

use super::Random;
use super::bus::{Bus, Pending};
use super::device::Device;
use super::node::Connection;
use super::script::{DEVICES, Script};
use super::store::Store;
use std::collections::{BTreeMap, BTreeSet};
use trunkline_protocol::{
    ClientFrame, ConversationId, ConversationKind, Epoch, Millis, SendKey, Seq, ServerFrame, UserId,
};
use uuid::Uuid;

/// How often a node reads from the store what nobody told it.
const FOLLOW_EVERY: Millis = 2_000;

/// Something that will happen.
#[derive(Debug)]
pub(crate) enum Due {
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
    Follow,
    Start {
        device: usize,
    },
}

/// Everything.
pub(crate) struct World {
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
    /// Sends that some node refused for good, whether or not the client has heard of it.
    pub refused: BTreeSet<SendKey>,
    pub backups: Vec<Store>,
    queue: BTreeMap<(Millis, u64), Due>,
    pub bus: Bus,
    pub frozen_until: Millis,
    numbers: u64,
}

impl World {
    pub(crate) fn new(script: Script) -> Self {
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
            refused: BTreeSet::new(),
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
    pub(crate) fn run(&mut self) {
        for (pause, step) in self.script.steps.clone() {
            self.advance(pause as Millis);
            self.backups.push(self.store.clone());
            self.take(step);
        }
        self.advance((self.frozen_until - self.now).max(0));
        (self.bus, self.store_down_until) = (Bus::default(), 0);
        for at in 0..DEVICES {
            (self.devices[at].faults, self.devices[at].slow_until) = (Default::default(), 0);
            self.devices[at].client.connect(self.now);
            self.act(at);
        }
    }

    // ---- time ------------------------------------------------------------------------------------------------

    pub(crate) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    pub(crate) fn at(&mut self, when: Millis, due: Due) {
        let number = self.number();
        self.queue.insert((when, number), due);
    }

    /// Something that takes up to `most` milliseconds.
    pub(crate) fn later(&mut self, most: u64, due: Due) {
        let when = self.now + 1 + self.random.below(most) as Millis;
        self.at(when, due);
    }

    /// Lets time pass.
    pub(crate) fn advance(&mut self, millis: Millis) {
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
            Due::ToClient { device, connection, frame } if self.connections.contains_key(&connection) => {
                let Some(socket) = self.devices[device].socket_of(connection) else { return };
                self.note_answer(connection, &frame);
                self.devices[device].client.received(self.now, socket, frame);
                self.act(device);
            }
            Due::Opened { device, connection } => {
                let Some(socket) = self.devices[device].socket_of(connection) else { return };
                self.devices[device].client.opened(socket);
                self.act(device);
            }
            Due::Closed { device, connection, code } => {
                let Some(socket) = self.devices[device].socket_of(connection) else { return };
                self.devices[device].sockets.remove(&socket);
                self.devices[device].client.closed(self.now, socket, code);
                self.act(device);
            }
            Due::Nudged { nudge } => self.nudged(nudge),
            Due::Write { device, connection, frame } => self.write(device, connection, frame),
            Due::Follow => {
                self.follow();
                self.at(self.now + FOLLOW_EVERY, Due::Follow);
            }
            Due::Start { device } => {
                self.devices[device].client.connect(self.now);
                self.act(device);
            }
            _ => {}
        }
    }
}
