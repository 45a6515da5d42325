//! The design that Trunkline began as an answer to, as a small model under the same scripts: a node that takes a message in
//! pushes it to the receiver if they are connected here, publishes it if a set of names in Redis has theirs, and else adds it
//! to a list of unread messages; and answers that all is well. Who connects reads that list, deletes it, then subscribes.
//!
//! Where the article leaves something open, the model takes what loses less: Redis keeps what it was told but for faults that
//! say otherwise, pages connect again by themselves, what one page sends arrives in its order, and what still waits in a list
//! in the end is not lost. Groups that are made or changed, rollbacks and what happens to a database are left out: it has none.

mod faults;

use crate::bus::Manners;
use crate::random::Random;
use crate::schedule::Moment;
use crate::script::{DEVICES, SLOTS, Script, Step};
use crate::world::USUAL_DELAY;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::AddAssign;

/// Whose pages these are, as in the simulation.
const OWNERS: [usize; DEVICES] = [0, 0, 1, 1, 2, 3];
/// Who talks where, as in the simulation.
const CONVERSATIONS: [&[usize]; 3] = [&[0, 1, 2, 3], &[0, 1], &[0, 1, 2]];
/// Within this time both ends of a connection that was cut know it, in milliseconds.
const NOTICED_WITHIN: u64 = 200;
/// A missing heartbeat is noticed after so long.
const HEARTBEAT: u64 = 20_000;
/// How long a page waits before it connects again, and a process that was killed before it is there again.
const AGAIN: u64 = 1_000;
/// Between what Redis is asked first and what it is asked next.
const ROUND_TRIP: u64 = 4;
/// How long everything has to come to rest after the last step.
const AT_REST_AFTER: u64 = 60_000;

/// What became of the messages of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Messages whose sender was told that all is well.
    pub accepted: u64,
    /// Those that somebody was never shown, on no page of theirs, and never will be.
    pub lost: u64,
    /// How often a page showed one again.
    pub doubled: u64,
    /// How often a page showed one behind a later one of the same sender.
    pub reordered: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.reordered += other.reordered;
    }
}

/// What becomes of the messages of this script.
#[must_use]
pub fn run(seed: u64, script: &Script) -> Tally {
    let mut model = Model::new(Random::new(seed).fork(1));
    let mut at = 0;
    for device in 0..DEVICES {
        model.after(0, Event::Connect { device, life: 0 });
    }
    at += 3_000;
    for (pause, step) in &script.steps {
        at += pause;
        model.at(at, Event::Step(step.clone()));
    }
    model.at(at + 4_000, Event::Heal);
    model.play(at + AT_REST_AFTER);
    model.tally()
}

/// Number of a message, which is also the order of sending.
type Message = usize;
/// A process: where, and its how many-eth there.
type Process = (usize, u32);

struct Sent {
    device: usize,
    conversation: usize,
    accepted: bool,
}

#[derive(Clone)]
enum Event {
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
struct Node {
    life: u32,
    down: bool,
    frozen: bool,
    deaf: bool,
    /// Who is connected: user, page and its life.
    local: BTreeSet<(usize, usize, u32)>,
    waiting: Vec<Event>,
}

#[derive(Default)]
struct Page {
    open: bool,
    life: u32,
    at: Option<Process>,
    slow_until: Moment,
    /// When the last thing that was pushed, or posted, arrives.
    pushed: Moment,
    posted: Moment,
    shown: Vec<Message>,
}

struct Model {
    now: Moment,
    random: Random,
    events: BTreeMap<(Moment, u64), Event>,
    numbers: u64,
    nodes: [Node; SLOTS],
    pages: [Page; DEVICES],
    sent: Vec<Sent>,
    online: BTreeSet<usize>,
    unread: BTreeMap<usize, Vec<Message>>,
    manners: Manners,
    redis_fails: bool,
    most_delay: u64,
    published: BTreeMap<(usize, usize), Moment>,
}

impl Model {
    fn new(random: Random) -> Self {
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

    fn at(&mut self, at: Moment, event: Event) {
        self.numbers += 1;
        self.events.insert((at, self.numbers), event);
    }

    fn after(&mut self, millis: u64, event: Event) {
        self.at(self.now + millis, event);
    }

    fn delay(&mut self) -> u64 {
        1 + self.random.below(self.most_delay)
    }

    fn play(&mut self, until: Moment) {
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

    // ---- what the article does -----------------------------------------------------------------------------------

    fn connect(&mut self, device: usize, life: u32) {
        if !self.pages[device].open || self.pages[device].life != life || self.pages[device].at.is_some() {
            return;
        }
        let up: Vec<_> = (0..SLOTS).filter(|&slot| !self.nodes[slot].down).collect();
        let Some(slot) = self.random.one_of(&up) else {
            return self.after(AGAIN, Event::Connect { device, life });
        };
        let at = (slot, self.nodes[slot].life);
        self.pages[device].at = Some(at);
        let read =
            if self.redis_fails { Vec::new() } else { self.unread.get(&OWNERS[device]).cloned().unwrap_or_default() };
        let between = 1 + self.random.below(ROUND_TRIP);
        let delay = self.delay() + between;
        self.after(delay, Event::Delete { device, life, at, read });
    }

    fn take_in(&mut self, message: Message, life: u32, at: Process) {
        let Sent { device, conversation, .. } = self.sent[message];
        for &receiver in CONVERSATIONS[conversation].iter().filter(|&&user| user != OWNERS[device]) {
            if self.nodes[at.0].local.iter().any(|known| known.0 == receiver) {
                self.push_local(message, receiver, at.0);
            } else if self.redis_fails {
                // The call fails, and its sender is told.
                return;
            } else if self.online.contains(&receiver) {
                if self.manners.down {
                    return;
                }
                self.publish(message, receiver, at.0);
            } else {
                self.unread.entry(receiver).or_default().push(message);
            }
        }
        let delay = self.delay();
        self.after(delay, Event::Accepted { message, life });
    }

    fn publish(&mut self, message: Message, receiver: usize, from: usize) {
        for slot in 0..SLOTS {
            let copies = 1 + u64::from(self.random.chance(self.manners.doubled));
            for _ in 0..copies {
                if self.nodes[slot].deaf || self.random.chance(self.manners.lost) {
                    continue;
                }
                let takes = 1 + self.random.below(ROUND_TRIP) + self.random.below(self.manners.spread);
                let last = self.published.entry((from, slot)).or_default();
                let arrives = if self.manners.reorders { self.now + takes } else { (self.now + takes).max(*last) };
                *last = arrives.max(*last);
                let at = (slot, self.nodes[slot].life);
                self.at(arrives, Event::Published { message, receiver, at });
            }
        }
    }

    fn push_local(&mut self, message: Message, receiver: usize, slot: usize) {
        let here: Vec<_> = self.nodes[slot].local.iter().filter(|known| known.0 == receiver).copied().collect();
        for (_, device, life) in here {
            self.push(message, device, life);
        }
    }

    fn push(&mut self, message: Message, device: usize, life: u32) {
        let delay = self.delay();
        let page = &mut self.pages[device];
        page.pushed = (self.now + delay).max(page.pushed).max(page.slow_until);
        let at = page.pushed;
        self.at(at, Event::Shown { message, device, life });
    }
}
