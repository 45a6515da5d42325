//! What will happen when. One queue for everything that is simulated; what nodes wait for is in tokio's clock, which
//! stands still while anything can run and then jumps to whatever comes first.

use crate::lock;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Milliseconds since the simulation began.
pub type Moment = u64;

type Event = Box<dyn FnOnce() + Send>;

/// See the module. Clones are the same schedule.
#[derive(Clone)]
pub struct Schedule {
    start: Instant,
    queue: Arc<Mutex<Queue>>,
    earlier: Arc<Notify>,
}

#[derive(Default)]
struct Queue {
    events: BTreeMap<(Moment, u64), Event>,
    numbers: u64,
    closed: bool,
}

impl Schedule {
    /// One that begins now.
    #[must_use]
    pub fn new() -> Self {
        Self { start: Instant::now(), queue: Arc::default(), earlier: Arc::default() }
    }

    /// How late it is.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.start.elapsed().as_millis() as Moment
    }

    /// Lets something happen after so many milliseconds. Events of one moment happen in the order of these calls.
    pub fn after(&self, millis: u64, event: impl FnOnce() + Send + 'static) {
        let at = self.now() + millis;
        let mut queue = lock(&self.queue);
        if queue.closed {
            return;
        }
        queue.numbers += 1;
        let number = queue.numbers;
        queue.events.insert((at, number), Box::new(event));
        drop(queue);
        self.earlier.notify_one();
    }

    /// Makes everything happen in its time, for ever.
    pub async fn run(self) {
        loop {
            let now = self.now();
            let (next, event) = {
                let mut queue = lock(&self.queue);
                match queue.events.first_entry() {
                    Some(first) if first.key().0 <= now => (None, Some(first.remove())),
                    Some(first) => (Some(first.key().0), None),
                    None => (None, None),
                }
            };
            if let Some(event) = event {
                event();
                // What it has woken comes first.
                tokio::task::yield_now().await;
                continue;
            }
            let wait = next.map_or(Duration::MAX, |at| Duration::from_millis(at - now));
            tokio::select! {
                biased;
                () = self.earlier.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Forgets what is still to come, and takes nothing more: events hold on to what they are about.
    pub fn close(&self) {
        let mut queue = lock(&self.queue);
        queue.closed = true;
        let events = std::mem::take(&mut queue.events);
        drop(queue);
        drop(events);
    }
}

impl Default for Schedule {
    fn default() -> Self {
        Self::new()
    }
}
