//! When to connect again.

use crate::ids::Millis;

/// First delay, in milliseconds, before jitter.
const FIRST: Millis = 500;
/// Largest delay, in milliseconds: what people wait for without reaching for the reload button.
const LARGEST: Millis = 8_000;

/// Growing delays, spread over their upper half so that thousands of clients do not come at once, and none of
/// them hammers.
#[derive(Clone, Debug)]
pub struct Backoff {
    failures: u32,
    random: u64,
}

impl Backoff {
    /// Delays that differ from those of other seeds.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { failures: 0, random: seed }
    }

    /// The delay before the next try, in milliseconds.
    pub fn next_delay(&mut self) -> Millis {
        let full = (FIRST << self.failures.min(8)).min(LARGEST);
        self.failures = self.failures.saturating_add(1);
        full / 2 + (self.draw() % (full as u64 / 2 + 1)) as Millis
    }

    /// A connection has succeeded.
    pub const fn reset(&mut self) {
        self.failures = 0;
    }

    /// SplitMix64 (Steele, Lea, Flood 2014): even, and needs no source of randomness here.
    const fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_a_cap_and_start_over_after_a_success() {
        let mut backoff = Backoff::new(7);
        let delays: Vec<_> = (0..20).map(|_| backoff.next_delay()).collect();
        assert!((FIRST / 2..=FIRST).contains(&delays[0]));
        assert!(delays[10..].iter().all(|delay| (LARGEST / 2..=LARGEST).contains(delay)));
        backoff.reset();
        assert!(backoff.next_delay() <= FIRST);
    }

    #[test]
    fn two_clients_do_not_come_at_once() {
        let (mut one, mut other) = (Backoff::new(1), Backoff::new(2));
        let same = (0..50).filter(|_| one.next_delay() == other.next_delay()).count();
        assert!(same < 5, "{same} of 50 delays were the same");
    }
}
