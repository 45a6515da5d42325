//! What breaks.

use super::bus::Bus;
use super::script::{DEVICES, Step};
use super::store::Store;
use super::world::{Due, World};
use trunkline_protocol::client::Client;
use trunkline_protocol::{CloseCode, ConversationId, Epoch, Millis, Position, Seq, ServerFrame};
use uuid::Uuid;

impl World {
    pub(crate) fn take(&mut self, step: Step) {
        match step {
            Step::Slow { device, millis } => self.devices[device].slow_until = self.now + millis as Millis,
            Step::Bus { lost, doubled, spread, millis } => {
                self.bus = Bus { lost, doubled, spread, until: self.now + millis as Millis };
            }
            Step::StoreDown { millis } => self.store_down_until = self.now + millis as Millis,
            Step::Freeze { millis } => self.frozen_until = self.frozen_until.max(self.now + millis as Millis),
            Step::CrashAfterCommit { device } => self.devices[device].faults.crash = true,
            Step::Refuse { device, count, after } => self.devices[device].faults.refuse = (count, after),
            Step::Cut { device, silent } => {
                let code = if silent { None } else { Some(1006) };
                let connections: Vec<_> = self.devices[device].sockets.values().copied().collect();
                // One of two nodes may be the one that is lost.
                if connections.len() == 2 && self.random.chance(70) {
                    let which = connections[self.random.below(2) as usize];
                    self.cut_one(device, which, code);
                } else {
                    self.cut(device, code);
                }
            }
            Step::Moving { device, after, window } => self.move_away(device, after, window),
            Step::RollBack { steps } => self.roll_back(steps),
            Step::Reload { device, seeded } => self.reload(device, seeded),
            Step::NetworkLost { device, millis } => {
                self.devices[device].client.network_lost();
                self.act(device);
                self.later(millis, Due::Start { device });
            }
            step => self.people(step),
        }
    }

    /// All that is in flight is lost, on both sockets if it has two. Without a code nobody notices.
    pub(crate) fn cut(&mut self, device: usize, code: Option<u16>) {
        for connection in self.devices[device].sockets.values().copied().collect::<Vec<_>>() {
            self.cut_one(device, connection, code);
        }
    }

    /// The same for one connection.
    pub(crate) fn cut_one(&mut self, device: usize, connection: u64, code: Option<u16>) {
        self.connections.remove(&connection);
        if code.is_some() {
            self.later(50, Due::Closed { device, connection, code });
        }
    }

    /// The node will stop, and closes the connection in the end, moved or not.
    fn move_away(&mut self, device: usize, after: u32, window: u32) {
        for connection in self.devices[device].sockets.values().copied().collect::<Vec<_>>() {
            if self.connections.get(&connection).is_some_and(|connection| connection.welcomed.is_some()) {
                self.write(device, connection, ServerFrame::Moving { after });
                let code = Some(CloseCode::Moving.as_u16());
                self.at(self.now + Millis::from(after + window), Due::Closed { device, connection, code });
            }
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
            device.client.seed(list.epoch, Position(list.position), described);
            let id = ConversationId(10);
            if list.epoch == log.epoch && log.rows[&id].member(user).is_some() {
                let from = Seq(log.rows[&id].head().0.saturating_sub(5).max(1));
                let (from, changes) = log.range(user, id, from, log.rows[&id].head(), 100);
                device.client.hold(self.now, id, from, changes);
                if device.client.replica(id).is_some() {
                    device.held.insert(id);
                }
            }
        }
        self.act(at);
        self.later(300, Due::Start { device: at });
    }
}
