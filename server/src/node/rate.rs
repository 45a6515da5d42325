//! How fast a user may send: a token bucket each, over all of the user's connections to this node and the API.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use trunkline_protocol::{UserId, limits};

/// Buckets kept before those that are full again are swept out.
const SWEEP_AT: usize = 4_096;

/// The buckets of all users.
#[derive(Debug, Default)]
pub struct Rates(Mutex<HashMap<UserId, Bucket>>);

#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    const fn full(now: Instant) -> Self {
        Self { tokens: limits::SEND_BURST as f64, at: now }
    }

    fn refill(&mut self, now: Instant) {
        let gained = now.duration_since(self.at).as_secs_f64() * f64::from(limits::SENDS_PER_SECOND);
        self.tokens = (self.tokens + gained).min(f64::from(limits::SEND_BURST));
        self.at = now;
    }
}

impl Rates {
    /// Takes a send into account.
    ///
    /// # Errors
    /// The time after which there is room again.
    pub fn take(&self, user: UserId, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= SWEEP_AT {
            buckets.retain(|_, bucket| {
                bucket.refill(now);
                bucket.tokens < f64::from(limits::SEND_BURST)
            });
        }
        let bucket = buckets.entry(user).or_insert_with(|| Bucket::full(now));
        bucket.refill(now);
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return Ok(());
        }
        Err(Duration::from_secs_f64((1.0 - bucket.tokens) / f64::from(limits::SENDS_PER_SECOND)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let (rates, start) = (Rates::default(), Instant::now());
        for _ in 0..limits::SEND_BURST {
            assert_eq!(rates.take(UserId(1), start), Ok(()));
        }
        let wait = rates.take(UserId(1), start);
        assert_eq!(wait, Err(Duration::from_millis(100)));
        assert_eq!(rates.take(UserId(2), start), Ok(()), "another user is not held up");
        assert_eq!(rates.take(UserId(1), start + Duration::from_millis(101)), Ok(()));
    }
}
