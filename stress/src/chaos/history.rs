//! What everybody did and was shown, with times: what the checker judges.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use trunkline_protocol::{Change, ConversationId, Millis, SendKey, Seq, UserId};

/// The run's own time, in milliseconds. It begins far from 0, as clocks do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(Instant);

const BEGINNING: Millis = 1_000_000;

impl Clock {
    /// It begins now.
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// The present.
    pub(crate) fn now(self) -> Millis {
        BEGINNING + self.0.elapsed().as_millis() as Millis
    }

    /// When it will be this moment.
    pub(crate) fn at(self, moment: Millis) -> tokio::time::Instant {
        let elapsed = u64::try_from(moment - BEGINNING).unwrap_or(0);
        tokio::time::Instant::from_std(self.0 + Duration::from_millis(elapsed))
    }
}

/// A message that somebody sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) key: SendKey,
    pub(crate) author: UserId,
    /// The number of the device.
    pub(crate) device: usize,
    pub(crate) conversation: ConversationId,
    pub(crate) text: String,
    pub(crate) at: Millis,
}

/// A message that a device was told to be stored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Acked {
    pub(crate) key: SendKey,
    pub(crate) conversation: ConversationId,
    pub(crate) seq: Seq,
    pub(crate) at: Millis,
}

/// A change that a device showed.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) at: Millis,
    pub(crate) change: Change,
}

/// A device from one load of its page to the next.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    /// The number of the device; it is the same after a reload.
    pub(crate) device: usize,
    pub(crate) user: UserId,
    /// Whether it goes on: then it has to know everything in the end.
    pub(crate) goes_on: bool,
    /// Everything shown, in order.
    pub(crate) shown: BTreeMap<ConversationId, Vec<Shown>>,
    /// How often the store's history was another one.
    pub(crate) resets: u32,
    /// What went back that may not (I8), as it happened.
    pub(crate) slips: Vec<String>,
}

/// A load that was begun after an ack, and what came of it (I7).
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) key: SendKey,
    /// Whether the message was in it.
    pub(crate) found: bool,
    /// By whom, and of which node.
    pub(crate) what: String,
}

/// What all devices add to.
#[derive(Debug, Default)]
pub(crate) struct Events {
    pub(crate) sent: Vec<Sent>,
    pub(crate) acked: Vec<Acked>,
    pub(crate) loads: Vec<Load>,
    /// What is wrong by itself, whatever else happened: the number of the invariant, and what.
    pub(crate) wrong: Vec<(u8, String)>,
}

/// See the module. Clones are the same history.
#[derive(Clone, Debug)]
pub(crate) struct History {
    pub(crate) clock: Clock,
    events: Arc<Mutex<Events>>,
}

impl History {
    /// Of a run that begins now.
    pub(crate) fn new() -> Self {
        Self { clock: Clock::start(), events: Arc::default() }
    }

    /// What has happened so far. Not to be held across a wait.
    pub(crate) fn events(&self) -> MutexGuard<'_, Events> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes something that is wrong by itself.
    pub(crate) fn wrong(&self, invariant: u8, what: String) {
        self.events().wrong.push((invariant, what));
    }
}
