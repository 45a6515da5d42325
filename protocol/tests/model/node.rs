//! What a node does with a client's frames, by the contract of the wire; and what people do.

use super::bus::{Nudge, cursor_frame};
use super::script::{DEVICES, Step};
use super::store::Appended;
use super::world::{Due, World};
use std::collections::{BTreeMap, BTreeSet};
use trunkline_protocol::{
    Change, ClientFrame, CloseCode, ConversationId, Epoch, ErrorCode, Millis, NodeId, Position, SendKey, Seq,
    ServerFrame, UserId, limits,
};
use uuid::Uuid;

/// A socket, as its node sees it. It goes on to take frames in after its client has left it.
#[derive(Debug)]
pub(crate) struct Connection {
    pub device: usize,
    /// The position of the welcome.
    pub welcomed: Option<u64>,
    /// Which conversations it hears, and from where on.
    pub hears: BTreeMap<ConversationId, Seq>,
    /// The position of the last description of each, so that an older one is never written after it.
    pub described: BTreeMap<ConversationId, u64>,
    /// After a refusal: what everything waits for.
    gate: Option<SendKey>,
    /// Sends that the client has not been answered.
    pub unanswered: BTreeSet<SendKey>,
    up_at: Millis,
    down_at: Millis,
}

impl Connection {
    pub(crate) fn new(device: usize) -> Self {
        let (hears, described, unanswered) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        Self { device, welcomed: None, hears, described, gate: None, unanswered, up_at: 0, down_at: 0 }
    }
}

impl World {
    // ---- the socket ------------------------------------------------------------------------------------------

    fn latency(&mut self, device: usize) -> Millis {
        let slow = if self.now < self.devices[device].slow_until { self.random.below(2_500) } else { 0 };
        (3 + self.random.below(40) + slow) as Millis
    }

    /// A client writes.
    pub(crate) fn transmit(&mut self, device: usize, connection: u64, frame: ClientFrame) {
        let arrives = self.now + self.latency(device);
        if let Some(found) = self.connections.get_mut(&connection) {
            if let ClientFrame::Send { key, .. } = frame {
                found.unanswered.insert(key);
                assert!(found.unanswered.len() <= limits::IN_FLIGHT, "too many sends in flight");
            }
            found.up_at = found.up_at.max(arrives);
            let when = found.up_at;
            self.at(when, Due::ToNode { connection, frame });
        }
    }

    /// A node writes.
    pub(crate) fn write(&mut self, device: usize, connection: u64, frame: ServerFrame) {
        let arrives = self.now + self.latency(device);
        if let Some(found) = self.connections.get_mut(&connection) {
            found.down_at = found.down_at.max(arrives);
            let when = found.down_at;
            self.at(when, Due::ToClient { device, connection, frame });
        }
    }

    pub(crate) fn note_answer(&mut self, connection: u64, frame: &ServerFrame) {
        let key = match frame {
            ServerFrame::Ack { key, conversation, seq, .. } => {
                self.acked.push((*key, *conversation, *seq));
                key
            }
            ServerFrame::Refused { key, .. } => key,
            _ => return,
        };
        if let Some(connection) = self.connections.get_mut(&connection) {
            connection.unanswered.remove(key);
        }
    }

    /// The connections of a device's open sockets.
    pub(crate) fn connections_of(&self, device: usize) -> Vec<u64> {
        self.devices[device].sockets.values().copied().collect()
    }

    fn all_connections(&self) -> Vec<u64> {
        (0..DEVICES).flat_map(|at| self.connections_of(at)).collect()
    }

    // ---- frames ----------------------------------------------------------------------------------------------

    pub(crate) fn node_receives(&mut self, connection: u64, frame: ClientFrame) {
        let Some(found) = self.connections.get(&connection) else { return };
        let device = found.device;
        let user = self.devices[device].user;
        match frame {
            ClientFrame::Hello { epoch, position, .. } => self.hello(device, connection, epoch, position),
            ClientFrame::Send { key, conversation, text } => {
                let answer = self.append(connection, user, key, conversation, &text);
                self.answer(device, connection, answer);
            }
            ClientFrame::Cursor { conversation, delivered, read } => {
                self.cursor(device, connection, conversation, delivered, read);
            }
            ClientFrame::Fetch { conversation, from, to } => {
                assert!(from <= to, "an empty range was asked for");
                let when = self.now + 1 + self.random.below(30) as Millis;
                for frame in self.range(user, conversation, from, to) {
                    self.at(when, Due::Write { device, connection, frame });
                }
            }
            ClientFrame::Ping {} => {
                let welcomed = found.welcomed.unwrap_or(0);
                let owed =
                    self.pending.values().filter(|owed| owed.connection == connection && owed.position > welcomed);
                let position = owed.map(|owed| owed.position - 1).min().unwrap_or(self.store.position);
                self.write(device, connection, ServerFrame::Pong { position: Position(position) });
            }
            ClientFrame::Typing { .. } | ClientFrame::Watch { .. } | ClientFrame::Unknown => {}
        }
    }

    fn is_store_down(&self) -> bool {
        self.now < self.store_down_until
    }

    fn hello(&mut self, device: usize, connection: u64, epoch: Option<Epoch>, position: Position) {
        if self.is_store_down() {
            return self.cut_one(device, connection, Some(CloseCode::Unavailable.as_u16()));
        }
        let user = self.devices[device].user;
        let known = epoch == Some(self.store.epoch) && position > Position(0);
        let (conversations, left) = self.store.resume(user, if known { position.0 } else { 0 });
        let joined = self.store.joined(user).into_iter();
        let hears = joined.map(|id| (id, self.store.rows[&id].members[&user].since)).collect();
        let found = self.connections.get_mut(&connection).expect("it has just spoken");
        (found.welcomed, found.hears) = (Some(self.store.position), hears);
        let welcome = ServerFrame::Welcome {
            node: NodeId(Uuid::from_u128(9)),
            user,
            epoch: self.store.epoch,
            position: Position(self.store.position),
            complete: !known,
            conversations,
            left: if known { left } else { Vec::new() },
            degraded: false,
        };
        self.write(device, connection, welcome);
    }

