//! A device: the real client machine and its host, which owns the socket, the clock and the place where the outbox is kept.
//!
//! # Layout
//!
//! - `host`: carrying out what the client wants
//! - `incoming`: what comes over its connections
//! - `seen`: whether something goes back on the way (I8)

mod host;
mod incoming;
mod seen;

use crate::history::Event;
use crate::line::Line;
use crate::lock;
use crate::schedule::Moment;
use crate::world::{BASE, World};
use seen::Seen;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use trunkline_protocol::client::outbox::{Entry, EntryState};
use trunkline_protocol::client::{Client, Socket};
use trunkline_protocol::{ConversationId, Epoch, Millis, SendKey, Seq, SessionId, UserId};

/// How many of the newest changes a page shows.
const SHOWN: u64 = 60;

/// See the module.
pub struct Device {
    /// Which.
    pub number: usize,
    /// Whose.
    pub user: UserId,
    /// Its login.
    pub session: SessionId,
    /// The cookie's hash.
    pub token: [u8; 32],
    /// The machine.
    pub client: Client,
    /// Whether the page shows every conversation's log.
    pub holds_all: bool,
    /// Whether the page is there.
    pub open: bool,
    /// Nothing is read before.
    pub slow_until: Moment,
    /// What survives a reload.
    pub storage: BTreeMap<SendKey, Entry>,
    /// What it was told last of whom it watches.
    pub presence: BTreeMap<UserId, bool>,
    /// How far its clock is off.
    skew: Millis,
    sockets: BTreeMap<Socket, Arc<Line>>,
    held: BTreeSet<ConversationId>,
    /// When a socket's hello was said, and when a range was asked for.
    hello_at: BTreeMap<Socket, Moment>,
    asked_at: BTreeMap<(Socket, ConversationId), Moment>,
    told: BTreeSet<(Epoch, ConversationId, Seq)>,
    tick_at: Option<Millis>,
    live: bool,
    seen: Seen,
}

impl Device {
    /// A page that was not loaded yet.
    #[must_use]
    pub fn new(number: usize, user: UserId, session: SessionId, token: [u8; 32], skew: Millis) -> Self {
        Self {
            number,
            user,
            session,
            token,
            client: Client::new(user, number as u64, Vec::new()),
            holds_all: true,
            open: false,
            slow_until: 0,
            storage: BTreeMap::new(),
            presence: BTreeMap::new(),
            skew,
            sockets: BTreeMap::new(),
            held: BTreeSet::new(),
            hello_at: BTreeMap::new(),
            asked_at: BTreeMap::new(),
            told: BTreeSet::new(),
            tick_at: None,
            live: false,
            seen: Seen::default(),
        }
    }

    /// Its clock.
    fn now(&self, world: &World) -> Millis {
        BASE + world.schedule.now() as Millis + self.skew
    }

    /// The epoch that it believes in.
    fn epoch(&self) -> Option<Epoch> {
        self.client.position().0
    }

    /// Its connections.
    #[must_use]
    pub fn lines(&self) -> Vec<Arc<Line>> {
        self.sockets.values().cloned().collect()
    }

    /// Its messages that were refused for good.
    #[must_use]
    pub fn failed(&self) -> Vec<SendKey> {
        let failed = |entry: &&Entry| matches!(entry.state, EntryState::Failed { .. });
        self.storage.values().filter(failed).map(|entry| entry.key).collect()
    }

    /// Loads the page: a client that knows nothing but the kept outbox.
    pub fn load(&mut self, world: &Arc<World>, seed: u64, holds_all: bool) {
        self.shut(world);
        self.client = Client::new(self.user, seed, self.storage.values().cloned().collect());
        (self.holds_all, self.open, self.tick_at) = (holds_all, true, None);
        self.held.clear();
        self.seen = Seen::default();
        self.presence.clear();
        world.history.note(Event::Loaded { device: self.number, user: self.user, session: self.session });
        let now = self.now(world);
        self.client.watch(world.people.clone());
        self.client.connect(now);
        self.act(world);
    }

    /// Closes the page.
    pub fn shut(&mut self, world: &Arc<World>) {
        for line in std::mem::take(&mut self.sockets).into_values() {
            world.hang_up(&line);
        }
        if std::mem::take(&mut self.live) {
            world.history.note(Event::Live { device: self.number, live: false });
        }
        self.open = false;
    }

    /// Does something as its user, and carries out what follows.
    pub fn with<R>(&mut self, world: &Arc<World>, work: impl FnOnce(&mut Client, Millis) -> R) -> R {
        let now = self.now(world);
        let result = work(&mut self.client, now);
        self.act(world);
        result
    }

    /// Holds the newest part of a log.
    pub fn hold(&mut self, world: &Arc<World>, conversation: ConversationId, count: u64) {
        if self.client.replica(conversation).is_some() {
            self.held.insert(conversation);
            world.history.note(Event::Held { device: self.number, conversation });
            self.with(world, |client, now| client.hold_latest(now, conversation, count));
        }
    }

    /// Carries out what the client wants.
    fn act(&mut self, world: &Arc<World>) {
        if !self.open {
            return;
        }
        loop {
            for action in self.client.take_actions() {
                self.carry_out(world, action);
            }
            if !self.hold_more(world) {
                break;
            }
        }
        for what in self.seen.look(self.user, &self.client) {
            let what = format!("device {}: {what}", self.number);
            world.history.note(Event::Violation { invariant: 8, what });
        }
        let due = self.client.deadline();
        if due != self.tick_at {
            self.tick_at = due;
            if let Some(due) = due {
                let (world, number) = (world.clone(), self.number);
                let wait = u64::try_from(due - self.now(&world)).unwrap_or(0);
                world.clone().schedule.after(wait, move || lock(&world.devices[number]).tick(&world, due));
            }
        }
    }

    fn tick(&mut self, world: &Arc<World>, due: Millis) {
        if self.tick_at != Some(due) || !self.open {
            return;
        }
        self.tick_at = None;
        let now = self.now(world);
        self.client.tick(now);
        if self.client.deadline().is_some_and(|next| next <= now) {
            let what = format!("device {}: a busy loop", self.number);
            world.history.note(Event::Violation { invariant: 11, what });
            self.open = false;
        }
        self.act(world);
    }

    /// Begins to hold what came to be known. Returns whether there was something.
    fn hold_more(&mut self, world: &Arc<World>) -> bool {
        if !self.holds_all {
            return false;
        }
        let known = self.client.replicas().map(|replica| replica.conversation().id);
        let unheld: Vec<_> = known.filter(|id| !self.held.contains(id)).collect();
        let now = self.now(world);
        for &conversation in &unheld {
            self.held.insert(conversation);
            world.history.note(Event::Held { device: self.number, conversation });
            self.client.hold_latest(now, conversation, SHOWN);
        }
        !unheld.is_empty()
    }
}
