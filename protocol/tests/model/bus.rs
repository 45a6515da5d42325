//! How a node learns of what was committed, and what it tells its clients of it.

use super::script::DEVICES;
use super::world::{Due, World};
use trunkline_protocol::{Change, Conversation, ConversationId, Millis, Seq, ServerFrame, UserId};

/// What a node learns of a commit, for one connection.
#[derive(Clone, Debug)]
pub(crate) enum Nudge {
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
    /// What was read of it at this position, and not written yet.
    Described {
        conversation: Conversation,
        read_at: u64,
    },
    /// The answer to a send; nobody but its connection is owed it.
    Ack {
        frame: ServerFrame,
    },
}

/// A nudge on the bus, or lost on it.
#[derive(Debug)]
pub(crate) struct Pending {
    pub connection: u64,
    pub nudge: Nudge,
    pub position: u64,
    pub lost: bool,
    pub doubled: bool,
}

/// How the bus behaves for a while.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bus {
    pub lost: u64,
    pub doubled: u64,
    pub spread: u64,
    pub until: Millis,
}

impl World {
    /// Something was committed that a connection should hear of. Its node may learn of it late, twice or never.
    pub(crate) fn nudge(&mut self, connection: u64, nudge: Nudge) {
        let bus = if self.now < self.bus.until { self.bus } else { Bus::default() };
        let owed = matches!(nudge, Nudge::Ack { .. });
        let lost = !owed && self.random.chance(bus.lost);
        let doubled = !owed && !lost && self.random.chance(bus.doubled);
        let (number, position) = (self.number(), self.store.position);
        self.pending.insert(number, Pending { connection, nudge, position, lost, doubled });
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
    pub(crate) fn announce(&mut self, change: &Change, origin: Option<u64>) {
        let members_changed = change.body.changes_members();
        for at in 0..DEVICES {
            let row = &self.store.rows[&change.conversation];
            let user = self.devices[at].user;
            let is_member = row.member(user).is_some();
            let concerned = members_changed && row.members.contains_key(&user);
            for connection in self.connections_of(at) {
                if is_member && origin != Some(connection) {
                    self.nudge(connection, Nudge::Change(change.clone()));
                }
                if concerned {
                    self.nudge(connection, Nudge::Membership(change.conversation));
                }
            }
        }
    }

    /// Nodes read from the store what the bus has lost.
    pub(crate) fn follow(&mut self) {
        let lost: Vec<_> = self.pending.iter().filter(|(_, pending)| pending.lost).map(|(&at, _)| at).collect();
        for number in lost {
            let is_last = self.is_last_lost(number);
            if self.script.follows_whole || is_last {
                self.nudged(number);
            } else {
                // The head is announced, so the client knows that there is more.
                self.pending.remove(&number);
            }
        }
    }

    /// Whether no later change of the same log was lost on the way to the same connection.
    fn is_last_lost(&self, number: u64) -> bool {
        let this = &self.pending[&number];
        let Nudge::Change(change) = &this.nudge else { return true };
        let later = |that: &Pending| {
            let behind = |other: &Change| other.conversation == change.conversation && other.seq > change.seq;
            that.lost
                && that.connection == this.connection
                && matches!(&that.nudge, Nudge::Change(other) if behind(other))
        };
        !self.pending.values().any(later)
    }

    /// A node learns of a commit, from the bus or by following the store.
    pub(crate) fn nudged(&mut self, number: u64) {
        let Some(mut pending) = self.pending.remove(&number) else { return };
        // A description is read for each of them.
        if std::mem::take(&mut pending.doubled) && !matches!(pending.nudge, Nudge::Called(_)) {
            let again = Pending { nudge: pending.nudge.clone(), ..pending };
            self.pending.insert(number, again);
        }
        let at = pending.connection;
        let Some(connection) = self.connections.get_mut(&at) else { return };
        let (device, user) = (connection.device, self.devices[connection.device].user);
        if let Nudge::Ack { frame } = pending.nudge {
            return self.write(device, at, frame);
        }
        if connection.welcomed.is_none() {
            return;
        }
        match pending.nudge.clone() {
            Nudge::Ack { .. } => {}
            Nudge::Change(change) => {
                let row = &self.store.rows[&change.conversation];
                if connection.hears.get(&change.conversation).is_some_and(|&since| change.seq >= since) {
                    self.write(device, at, ServerFrame::Change { change });
                } else if row.member(user).is_some_and(|member| change.seq >= member.since) {
                    // The node does not know yet that this is for them.
                    self.pending.insert(number, Pending { lost: true, ..pending });
                }
            }
            Nudge::Membership(id) => {
                let since = self.store.rows[&id].member(user).map(|member| member.since);
                let heard = connection.hears.get(&id).copied();
                match since {
                    Some(since) if heard != Some(since) => {
                        connection.hears.insert(id, since);
                        let conversation = self.store.describe(user, id);
                        self.describe(at, conversation, self.store.position);
                    }
                    None if connection.hears.remove(&id).is_some() => {
                        self.write(device, at, ServerFrame::Left { conversation: id });
                    }
                    _ => {}
                }
            }
            Nudge::Called(id) if connection.hears.contains_key(&id) && self.store.rows[&id].member(user).is_some() => {
                // Read from the store now, written after what comes meanwhile.
                let (conversation, read_at) = (self.store.describe(user, id), self.store.position);
                let nudge = Nudge::Described { conversation, read_at };
                self.pending.insert(number, Pending { nudge, lost: false, ..pending });
                self.later(200, Due::Nudged { nudge: number });
            }
            Nudge::Called(_) => {}
            Nudge::Described { conversation, read_at } => self.describe(at, conversation, read_at),
            Nudge::Cursor { conversation, user: whose, .. } => {
                if connection.hears.contains_key(&conversation)
                    && self.store.rows[&conversation].member(whose).is_some()
                {
                    let told = if pending.lost { self.own_cursor(conversation, whose) } else { pending.nudge };
                    self.write(device, at, cursor_frame(told, whose == user));
                }
            }
        }
    }

    /// Writes a description, unless a newer one was written.
    pub(crate) fn describe(&mut self, at: u64, conversation: Conversation, position: u64) {
        let Some(connection) = self.connections.get_mut(&at) else { return };
        let before = connection.described.get(&conversation.id).copied().unwrap_or(0);
        if position >= before && connection.hears.contains_key(&conversation.id) {
            connection.described.insert(conversation.id, position);
            let device = connection.device;
            self.write(device, at, ServerFrame::Conversation { conversation });
        }
    }
}

pub(crate) fn cursor_frame(nudge: Nudge, own: bool) -> ServerFrame {
    let Nudge::Cursor { conversation, user, delivered, read, unread, head } = nudge else {
        unreachable!("only cursors come here");
    };
    let (unread, head) = if own { (Some(unread), head) } else { (None, Seq(0)) };
    ServerFrame::Cursor { conversation, user, delivered, read, unread, head }
}
