//! The node: takes messages in, stores them, and sees to it that everybody concerned is told.
//!
//! # Layout
//!
//! - [`hub`]: which connections there are and what they hear; delivery in order
//! - [`sequencer`]: the order of one conversation
//! - [`appender`]: group commit: what is in flight goes into one transaction, then each sender is answered
//! - [`delivery`]: handing changes to this node's connections, and filling holes from the store
//! - [`router`]: which other nodes must hear of a change, and how they are told
//! - [`inbox`]: what comes from other nodes
//! - [`follower`]: reads from the store what nobody told
//! - [`joining`]: a connection's welcome, and who comes into or leaves a conversation
//! - [`arrivals`]: who comes to this node, made known together
//! - [`conversations`]: making and changing them
//! - [`lease`]: this incarnation's lease, and the presence of users
//! - [`cursors`]: moving them
//! - [`signals`]: typing and new names, and how often a user may do what
//! - [`canary`]: whether the bus can hear
//! - [`locator`]: on which nodes users are, through a short cache
//! - [`rate`]: how fast a user may send
//! - [`frames`]: frames as they are written
//! - [`host`]: time of day, names and tasks, from the process or from a simulation; `maps`: the hub's maps
//! - [`trace`]: the way that messages took, for a while; [`way`]: of one message, over all nodes
//! - [`questions`]: what nodes ask each other for people who look; [`status`]: how this node is
//!
//! A message's way: connection → appender → store → ack, hub and router → bus → inbox of other nodes → hub →
//! connection. Only the first four decide whether it is safe; the rest decides how soon it is seen.

pub mod appender;
pub mod arrivals;
pub mod canary;
pub mod conversations;
pub mod cursors;
pub mod delivery;
pub mod follower;
pub mod frames;
pub mod host;
pub mod hub;
pub mod inbox;
pub mod joining;
pub mod lease;
pub mod locator;
mod maps;
pub mod questions;
pub mod rate;
pub mod router;
pub mod sequencer;
pub mod signals;
pub mod status;
pub mod trace;
pub mod way;

use crate::bus::{
    Bus, Destination,
    envelope::{Envelope, Signal},
};
use crate::metrics::Metrics;
use crate::presence::Registry;
use crate::store::{Credential, Followed, Store, StoreError};
use appender::Submission;
use arrivals::Arrival;
use canary::Canary;
use cursors::Move;
use futures_util::FutureExt;
use host::Host;
use hub::Hub;
use lease::Presences;
use locator::Locator;
use questions::Questions;
use rate::{Rate, Rates};
use router::Outbound;
use serde::Deserialize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use trace::Trace;
use trunkline_protocol::{CloseCode, Epoch, Millis, NodeId, Position, limits};

/// New groups and changes to groups of one user.
const AMENDMENTS: Rate = Rate { per_second: limits::AMENDMENTS_PER_SECOND, burst: limits::AMENDMENT_BURST };
/// Searches of one user.
const SEARCHES: Rate = Rate { per_second: limits::SEARCHES_PER_SECOND, burst: limits::SEARCH_BURST };
/// How long each goodbye of a node that stops may take: the store and the registry may hang just then.
const GOODBYE_WITHIN: Duration = Duration::from_secs(2);

/// Which nodes are told of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Routing {
    /// All; each looks whether it has somebody to hand it to.
    Broadcast,
    /// Those that have a member of the conversation, by the presence registry.
    Directed,
}

