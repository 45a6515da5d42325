//! What is known about the connections of a bus.

use crate::bus::BusHealth;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// The bus is up while all its parts are, of which there must be one.
#[derive(Debug)]
pub(super) struct Health {
    parts: Mutex<Parts>,
    shown: watch::Sender<BusHealth>,
}

#[derive(Debug, Default)]
struct Parts {
    next: u64,
    up: BTreeMap<u64, bool>,
}

/// Something that the bus needs, such as a connection: down until it says otherwise, and no part any more when dropped.
#[derive(Debug)]
pub(super) struct Part {
    number: u64,
    health: Arc<Health>,
}

impl Health {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { parts: Mutex::default(), shown: watch::Sender::new(BusHealth::Down) })
    }

    pub(super) fn watch(&self) -> watch::Receiver<BusHealth> {
        self.shown.subscribe()
    }

    /// Another part, which is down.
    pub(super) fn part(self: &Arc<Self>) -> Part {
        let mut number = 0;
        self.change(|parts| {
            number = parts.next;
            parts.next += 1;
            parts.up.insert(number, false);
        });
        Part { number, health: self.clone() }
    }

    fn change(&self, change: impl FnOnce(&mut Parts)) {
        let mut parts = self.lock();
        change(&mut parts);
        let up = !parts.up.is_empty() && parts.up.values().all(|up| *up);
        let now = if up { BusHealth::Up } else { BusHealth::Down };
        // Under the lock: two parts that change at once end with what is true.
        self.shown.send_if_modified(|shown| std::mem::replace(shown, now) != now);
    }

    fn lock(&self) -> MutexGuard<'_, Parts> {
        // Nothing panics while it holds the lock.
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Part {
    pub(super) fn set(&self, up: bool) {
        self.health.change(|parts| {
            parts.up.insert(self.number, up);
        });
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.health.change(|parts| {
            parts.up.remove(&self.number);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bus_is_up_only_while_all_its_parts_are() {
        let health = Health::new();
        let shown = health.watch();
        let is_up = || *shown.borrow() == BusHealth::Up;
        assert!(!is_up(), "nothing is there");
        let (publisher, subscriber) = (health.part(), health.part());
        publisher.set(true);
        assert!(!is_up());
        subscriber.set(true);
        assert!(is_up());
        let another = health.part();
        assert!(!is_up());
        drop(another);
        assert!(is_up());
        publisher.set(false);
        assert!(!is_up());
    }
}
