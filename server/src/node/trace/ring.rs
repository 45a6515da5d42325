//! The last so many records of a kind: a list of fixed size that begins again at its start.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Records looked at before the lock is given back, so that who looks holds up nobody for more than some microseconds.
const PORTION: usize = 2_048;

/// See the module. Writing costs a short lock and a copy.
#[derive(Debug)]
pub(super) struct Ring<T> {
    slots: Mutex<Slots<T>>,
}

/// The records, while the lock is held.
#[derive(Debug)]
pub(super) struct Slots<T> {
    items: Vec<T>,
    capacity: usize,
    /// How many were ever written; the place of the next one is this modulo the capacity.
    written: usize,
}

impl<T> Slots<T> {
    /// Adds a record, in the place of the oldest if there is no more room.
    pub(super) fn push(&mut self, item: T) {
        if self.items.len() < self.capacity {
            self.items.push(item);
        } else {
            let place = self.written % self.capacity;
            self.items[place] = item;
        }
        self.written += 1;
    }
}

impl<T> Ring<T> {
    /// Room for so many. The memory is asked for at once, and taken by and by.
    pub(super) fn new(capacity: usize) -> Self {
        let items = Vec::with_capacity(capacity);
        Self { slots: Mutex::new(Slots { items, capacity, written: 0 }) }
    }

    /// Adds a record.
    pub(super) fn push(&self, item: T) {
        self.lock().push(item);
    }

    /// For adding several at once.
    pub(super) fn lock(&self) -> MutexGuard<'_, Slots<T>> {
        // Nothing panics while it holds the lock.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The oldest record, if others were forgotten before it.
    pub(super) fn first_kept<R>(&self, look: impl FnOnce(&T) -> R) -> Option<R> {
        let slots = self.lock();
        let place = slots.written.checked_rem(slots.capacity)?;
        (slots.written > slots.capacity).then(|| slots.items.get(place).map(look)).flatten()
    }

    /// Shows every record, oldest first. What is overwritten meanwhile is left out.
    pub(super) fn scan(&self, mut look: impl FnMut(&T)) {
        let mut next = 0;
        loop {
            let slots = self.lock();
            next = next.max(slots.written.saturating_sub(slots.capacity));
            let end = slots.written.min(next + PORTION);
            if next >= end {
                return;
            }
            (next..end).filter_map(|number| slots.items.get(number % slots.capacity)).for_each(&mut look);
            next = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(ring: &Ring<usize>) -> Vec<usize> {
        let mut seen = Vec::new();
        ring.scan(|item| seen.push(*item));
        seen
    }

    #[test]
    fn the_newest_are_kept_in_the_order_in_which_they_came() {
        let ring = Ring::new(3);
        assert_eq!((all(&ring), ring.first_kept(|item| *item)), (vec![], None));
        (1..=3).for_each(|item| ring.push(item));
        assert_eq!((all(&ring), ring.first_kept(|item| *item)), (vec![1, 2, 3], None));
        (4..=8).for_each(|item| ring.push(item));
        assert_eq!((all(&ring), ring.first_kept(|item| *item)), (vec![6, 7, 8], Some(6)));
    }

    #[test]
    fn more_than_one_portion_is_shown_whole() {
        let ring = Ring::new(3 * PORTION);
        (0..4 * PORTION).for_each(|item| ring.push(item));
        assert_eq!(all(&ring), (PORTION..4 * PORTION).collect::<Vec<_>>());
    }
}
