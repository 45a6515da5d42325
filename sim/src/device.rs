//! A device: the real client machine and its host, which owns the socket, the clock and the place where the outbox is kept.

use crate::history::Event;
use crate::line::{Line, code_of};
use crate::lock;
use crate::schedule::Moment;
use crate::world::{BASE, World};
use axum::extract::ws::Message;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use trunkline_protocol::client::outbox::{Entry, EntryState};
use trunkline_protocol::client::{Action, Client, Event as Told, Link, Socket};
use trunkline_protocol::{
    ClientFrame, ConversationId, Epoch, Millis, Position, SendKey, Seq, ServerFrame, SessionId, UserId,
};

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

/// What was seen of a client, to notice when something goes back.
#[derive(Default)]
struct Seen {
    position: (Option<Epoch>, Position),
    /// By conversation and since when the user is in it: known read cursor, own read cursor, head, end of the log.
    marks: BTreeMap<(ConversationId, Seq), [Seq; 4]>,
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
        self.check(world);
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

    fn carry_out(&mut self, world: &Arc<World>, action: Action) {
        let device = self.number;
        match action {
            Action::Connect(socket) => {
                let line = world.dial(device, socket, self.session, self.token);
                world.history.note(Event::Dialled { device, slot: line.slot });
                self.sockets.insert(socket, line);
            }
            Action::Disconnect(socket) => {
                if let Some(line) = self.sockets.remove(&socket) {
                    world.hang_up(&line);
                }
            }
            Action::Transmit(socket, frame) => {
                let Some(line) = self.sockets.get(&socket) else { return };
                let now = world.schedule.now();
                match &frame {
                    ClientFrame::Hello { .. } => drop(self.hello_at.insert(socket, now)),
                    // Of several questions the earliest, so that an answer is never held against a later one.
                    ClientFrame::Fetch { conversation, .. } => {
                        self.asked_at.entry((socket, *conversation)).or_insert(now);
                    }
                    _ => {}
                }
                let text = serde_json::to_string(&frame).unwrap_or_default();
                world.up(line, Message::Text(text.into()));
            }
            Action::Keep(entry) => drop(self.storage.insert(entry.key, entry)),
            Action::Forget(key) => drop(self.storage.remove(&key)),
            Action::Notify(told) => self.notified(world, told),
        }
    }

    fn notified(&mut self, world: &Arc<World>, told: Told) {
        let device = self.number;
        match told {
            Told::Applied(_, changes) => {
                let Some(epoch) = self.epoch() else { return };
                for change in changes {
                    world.history.note(Event::Shown { device, epoch, change });
                }
            }
            Told::Left(conversation) => {
                self.held.remove(&conversation);
                self.seen.marks.retain(|&(id, _), _| id != conversation);
                world.history.note(Event::Left { device, conversation });
            }
            Told::Reset => {
                self.held.clear();
                self.seen = Seen::default();
                world.history.note(Event::Reset { device });
            }
            Told::Link => {
                let live = self.client.link() == Link::Live;
                if std::mem::replace(&mut self.live, live) != live {
                    world.history.note(Event::Live { device, live });
                }
            }
            Told::Presence(users) => {
                for presence in users {
                    if self.presence.insert(presence.user, presence.online) != Some(presence.online) {
                        let (user, online) = (presence.user, presence.online);
                        world.history.note(Event::Presence { device, user, online });
                    }
                }
            }
            _ => {}
        }
    }

    /// Whether a connection is still one of its own.
    fn has(&self, line: &Line) -> bool {
        self.sockets.get(&line.socket).is_some_and(|known| known.number == line.number)
    }

    /// A message has come over one of its connections.
    fn received(&mut self, world: &Arc<World>, line: &Arc<Line>, message: &Message) {
        let now = self.now(world);
        match message {
            Message::Text(text) => {
                let Ok(frame) = serde_json::from_str::<ServerFrame>(text) else { return };
                let ack = if let ServerFrame::Ack { key, conversation, seq, .. } = &frame {
                    Some((*key, *conversation, *seq))
                } else {
                    None
                };
                if let ServerFrame::Refused { key, code, retry_after: None, .. } = &frame {
                    world.history.note(Event::Refused { device: self.number, key: *key, code: *code });
                }
                if let ServerFrame::Cursor { conversation, user, delivered, read, .. } = frame {
                    let device = self.number;
                    world.history.note(Event::Cursor { device, conversation, user, delivered, read });
                }
                let told = contents(&frame);
                let heads = self.heads(line.socket, &frame);
                self.client.received(now, line.socket, frame);
                // Under the epoch that the client believes in once it has taken the frame in.
                if let Some(epoch) = self.epoch() {
                    if let Some((key, conversation, seq)) = ack {
                        world.history.note(Event::Acked { device: self.number, key, conversation, seq, epoch });
                    }
                    for (conversation, seq) in told {
                        if self.told.insert((epoch, conversation, seq)) {
                            world.history.note(Event::Told { device: self.number, epoch, conversation, seq });
                        }
                    }
                    for (asked, conversation, head) in heads {
                        world.history.note(Event::Head { device: self.number, asked, epoch, conversation, head });
                    }
                }
                self.act(world);
            }
            Message::Ping(bytes) => world.up(line, Message::Pong(bytes.clone())),
            Message::Close(close) => self.lost(world, line, code_of(close.as_ref())),
            Message::Binary(_) | Message::Pong(_) => {}
        }
    }

