//! Whether the bus can hear: the node speaks to itself through it. A bus that looks connected and is deaf (a
//! black-holed connection, a lost subscription) is found by this and by nothing else.

use super::Node;
use super::frames;
use crate::bus::{
    BusHealth, Destination,
    envelope::{Envelope, Signal},
};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};
use trunkline_protocol::{NodeId, ServerFrame};

/// How often the canary sings.
const EVERY: Duration = Duration::from_secs(2);
/// Silence after which the bus counts as deaf.
const DEAF_AFTER: Duration = Duration::from_secs(6);

/// When the canary was last sent and heard.
#[derive(Debug)]
pub struct Canary(Mutex<State>);

#[derive(Debug)]
struct State {
    number: u64,
    sent: Instant,
    heard: Instant,
}

impl Default for Canary {
    fn default() -> Self {
        let now = Instant::now();
        Self(Mutex::new(State { number: 0, sent: now, heard: now }))
    }
}

impl Canary {
    fn next(&self, now: Instant) -> u64 {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.number += 1;
        state.sent = now;
        state.number
    }

    /// Takes a canary in; gives the time it took if it is the latest.
    fn hear(&self, number: u64, now: Instant) -> Option<Duration> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.heard = now;
        (number == state.number).then(|| now.duration_since(state.sent))
    }

    fn silence(&self, now: Instant) -> Duration {
        now.duration_since(self.0.lock().unwrap_or_else(PoisonError::into_inner).heard)
    }

    /// Starts counting silence anew: for a bus that was just told to reconnect.
    fn restart(&self, now: Instant) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).heard = now;
    }
}

/// Runs until the node stops.
pub async fn run(node: Arc<Node>) {
    let mut health = node.bus.health();
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut deaf = false;
    loop {
        tokio::select! {
            biased;
            () = node.stop.cancelled() => return,
            changed = health.changed() => {
                if changed.is_err() {
                    return;
                }
                // Down and up again may be seen as no change, and what was told meanwhile was not heard.
                node.follow.notify_one();
            }
            _ = ticks.tick() => {
                node.note_dropped();
                let now = Instant::now();
                if node.canary.silence(now) > DEAF_AFTER {
                    tracing::warn!("the bus is deaf; connecting it anew");
                    deaf = true;
                    node.metrics.bus_reconnects.inc();
                    node.canary.restart(now);
                    node.bus.reconnect();
                }
                let canary = Signal::Canary { node: node.id(), number: node.canary.next(now) };
                node.bus.publish(Destination::Nodes(&[node.id()]), Envelope::Signal(canary).encode());
            }
            () = node.sang.notified() => deaf = false,
        }
        node.set_degraded(deaf || *health.borrow_and_update() == BusHealth::Down);
    }
}

impl Node {
    pub(super) fn hear_canary(&self, from: NodeId, number: u64) {
        if from != self.id() {
            return;
        }
        if let Some(took) = self.canary.hear(number, Instant::now()) {
            self.metrics.canary_seconds.set(took.as_secs_f64());
        }
        self.sang.notify_one();
    }

    fn set_degraded(&self, degraded: bool) {
        if !self.degraded.send_if_modified(|known| std::mem::replace(known, degraded) != degraded) {
            return;
        }
        if degraded {
            tracing::warn!("cut off from other nodes; following the store closely");
        } else {
            tracing::info!("other nodes can be reached");
        }
        self.metrics.bus_up.set(i64::from(!degraded));
        self.hub.tell_all(&frames::encode(&ServerFrame::Health { degraded }));
        // Whatever was not told meanwhile is in the store.
        self.follow.notify_one();
    }
}
