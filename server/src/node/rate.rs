//! How fast a user may do something: a token bucket each, over all of the user's connections to this node and the API.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use trunkline_protocol::UserId;

/// Buckets kept before those that are full again are swept out.
const SWEEP_AT: usize = 4_096;

/// How often something may be done.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// For ever.
    pub per_second: u32,
    /// At once, after a rest.
    pub burst: u32,
}

impl Rate {
    /// So many times as often, and at least once.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        let scaled = |number: u32| (f64::from(number) * factor).round().max(1.0) as u32;
        Self { per_second: scaled(self.per_second), burst: scaled(self.burst) }
    }
}

/// The buckets of all users.
#[derive(Debug)]
pub struct Rates {
    rate: Rate,
    buckets: Mutex<HashMap<UserId, Bucket>>,
}

/// What one of them may do now.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    /// One that nothing was taken from.
    #[must_use]
    pub fn full(rate: Rate, now: Instant) -> Self {
        Self { tokens: f64::from(rate.burst), at: now }
    }

    /// Takes one.
    ///
    /// # Errors
    /// The time after which there is one again.
    pub fn take(&mut self, rate: Rate, now: Instant) -> Result<(), Duration> {
        self.refill(rate, now);
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        Err(Duration::from_secs_f64((1.0 - self.tokens) / f64::from(rate.per_second)))
    }

    fn refill(&mut self, rate: Rate, now: Instant) {
        let gained = now.duration_since(self.at).as_secs_f64() * f64::from(rate.per_second);
        self.tokens = (self.tokens + gained).min(f64::from(rate.burst));
        self.at = now;
    }
}

impl Rates {
    /// Full buckets for everybody.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        Self { rate, buckets: Mutex::default() }
    }

    /// Takes one of a user's.
    ///
    /// # Errors
    /// As [`Bucket::take`].
    pub fn take(&self, user: UserId, now: Instant) -> Result<(), Duration> {
        let rate = self.rate;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= SWEEP_AT {
            buckets.retain(|_, bucket| {
                bucket.refill(rate, now);
                bucket.tokens < f64::from(rate.burst)
            });
        }
        buckets.entry(user).or_insert_with(|| Bucket::full(rate, now)).take(rate, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_that_is_scaled_never_stops_everything() {
        let scaled = Rate { per_second: 10, burst: 30 }.times(2.5);
        assert_eq!((scaled.per_second, scaled.burst), (25, 75));
        let least = Rate { per_second: 10, burst: 30 }.times(0.001);
        assert_eq!((least.per_second, least.burst), (1, 1));
    }

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let (rates, start) = (Rates::new(Rate { per_second: 10, burst: 30 }), Instant::now());
        for _ in 0..30 {
            assert_eq!(rates.take(UserId(1), start), Ok(()));
        }
        let wait = rates.take(UserId(1), start);
        assert_eq!(wait, Err(Duration::from_millis(100)));
        assert_eq!(rates.take(UserId(2), start), Ok(()), "another user is not held up");
        assert_eq!(rates.take(UserId(1), start + Duration::from_millis(101)), Ok(()));
    }
}
