//! The bus: it delays, loses, doubles and reorders, it can be down, and a node can be deaf on it without knowing. As with
//! Redis, whose names contain the epoch, nodes of two histories do not hear each other.

use crate::gate::{Gate, Mode};
use crate::lock;
use crate::random::Random;
use crate::schedule::{Moment, Schedule};
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::{mpsc, watch};
use trunkline_protocol::{Epoch, NodeId};
use trunkline_server::bus::{Bus, BusHealth, Destination, INBOX};

/// How the bus behaves. What it does by itself is in the contract of the seam; reordering is worse than that allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manners {
    /// So many of a hundred envelopes are lost.
    pub lost: u64,
    /// So many come twice.
    pub doubled: u64,
    /// How long one may take, in milliseconds, beside the usual.
    pub spread: u64,
    /// Whether they overtake each other.
    pub reorders: bool,
    /// Nothing goes through, and everybody knows.
    pub down: bool,
}

/// What the nodes share. Clones are the same.
#[derive(Clone)]
pub struct Ether {
    schedule: Schedule,
    state: Arc<Mutex<State>>,
}

struct State {
    random: Random,
    manners: Manners,
    ears: BTreeMap<NodeId, Ear>,
    deaf: BTreeSet<usize>,
    /// When the last envelope of one node to another arrives.
    arrived: BTreeMap<(usize, NodeId), Moment>,
    /// One for each process: who waits for the same one is woken in an order that is not drawn from the seed.
    health: BTreeMap<usize, watch::Sender<BusHealth>>,
}

struct Ear {
    slot: usize,
    history: Epoch,
    inbox: mpsc::Sender<Bytes>,
    dropped: Arc<AtomicU64>,
}

impl Ether {
    /// One that nobody listens to.
    #[must_use]
    pub fn new(schedule: Schedule, random: Random) -> Self {
        let state = State {
            random,
            manners: Manners::default(),
            ears: BTreeMap::new(),
            deaf: BTreeSet::new(),
            arrived: BTreeMap::new(),
            health: BTreeMap::new(),
        };
        Self { schedule, state: Arc::new(Mutex::new(state)) }
    }

    /// From now on it behaves like this.
    pub fn set(&self, manners: Manners) {
        let mut state = lock(&self.state);
        state.manners = manners;
        let now = health_of(manners);
        for health in state.health.values() {
            health.send_if_modified(|known| std::mem::replace(known, now) != now);
        }
    }

    /// Whether the node in this place hears anything, until it connects anew.
    pub fn set_deaf(&self, slot: usize, deaf: bool) {
        let mut state = lock(&self.state);
        if deaf {
            state.deaf.insert(slot);
        } else {
            state.deaf.remove(&slot);
        }
    }

    /// The process in this place is gone.
    pub fn forget(&self, slot: usize) {
        let mut state = lock(&self.state);
        state.ears.retain(|_, ear| ear.slot != slot);
        state.deaf.remove(&slot);
    }

    /// The bus of one process, which serves this history.
    pub fn bus(&self, slot: usize, history: Epoch, gate: Arc<Gate>) -> SimBus {
        SimBus { ether: self.clone(), slot, history, gate, dropped: Arc::default() }
    }

    fn arrive(&self, to: NodeId, envelope: Bytes) {
        let state = lock(&self.state);
        let Some(ear) = state.ears.get(&to) else { return };
        if state.deaf.contains(&ear.slot) || state.manners.down {
            return;
        }
        if let Err(mpsc::error::TrySendError::Full(_)) = ear.inbox.try_send(envelope) {
            ear.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn send(&self, state: &mut State, from: usize, to: NodeId, envelope: &Bytes) {
        let Manners { lost, doubled, spread, reorders, down } = state.manners;
        if down || state.random.chance(lost) {
            return;
        }
        let copies = if state.random.chance(doubled) { 2 } else { 1 };
        let now = self.schedule.now();
        for _ in 0..copies {
            let wait = 1 + state.random.below(4) + state.random.below(spread + 1);
            let mut at = now + wait;
            let last = state.arrived.entry((from, to)).or_default();
            if !reorders {
                at = at.max(*last);
            }
            *last = at.max(*last);
            let (ether, envelope) = (self.clone(), envelope.clone());
            self.schedule.after(at - now, move || ether.arrive(to, envelope));
        }
    }
}

const fn health_of(manners: Manners) -> BusHealth {
    if manners.down { BusHealth::Down } else { BusHealth::Up }
}

/// The bus of one process.
pub struct SimBus {
    ether: Ether,
    slot: usize,
    history: Epoch,
    gate: Arc<Gate>,
    dropped: Arc<AtomicU64>,
}

#[async_trait]
impl Bus for SimBus {
    async fn subscribe(&self, node: NodeId) -> mpsc::Receiver<Bytes> {
        let (inbox, receiver) = mpsc::channel(INBOX);
        let mut state = lock(&self.ether.state);
        state.ears.retain(|_, ear| ear.slot != self.slot);
        state.ears.insert(node, Ear { slot: self.slot, history: self.history, inbox, dropped: self.dropped.clone() });
        receiver
    }

    fn publish(&self, to: Destination<'_>, envelope: Bytes) {
        if self.gate.mode() == Mode::Dead {
            return;
        }
        let mut state = lock(&self.ether.state);
        let hears = |node: &NodeId| state.ears.get(node).is_none_or(|ear| ear.history == self.history);
        let nodes: Vec<NodeId> = match to {
            Destination::All => state.ears.keys().copied().filter(hears).collect(),
            Destination::Nodes(nodes) => nodes.iter().copied().filter(hears).collect(),
        };
        for node in nodes {
            self.ether.send(&mut state, self.slot, node, &envelope);
        }
    }

    fn health(&self) -> watch::Receiver<BusHealth> {
        let mut state = lock(&self.ether.state);
        let now = health_of(state.manners);
        state.health.entry(self.slot).or_insert_with(|| watch::Sender::new(now)).subscribe()
    }

    fn reconnect(&self) {
        self.ether.set_deaf(self.slot, false);
    }

    fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn kind(&self) -> &'static str {
        "simulated"
    }
}