    /// The answer to a send, or nothing if the node dies before it answers.
    fn append(&mut self, at: u64, author: UserId, key: SendKey, id: ConversationId, text: &str) -> Option<ServerFrame> {
        let down = self.is_store_down();
        let connection = self.connections.get_mut(&at).expect("it has just spoken");
        let faults = &mut self.devices[connection.device].faults;
        if connection.gate == Some(key) {
            connection.gate = None;
        }
        let refused = |code, retry_after| ServerFrame::Refused { key, code, message: "No.".to_owned(), retry_after };
        if connection.gate.is_some() {
            return Some(refused(ErrorCode::Busy, Some(100)));
        }
        let (code, after) = (ErrorCode::RateLimited, faults.refuse.1);
        let refuse = faults.refuse.0 > 0;
        faults.refuse.0 = faults.refuse.0.saturating_sub(1);
        if down || refuse {
            connection.gate = Some(key);
            return Some(if down {
                refused(ErrorCode::StoreUnavailable, Some(300))
            } else {
                refused(code, Some(after))
            });
        }
        let (device, crash) = (connection.device, std::mem::take(&mut faults.crash));
        let change = match self.store.append(self.now, author, id, key, text) {
            Appended::NotAMember => {
                self.refused.insert(key);
                return Some(refused(ErrorCode::NotAMember, None));
            }
            Appended::Known(change) => change,
            Appended::Fresh(change) => {
                self.announce(&change, Some(at));
                change
            }
        };
        if crash {
            self.cut_one(device, at, Some(1006));
            self.pending.values_mut().filter(|pending| pending.position == self.store.position).for_each(|pending| {
                pending.lost = true;
            });
            return None;
        }
        Some(ServerFrame::Ack { key, conversation: id, seq: change.seq, at: change.at })
    }

    fn answer(&mut self, device: usize, connection: u64, answer: Option<ServerFrame>) {
        match answer {
            // The group commit takes a while; changes of others may be written before.
            Some(frame @ ServerFrame::Ack { .. }) => self.nudge(connection, Nudge::Ack { frame }),
            Some(frame) => self.write(device, connection, frame),
            None => {}
        }
    }

    fn cursor(&mut self, device: usize, connection: u64, conversation: ConversationId, delivered: Seq, read: Seq) {
        let user = self.devices[device].user;
        let error = |code| ServerFrame::Error { code, message: "No.".to_owned(), conversation: Some(conversation) };
        if self.is_store_down() {
            return self.write(device, connection, error(ErrorCode::StoreUnavailable));
        }
        if self.store.rows[&conversation].member(user).is_none() {
            return self.write(device, connection, error(ErrorCode::NotAMember));
        }
        let moved = self.store.advance(user, conversation, delivered, read).expect("a cursor beyond the head");
        let told = self.own_cursor(conversation, user);
        if moved || self.script.answers_unmoved {
            self.write(device, connection, cursor_frame(told.clone(), true));
        }
        for other in self.all_connections() {
            if moved && other != connection {
                self.nudge(other, told.clone());
            }
        }
    }

    pub(crate) fn own_cursor(&self, conversation: ConversationId, user: UserId) -> Nudge {
        let row = &self.store.rows[&conversation];
        let (delivered, read) = (row.members[&user].delivered, row.members[&user].read);
        Nudge::Cursor { conversation, user, delivered, read, unread: row.unread(user), head: row.head() }
    }

    /// In portions, the last one first.
    fn range(&self, user: UserId, conversation: ConversationId, from: Seq, to: Seq) -> Vec<ServerFrame> {
        let error = |code| ServerFrame::Error { code, message: "No.".to_owned(), conversation: Some(conversation) };
        if self.is_store_down() {
            return vec![error(ErrorCode::StoreUnavailable)];
        }
        if self.store.rows[&conversation].member(user).is_none() {
            return vec![error(ErrorCode::NotAMember)];
        }
        let head = self.store.rows[&conversation].head();
        let (from, changes) = self.store.range(user, conversation, from, to, self.script.range_limit);
        if changes.is_empty() {
            return vec![ServerFrame::Range { conversation, from, changes, head }];
        }
        let portion =
            |part: &[Change]| ServerFrame::Range { conversation, from: part[0].seq, changes: part.to_vec(), head };
        changes.rchunks(self.script.portion).map(portion).collect()
    }

    // ---- people ----------------------------------------------------------------------------------------------

    pub(crate) fn people(&mut self, step: Step) {
        let now = self.now;
        let change = match step {
            Step::Rename { conversation } => {
                let name = format!("Group {}", self.number());
                Some(self.store.rename(now, conversation, name))
            }
            Step::Add { conversation, user } => self.store.add(now, conversation, UserId(user)),
            Step::Remove { conversation, user } => self.store.remove(now, conversation, UserId(user)),
            Step::HandOver { conversation, user } => self.store.hand_over(now, conversation, UserId(user)),
            Step::Call { user } => {
                let name = format!("User {user}, {}", self.number());
                self.store.call(UserId(user), name);
                for id in self.store.heard_of(UserId(user)) {
                    for connection in self.all_connections() {
                        self.nudge(connection, Nudge::Called(id));
                    }
                }
                None
            }
            step => return self.use_device(step),
        };
        if let Some(change) = change {
            self.announce(&change, None);
        }
    }
}