    fn heads(&mut self, socket: Socket, frame: &ServerFrame) -> Vec<(Moment, ConversationId, Seq)> {
        match frame {
            ServerFrame::Welcome { conversations, .. } => {
                let Some(&asked) = self.hello_at.get(&socket) else { return Vec::new() };
                conversations.iter().map(|given| (asked, given.id, given.head)).collect()
            }
            ServerFrame::Range { conversation, head, .. } => {
                let asked = self.asked_at.remove(&(socket, *conversation));
                asked.map(|asked| (asked, *conversation, *head)).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    /// One of its connections is closed.
    fn lost(&mut self, world: &Arc<World>, line: &Arc<Line>, code: Option<u16>) {
        if self.has(line) {
            self.sockets.remove(&line.socket);
            let now = self.now(world);
            self.client.closed(now, line.socket, code);
            self.act(world);
        }
    }

    /// I8, whenever something has happened.
    fn check(&mut self, world: &Arc<World>) {
        let device = self.number;
        let wrong = |what: String| {
            world.history.note(Event::Violation { invariant: 8, what: format!("device {device}: {what}") });
        };
        let position = self.client.position();
        let before = std::mem::replace(&mut self.seen.position, position);
        if position.0 == before.0 && position.1 < before.1 {
            wrong(format!("the position went back from {} to {}", before.1, position.1));
        }
        for replica in self.client.replicas() {
            let conversation = replica.conversation();
            // Removed: the page is about to hear that it is out.
            let Some(known) = conversation.member(self.user).map(|member| member.read) else { continue };
            let end = replica.held().last().map_or(Seq(0), |last| last.seq);
            let marks = [known, replica.cursors().1, conversation.head, end];
            let key = (conversation.id, conversation.since);
            let before = self.seen.marks.insert(key, marks).unwrap_or_default();
            if marks[..3].iter().zip(&before[..3]).any(|(now, before)| now < before) {
                wrong(format!("in {} something went back from {before:?} to {marks:?}", conversation.id));
            }
            if replica.held().windows(2).any(|pair| pair[0].seq.next() != pair[1].seq) {
                wrong(format!("the log of {} has a hole on screen", conversation.id));
            }
        }
    }
}

/// What a frame has the content of.
fn contents(frame: &ServerFrame) -> Vec<(ConversationId, Seq)> {
    match frame {
        ServerFrame::Change { change } => vec![(change.conversation, change.seq)],
        ServerFrame::Range { conversation, changes, .. } => {
            changes.iter().map(|change| (*conversation, change.seq)).collect()
        }
        ServerFrame::Conversation { conversation } => {
            conversation.last_message.iter().map(|last| (conversation.id, last.seq)).collect()
        }
        ServerFrame::Welcome { conversations, .. } => {
            conversations.iter().flat_map(|given| given.last_message.iter().map(|last| (given.id, last.seq))).collect()
        }
        _ => Vec::new(),
    }
}

impl World {
    /// A device reads what has come, unless it is slow.
    pub fn device_reads(self: &Arc<Self>, line: &Arc<Line>) {
        loop {
            let mut device = lock(&self.devices[line.device]);
            let now = self.schedule.now();
            if device.slow_until > now {
                let (world, line) = (self.clone(), line.clone());
                let wait = device.slow_until - now;
                self.schedule.after(wait, move || world.device_reads(&line));
                return;
            }
            let Some(message) = line.read() else { return };
            match message {
                Some(message) if device.has(line) => device.received(self, line, &message),
                Some(_) => {}
                None => device.lost(self, line, None),
            }
        }
    }

    /// A device finds that a connection is closed.
    pub fn device_loses(self: &Arc<Self>, line: &Arc<Line>, code: Option<u16>) {
        lock(&self.devices[line.device]).lost(self, line, code);
    }

    /// A connection is open.
    pub fn device_opened(self: &Arc<Self>, line: &Arc<Line>) {
        let mut device = lock(&self.devices[line.device]);
        if device.has(line) {
            device.with(self, |client, _| client.opened(line.socket));
        }
    }
}
