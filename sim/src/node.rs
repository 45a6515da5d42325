//! The nodes: real ones, each in a simulated process that starts, freezes, dies and is started again by whoever looks
//! after it, and has a clock of its own.

use crate::gate::{Gate, Mode};
use crate::history::Event;
use crate::line::{Line, NodeEnd};
use crate::lock;
use crate::random::Random;
use crate::schedule::Schedule;
use crate::world::{BASE, World};
use axum::extract::ws::{CloseFrame, Message};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, SinkExt};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio_util::task::TaskTracker;
use trunkline_protocol::client::Socket;
use trunkline_protocol::{CloseCode, Millis, NodeId, SessionId, limits};
use trunkline_server::connection::socket;
use trunkline_server::metrics::Metrics;
use trunkline_server::node::host::Host;
use trunkline_server::node::{Node, Parts};

/// How long after its end a process is started again by itself, in milliseconds.
const STARTED_AGAIN: (u64, u64) = (200, 3_000);

/// A place where a node runs.
pub struct Slot {
    /// How far its clock is off, in milliseconds.
    pub skew: Arc<AtomicI64>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    gate: Option<Arc<Gate>>,
    node: Option<Arc<Node>>,
    /// How many processes there were here.
    processes: u64,
}

impl Slot {
    /// A place where nothing runs yet.
    #[must_use]
    pub fn new(skew: Millis) -> Self {
        Self { skew: Arc::new(AtomicI64::new(skew)), state: Mutex::default() }
    }

    /// The node that serves here, frozen or not.
    #[must_use]
    pub fn node(&self) -> Option<Arc<Node>> {
        lock(&self.state).node.clone()
    }

    fn gate(&self) -> Option<Arc<Gate>> {
        lock(&self.state).gate.clone()
    }
}

/// What a simulated process gives its node.
struct SimHost {
    schedule: Schedule,
    gate: Arc<Gate>,
    skew: Arc<AtomicI64>,
    random: Mutex<Random>,
}

impl Host for SimHost {
    fn now(&self) -> SystemTime {
        let now = BASE + self.schedule.now() as Millis + self.skew.load(Ordering::Relaxed);
        UNIX_EPOCH + Duration::from_millis(u64::try_from(now).unwrap_or(0))
    }

    fn name(&self) -> NodeId {
        NodeId(lock(&self.random).uuid())
    }

    fn run(&self, tasks: &TaskTracker, task: BoxFuture<'static, ()>) {
        // The last things that the dead leave behind must start nothing.
        if self.gate.mode() != Mode::Dead {
            tasks.spawn(self.gate.task(task));
        }
    }
}

impl World {
    /// Starts a process in this place.
    pub fn start_node(self: &Arc<Self>, at: usize) {
        let gate = Gate::new();
        let process = {
            let mut state = lock(&self.slots[at].state);
            state.gate = Some(gate.clone());
            state.processes += 1;
            state.processes
        };
        let random = self.seed.fork(1_000 + 100 * at as u64 + process);
        let (world, task_gate) = (self.clone(), gate.clone());
        let run = async move {
            let (schedule, skew) = (world.schedule.clone(), world.slots[at].skew.clone());
            let host = Arc::new(SimHost { schedule, gate: task_gate.clone(), skew, random: Mutex::new(random) });
            let node = loop {
                let Ok(metrics) = Metrics::new() else { return };
                let parts = Parts {
                    host: host.clone(),
                    store: Arc::new(world.stores.seen_from(at)),
                    bus: Arc::new(world.ether.bus(at, world.stores.epoch(), task_gate.clone())),
                    registry: world.registry.clone(),
                    routing: world.routing,
                    metrics: Arc::new(metrics),
                    sends_per_second: world.sends_per_second,
                };
                match Node::start(parts).await {
                    Ok(node) => break node,
                    Err(_) => tokio::time::sleep(Duration::from_millis(500)).await,
                }
            };
            lock(&world.slots[at].state).node = Some(node.clone());
            world.history.note(Event::Started { slot: at });
            node.abandoned().await;
            // As the server does: the process ends, and is started again.
            let end = world.clone();
            world.schedule.after(50, move || end.end_node(at, process, "the store is another one", true));
        };
        tokio::spawn(gate.task(run.boxed()));
    }

    /// The process in this place ends, unless it has ended already. Its connections are closed by the system, or by
    /// nobody if the machine is gone (not `noticed`). It is started again later.
    pub fn kill_node(self: &Arc<Self>, at: usize, why: &'static str, noticed: bool) {
        let process = lock(&self.slots[at].state).processes;
        self.end_node(at, process, why, noticed);
    }

    fn end_node(self: &Arc<Self>, at: usize, process: u64, why: &'static str, noticed: bool) {
        let Some(gate) = self.stop_process(at, process) else { return };
        self.history.note(Event::Ended { slot: at, why });
        gate.set(Mode::Dead);
        self.ether.forget(at);
        let lines: Vec<_> = lock(&self.lines).values().filter(|line| line.slot == at).cloned().collect();
        for line in lines {
            line.cut();
            line.end_at_node();
            lock(&self.lines).remove(&line.number);
            if noticed {
                let (world, wait) = (self.clone(), self.delay());
                self.schedule.after(wait, move || world.device_loses(&line, None));
            }
        }
        let wait = lock(&self.random).between(STARTED_AGAIN.0, STARTED_AGAIN.1);
        let world = self.clone();
        self.schedule.after(wait, move || world.start_node(at));
    }