/// What a node is made of. See the module.
pub struct Node {
    /// The truth.
    pub store: Arc<dyn Store>,
    /// Which connections there are.
    pub hub: Hub,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// The way that messages took through this node.
    pub trace: Arc<Trace>,
    /// When it started.
    pub started: Millis,
    host: Arc<dyn Host>,
    bus: Arc<dyn Bus>,
    registry: Arc<dyn Registry>,
    routing: Routing,
    incarnation: Mutex<NodeId>,
    locator: Locator,
    sends: Rates,
    frames: Rate,
    amendments: Rates,
    searches: Rates,
    canary: Canary,
    sang: Notify,
    presences: Presences,
    arrivals: mpsc::Sender<Arrival>,
    questions: Questions,
    submissions: mpsc::Sender<Submission>,
    moves: mpsc::Sender<Move>,
    outbound: mpsc::Sender<Vec<Outbound>>,
    /// Everything up to here was handed to the connections.
    position: AtomicU64,
    /// When everything in the store was handed out last.
    followed_at: Mutex<Instant>,
    /// Wakes the follower before its time.
    follow: Notify,
    /// What the bus is known to have dropped.
    dropped: AtomicU64,
    /// The history that this node serves.
    epoch: Epoch,
    /// The store is another one than this node began with.
    abandoned: CancellationToken,
    /// Whether this node is cut off from the others.
    degraded: watch::Sender<bool>,
    draining: watch::Sender<bool>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// What a node runs on.
pub struct Parts {
    /// The process.
    pub host: Arc<dyn Host>,
    /// The truth.
    pub store: Arc<dyn Store>,
    /// Between nodes.
    pub bus: Arc<dyn Bus>,
    /// Who is where.
    pub registry: Arc<dyn Registry>,
    /// Which nodes are told.
    pub routing: Routing,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Messages a second that one user may keep up: [`limits::SENDS_PER_SECOND`], or what the operator says.
    pub sends_per_second: u32,
}

impl Node {
    /// Starts a node's tasks as a new incarnation.
    ///
    /// # Errors
    /// If the store can not be read.
    pub async fn start(parts: Parts) -> Result<Arc<Self>, StoreError> {
        let Parts { host, store, bus, registry, routing, metrics, sends_per_second } = parts;
        let id = host.name();
        // Hear first, then read: what is committed after this position is found by following it.
        let inbox = bus.subscribe(id).await;
        let Followed { epoch, position, .. } = store.follow(None).await?;
        let (submissions, submitted) = mpsc::channel(appender::QUEUE);
        let (moves, moving) = mpsc::channel(cursors::QUEUE);
        let (outbound, routed) = mpsc::channel(router::QUEUE);
        let (arrivals, arriving) = mpsc::channel(arrivals::QUEUE);
        let sends = Rate { per_second: limits::SENDS_PER_SECOND, burst: limits::SEND_BURST };
        let frames = Rate { per_second: limits::FRAMES_PER_SECOND, burst: limits::FRAME_BURST };
        let times = |rate: Rate| rate.times(f64::from(sends_per_second) / f64::from(limits::SENDS_PER_SECOND));
        let trace = Arc::new(Trace::default());
        let node = Arc::new(Self {
            locator: Locator::new(registry.clone()),
            store,
            hub: Hub::new(trace.clone()),
            trace,
            started: crate::clock::millis(host.now()),
            metrics,
            host,
            bus,
            registry,
            routing,
            incarnation: Mutex::new(id),
            sends: Rates::new(times(sends)),
            // A user who may send less may still come back with hundreds of conversations.
            frames: if sends_per_second > limits::SENDS_PER_SECOND { times(frames) } else { frames },
            amendments: Rates::new(AMENDMENTS),
            searches: Rates::new(SEARCHES),
            canary: Canary::default(),
            sang: Notify::new(),
            presences: Presences::default(),
            arrivals,
            questions: Questions::default(),
            submissions,
            moves,
            outbound,
            position: AtomicU64::new(position.0),
            followed_at: Mutex::new(Instant::now()),
            follow: Notify::new(),
            dropped: AtomicU64::new(0),
            epoch,
            abandoned: CancellationToken::new(),
            degraded: watch::Sender::new(false),
            draining: watch::Sender::new(false),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        node.spawn(appender::run(node.clone(), submitted));
        node.spawn(cursors::run(node.clone(), moving));
        node.spawn(router::run(node.clone(), routed));
        node.spawn(arrivals::run(node.clone(), arriving));
        node.spawn(inbox::run(node.clone(), inbox));
        node.spawn(follower::run(node.clone()));
        node.spawn(canary::run(node.clone()));
        node.spawn(lease::run(node.clone()));
        Ok(node)
    }

    /// The time of day on this node.
    #[must_use]
    pub fn now(&self) -> Millis {
        crate::clock::millis(self.host.now())
    }

    /// This incarnation.
    #[must_use]
    pub fn id(&self) -> NodeId {
        *self.incarnation.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything up to here was handed to the connections that it concerns.
    #[must_use]
    pub fn position(&self) -> Position {
        Position(self.position.load(Ordering::Acquire))
    }

    /// How many frames of one connection are read; above it they are read later.
    #[must_use]
    pub const fn frame_rate(&self) -> Rate {
        self.frames
    }

    /// Whether this node is cut off from the others; changes can be waited for.
    #[must_use]
    pub fn degraded(&self) -> watch::Receiver<bool> {
        self.degraded.subscribe()
    }

    /// Whether this node is stopping; changes can be waited for.
    #[must_use]
    pub fn draining(&self) -> watch::Receiver<bool> {
        self.draining.subscribe()
    }

    /// `memory` or `redis`.
    #[must_use]
    pub fn bus_kind(&self) -> &'static str {
        self.bus.kind()
    }

    /// Sessions or tokens were ended: closes their connections here and everywhere.
    pub fn ended(&self, credentials: &[Credential]) {
        if credentials.is_empty() {
            return;
        }
        self.hub.end(credentials);
        let mut sessions = Vec::new();
        let mut tokens = Vec::new();
        for credential in credentials {
            match credential {
                Credential::Session(session) => sessions.push(*session),
                Credential::Token(token) => tokens.push(*token),
            }
        }
        self.signal_all(Signal::Ended { sessions, tokens });
    }

    /// Says that the node stops: no new connections, and those there are told to move, each at its own time within the
    /// first half of `window`. The other half is for the moves themselves: who moves is here until they are welcomed
    /// elsewhere.
    pub fn drain(&self, window: Duration) {
        self.draining.send_replace(true);
        let handles = self.hub.connections();
        let count = handles.len().max(1) as u32;
        for (number, handle) in (0_u32..).zip(handles) {
            let after = (window / 2).mul_f64(f64::from(number) / f64::from(count));
            handle.outbound.push(frames::moving(after));
        }
    }

    /// Ends when the store turns out to be another one than this node began with: the process must stop then.
    pub async fn abandoned(&self) {
        self.abandoned.cancelled().await;
    }

    /// Whether what was followed continues what this node knows. If not, the file was replaced under it: it takes
    /// nothing more in, and its clients connect elsewhere.
    fn continues(&self, followed: &Followed) -> bool {
        let continues = followed.epoch == self.epoch && followed.position >= self.position();
        if !continues {
            self.abandon();
        }
        continues
    }

    /// The store is another one: this node can not go on.
    fn abandon(&self) {
        self.stop.cancel();
        for handle in self.hub.connections() {
            handle.outbound.close(CloseCode::NewIncarnation);
        }
        self.abandoned.cancel();
    }

    /// Finishes what was taken in, closes what is still connected, gives the lease back and stops.
    pub async fn stop(&self) {
        self.draining.send_replace(true);
        let last_seen = self.hub.users();
        let noted = self.store.set_last_seen(&last_seen, self.now());
        goodbye("could not note when the last users were here", noted).await;
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        // Only now: what was taken in has its answer in the queue.
        for handle in self.hub.connections() {
            handle.outbound.finish(CloseCode::Moving);
        }
        goodbye("could not give the lease back; it ends by itself", self.registry.release(self.id())).await;
        self.signal_all(Signal::Presence { node: self.id(), entered: Vec::new(), left: last_seen });
    }

    /// Runs a task of this node until it ends or the node stops.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.host.run(&self.tasks, task.boxed());
    }

    /// Runs a task that may be dropped when the node stops.
    fn spawn_droppable(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.spawn(async move {
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = task => {}
            }
        });
    }

    fn signal_all(&self, signal: Signal) {
        self.bus.publish(Destination::All, Envelope::Signal(signal).encode());
    }
}

/// Does one of the last things, or says why not.
async fn goodbye<E: std::error::Error>(failed: &'static str, last: impl Future<Output = Result<(), E>>) {
    match tokio::time::timeout(GOODBYE_WITHIN, last).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(error = %error, "{failed}"),
        Err(error) => tracing::warn!(error = %error, "{failed}"),
    }
}
