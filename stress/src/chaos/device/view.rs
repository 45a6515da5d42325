//! What a device knows and was shown.

use super::Holds;
use crate::chaos::history::{Life, Shown};
use std::collections::{BTreeMap, VecDeque};
use trunkline_protocol::client::outbox::Entry;
use trunkline_protocol::client::replica::Replica;
use trunkline_protocol::client::{Action, Client, Event};
use trunkline_protocol::{ConversationId, Epoch, Millis, Position, SendKey, Seq, UserId};

/// See the module.
#[derive(Debug)]
pub(crate) struct View {
    /// The state machine.
    pub(crate) client: Client,
    pub(crate) life: Life,
    /// Whether those it watches are online, and since when it knows so.
    pub(crate) presence: BTreeMap<UserId, (bool, Millis)>,
    /// When something was heard last.
    pub(crate) heard: Millis,
    /// How often it was welcomed.
    pub(crate) welcomes: u32,
    /// How its sockets ended.
    pub(crate) closes: Vec<(Millis, Option<u16>, String)>,
    pub(super) holds: Holds,
    /// The outbox as a browser keeps it.
    pub(super) kept: BTreeMap<SendKey, Entry>,
    /// What the host has to do.
    pub(super) orders: VecDeque<Action>,
    /// How often the page was loaded anew: sockets of before are nobody's.
    pub(super) loads: u32,
    position: (Option<Epoch>, Position),
    /// Read cursors, as they were last seen.
    cursors: BTreeMap<ConversationId, Seq>,
}

/// How far a user has read: on this device, or as far as it was told on others.
pub(crate) fn read_to(replica: &Replica, user: UserId) -> Seq {
    let told = replica.conversation().member(user).map_or(Seq(0), |member| member.read);
    told.max(replica.cursors().1)
}

impl View {
    pub(super) const fn new(client: Client, holds: Holds, life: Life) -> Self {
        Self {
            client,
            life,
            presence: BTreeMap::new(),
            heard: 0,
            welcomes: 0,
            closes: Vec::new(),
            holds,
            kept: BTreeMap::new(),
            orders: VecDeque::new(),
            loads: 0,
            position: (None, Position(0)),
            cursors: BTreeMap::new(),
        }
    }

    /// Everything is gone but the kept outbox. Gives what was shown before.
    pub(super) fn reload(&mut self, seed: u64, now: Millis) -> Life {
        let (device, user) = (self.life.device, self.life.user);
        let fresh = Life { device, user, goes_on: true, shown: BTreeMap::new(), resets: 0, slips: Vec::new() };
        let ended = Life { goes_on: false, ..std::mem::replace(&mut self.life, fresh) };
        self.client = Client::new(user, seed, self.kept.values().cloned().collect());
        self.client.connect(now);
        (self.position, self.loads) = ((None, Position(0)), self.loads + 1);
        self.orders.clear();
        self.cursors.clear();
        self.presence.clear();
        self.carry_out(now);
        ended
    }

    /// Carries out what needs no socket at once, as a browser does, and keeps the rest for the host.
    pub(super) fn carry_out(&mut self, now: Millis) {
        loop {
            let actions = self.client.take_actions();
            if actions.is_empty() {
                return self.watch_positions();
            }
            for action in actions {
                match action {
                    Action::Keep(entry) => drop(self.kept.insert(entry.key, entry)),
                    Action::Forget(key) => drop(self.kept.remove(&key)),
                    Action::Notify(event) => self.notified(event, now),
                    Action::Connect(_) | Action::Disconnect(_) | Action::Transmit(..) => self.orders.push_back(action),
                }
            }
        }
    }

    fn notified(&mut self, event: Event, now: Millis) {
        match event {
            Event::Applied(conversation, changes) => {
                let shown = changes.into_iter().map(|change| Shown { at: now, change });
                self.life.shown.entry(conversation).or_default().extend(shown);
            }
            Event::Conversation(conversation) => self.hold(conversation, now),
            Event::Presence(users) => {
                self.presence.extend(users.into_iter().map(|presence| (presence.user, (presence.online, now))));
            }
            Event::Reset => {
                self.life.resets += 1;
                self.cursors.clear();
            }
            Event::Left(conversation) => drop(self.cursors.remove(&conversation)),
            Event::Link | Event::Outbox(_) | Event::Typing(..) | Event::Health | Event::Refused(..) => {}
        }
    }

    fn hold(&mut self, conversation: ConversationId, now: Millis) {
        let Some(replica) = self.client.replica(conversation).filter(|replica| !replica.is_held()) else { return };
        let since = replica.conversation().since.max(Seq(1));
        let latest = match &self.holds {
            Holds::All => None,
            Holds::AllOf(all, _) if all.contains(&conversation) => None,
            Holds::AllOf(_, count) | Holds::Latest(count) => Some(*count),
        };
        match latest {
            // Not even the newest: then it only knows that there is something.
            Some(0) => {}
            Some(count) => self.client.hold_latest(now, conversation, count),
            None => self.client.hold(now, conversation, since, Vec::new()),
        }
    }

    /// Positions and read cursors never go back without another epoch (I8).
    fn watch_positions(&mut self) {
        let (epoch, position) = self.client.position();
        if epoch == self.position.0 && position < self.position.1 {
            self.life.slips.push(format!("the position went from {} back to {position}", self.position.1));
        }
        self.position = (epoch, position);
        for replica in self.client.replicas() {
            let (id, now) = (replica.conversation().id, read_to(replica, self.life.user));
            let before = self.cursors.insert(id, now).unwrap_or_default();
            if now < before {
                let member = replica.conversation().member(self.life.user);
                let standing =
                    member.map_or_else(|| "as no member".to_owned(), |member| format!("as one since {}", member.since));
                self.life.slips.push(format!("the read cursor in {id} went from {before} back to {now}, {standing}"));
            }
        }
    }
}