    fn stop_process(&self, at: usize, process: u64) -> Option<Arc<Gate>> {
        let mut state = lock(&self.slots[at].state);
        if state.processes != process {
            return None;
        }
        state.node = None;
        state.gate.take()
    }

    /// Freezes the process in this place, or lets it go on.
    pub fn freeze(&self, at: usize, frozen: bool) {
        if let Some(gate) = self.slots[at].gate() {
            self.history.note(Event::Frozen { slot: at, frozen });
            gate.set(if frozen { Mode::Frozen } else { Mode::Running });
        }
    }

    /// Stops the node in this place as an operator does, and starts another one there.
    pub fn replace_node(self: &Arc<Self>, at: usize, window: Duration) {
        let (Some(node), Some(gate)) = (self.slots[at].node(), self.slots[at].gate()) else { return };
        let process = lock(&self.slots[at].state).processes;
        let world = self.clone();
        let stop = async move {
            node.drain(window);
            let empty = async {
                while node.hub.size().0 > 0 {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            // Whoever is still here after that is closed.
            let _ = tokio::time::timeout(window, empty).await;
            node.stop().await;
            tokio::time::sleep(Duration::from_millis(300)).await;
            let end = world.clone();
            world.schedule.after(1, move || end.end_node(at, process, "stopped", true));
        };
        tokio::spawn(gate.task(stop.boxed()));
    }

    /// Does something on the process in this place, if it runs.
    pub fn on_node<F>(self: &Arc<Self>, at: usize, work: impl FnOnce(Arc<Node>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        if let (Some(node), Some(gate)) = (self.slots[at].node(), self.slots[at].gate()) {
            tokio::spawn(gate.task(work(node).boxed()));
        }
    }

    /// A device opens a connection to a node that the balancer chooses.
    pub fn dial(self: &Arc<Self>, device: usize, socket: Socket, session: SessionId, token: [u8; 32]) -> Arc<Line> {
        let slot = lock(&self.random).below(self.slots.len() as u64) as usize;
        let line = Line::new(self.number(), device, socket, slot, session);
        lock(&self.lines).insert(line.number, line.clone());
        let (world, dialled, wait) = (self.clone(), line.clone(), self.delay());
        self.schedule.after(wait, move || world.upgrade(&dialled, token));
        line
    }

    /// What `/ws` does.
    fn upgrade(self: &Arc<Self>, line: &Arc<Line>, token: [u8; 32]) {
        let at = line.slot;
        let (Some(node), Some(gate)) = (self.slots[at].node(), self.slots[at].gate()) else {
            return self.refuse(line);
        };
        let (world, line) = (self.clone(), line.clone());
        let serve = async move {
            if *node.draining().borrow() {
                return world.refuse(&line);
            }
            let identity = node.store.session(&token, node.now()).await;
            let mut end = NodeEnd::new(world.clone(), line.clone());
            let (opened, wait) = (world.clone(), world.delay());
            let line = line.clone();
            world.schedule.after(wait, move || opened.device_opened(&line));
            let code = match identity {
                Ok(Some(identity)) => return socket::serve(end, identity, node).await,
                Ok(None) => CloseCode::SessionEnded,
                Err(_) => CloseCode::Unavailable,
            };
            let close = CloseFrame { code: code.as_u16(), reason: code.reason().into() };
            // Who is gone already need not be told.
            let _ = end.send(Message::Close(Some(close))).await;
        };
        tokio::spawn(gate.task(serve.boxed()));
    }

    fn refuse(self: &Arc<Self>, line: &Arc<Line>) {
        let (world, line, wait) = (self.clone(), line.clone(), self.delay());
        lock(&self.lines).remove(&line.number);
        self.schedule.after(wait, move || world.device_loses(&line, None));
    }

    /// Notes who is connected now, as far as the nodes know.
    pub fn note_connected(&self) {
        let mut connected = lock(&self.connected);
        for node in self.slots.iter().filter_map(Slot::node) {
            connected.extend(node.hub.users().into_iter().map(|user| (user, self.schedule.now())));
        }
    }

    /// I16, now.
    pub fn check_queues(&self) {
        for (slot, place) in self.slots.iter().enumerate() {
            let bytes = place.node().map_or(0, |node| node.hub.waiting_bytes().1);
            if bytes > limits::QUEUE_BYTES {
                self.history.note(Event::QueueTooLong { slot, bytes });
            }
        }
    }

    /// Ends everything, so that nothing holds on to anything.
    pub fn end(&self) {
        for slot in &self.slots {
            let mut state = lock(&slot.state);
            if let Some(gate) = state.gate.take() {
                gate.set(Mode::Dead);
            }
            state.node = None;
        }
        lock(&self.lines).clear();
        self.schedule.close();
    }
}
