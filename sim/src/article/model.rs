//! Nodes, pages and Redis of the model, and what will happen when.

use crate::bus::Manners;
use crate::random::Random;
use crate::schedule::Moment;
use crate::script::{DEVICES, OWNERS, SLOTS, Step};
use crate::world::USUAL_DELAY;
use std::collections::{BTreeMap, BTreeSet};

/// Number of a message, which is also the order of sending.
pub(super) type Message = usize;
/// A process: where, and its how many-eth there.
pub(super) type Process = (usize, u32);

pub(super) struct Sent {
    pub(super) device: usize,
    pub(super) conversation: usize,
    pub(super) accepted: bool,
}

#[derive(Clone)]
pub(super) enum Event {
    Step(Step),
    Heal,
    /// The page asks for a connection; of which of its lives this is.
    Connect {
        device: usize,
        life: u32,
    },
    /// The node has read the unread list, and deletes it.
    Delete {
        device: usize,
        life: u32,
        at: Process,
        read: Vec<Message>,
    },
    /// The page subscribes.
    Subscribe {
        device: usize,
        life: u32,
        at: Process,
    },
    /// A message reaches a node.
    Post {
        message: Message,
        life: u32,
        at: Process,
    },
    /// The answer reaches the page.
    Accepted {
        message: Message,
        life: u32,
    },
    /// What was published reaches a node.
    Published {
        message: Message,
        receiver: usize,
        at: Process,
    },
    /// A message reaches a page.
    Shown {
        message: Message,
        device: usize,
        life: u32,
    },
    /// A node finds that a connection is gone.
    Gone {
        device: usize,
        life: u32,
        at: Process,
    },
    Start {
        slot: usize,
    },
    Thaw {
        slot: usize,
    },
    Manners(Manners),
    Redis(bool),
    Delay(u64),
}

#[derive(Default)]
pub(super) struct Node {
    pub(super) life: u32,
    pub(super) down: bool,
    pub(super) frozen: bool,
    pub(super) deaf: bool,
    /// Who is connected: user, page and its life.
    pub(super) local: BTreeSet<(usize, usize, u32)>,
    pub(super) waiting: Vec<Event>,
}

#[derive(Default)]
pub(super) struct Page {
    pub(super) open: bool,
    pub(super) life: u32,
    pub(super) at: Option<Process>,
    pub(super) slow_until: Moment,
    /// When the last thing that was pushed, or posted, arrives.
    pub(super) pushed: Moment,
    pub(super) posted: Moment,
    pub(super) shown: Vec<Message>,
}

pub(super) struct Model {
    pub(super) now: Moment,
    pub(super) random: Random,
    pub(super) events: BTreeMap<(Moment, u64), Event>,
    pub(super) numbers: u64,
    pub(super) nodes: [Node; SLOTS],
    pub(super) pages: [Page; DEVICES],
    pub(super) sent: Vec<Sent>,
    pub(super) online: BTreeSet<usize>,
    pub(super) unread: BTreeMap<usize, Vec<Message>>,
    pub(super) manners: Manners,
    pub(super) redis_fails: bool,
    pub(super) most_delay: u64,
    pub(super) published: BTreeMap<(usize, usize), Moment>,
}

impl Model {
    pub(super) fn new(random: Random) -> Self {
        let page = || Page { open: true, ..Page::default() };
        Self {
            now: 0,
            random,
            events: BTreeMap::new(),
            numbers: 0,
            nodes: Default::default(),
            pages: std::array::from_fn(|_| page()),
            sent: Vec::new(),
            online: BTreeSet::new(),
            unread: BTreeMap::new(),
            manners: Manners::default(),
            redis_fails: false,
            most_delay: USUAL_DELAY,
            published: BTreeMap::new(),
        }
    }

    pub(super) fn at(&mut self, at: Moment, event: Event) {
        self.numbers += 1;
        self.events.insert((at, self.numbers), event);
    }

    pub(super) fn after(&mut self, millis: u64, event: Event) {
        self.at(self.now + millis, event);
    }

    pub(super) fn delay(&mut self) -> u64 {
        1 + self.random.below(self.most_delay)
    }

    pub(super) fn play(&mut self, until: Moment) {
        while let Some(((at, _), event)) = self.events.pop_first() {
            if at > until {
                return;
            }
            self.now = at;
            self.happen(event);
        }
    }

    fn lives(&self, (slot, life): Process) -> bool {
        !self.nodes[slot].down && self.nodes[slot].life == life
    }

    fn happen(&mut self, event: Event) {
        if let Event::Delete { at, .. }
        | Event::Subscribe { at, .. }
        | Event::Post { at, .. }
        | Event::Published { at, .. }
        | Event::Gone { at, .. } = &event
        {
            if !self.lives(*at) {
                return;
            }
            if self.nodes[at.0].frozen {
                return self.nodes[at.0].waiting.push(event);
            }
        }
        match event {
            Event::Step(step) => self.step(&step),
            Event::Heal => self.heal(),
            Event::Connect { device, life } => self.connect(device, life),
            Event::Delete { device, life, at, read } => {
                if !self.redis_fails {
                    self.unread.remove(&OWNERS[device]);
                }
                for message in read {
                    self.push(message, device, life);
                }
                let delay = self.delay() + self.delay();
                self.after(delay, Event::Subscribe { device, life, at });
            }
            Event::Subscribe { device, life, at } => {
                if self.pages[device].life == life && self.pages[device].at == Some(at) {
                    self.nodes[at.0].local.insert((OWNERS[device], device, life));
                    if !self.redis_fails {
                        self.online.insert(OWNERS[device]);
                    }
                }
            }
            Event::Post { message, life, at } => self.take_in(message, life, at),
            Event::Accepted { message, life } => {
                let sent = &mut self.sent[message];
                sent.accepted |= self.pages[sent.device].life == life;
            }
            Event::Published { message, receiver, at } => self.push_local(message, receiver, at.0),
            Event::Shown { message, device, life } => {
                if self.pages[device].life == life {
                    self.pages[device].shown.push(message);
                }
            }
            Event::Gone { device, life, at } => {
                let user = OWNERS[device];
                let node = &mut self.nodes[at.0];
                let was = node.local.remove(&(user, device, life));
                if was && node.local.iter().all(|known| known.0 != user) && !self.redis_fails {
                    self.online.remove(&user);
                }
            }
            Event::Start { slot } => self.nodes[slot].down = false,
            Event::Thaw { slot } => self.thaw(slot),
            Event::Manners(manners) => self.manners = manners,
            Event::Redis(fails) => self.redis_fails = fails,
            Event::Delay(most) => self.most_delay = most,
        }
    }
}
