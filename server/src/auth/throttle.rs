//! How often one may guess a password: per account, against a patient guesser from many addresses, and per
//! address, against one who tries many accounts. Only failures count, so an office behind one address is not
//! locked out by logging in.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Failures of one account before it has to wait, and the time after which one is forgiven.
const ACCOUNT: (u32, Duration) = (10, Duration::from_secs(60));
/// The same of one address.
const ADDRESS: (u32, Duration) = (50, Duration::from_secs(10));
/// Entries kept of each before those that are forgiven are swept out.
const SWEEP_AT: usize = 10_000;

/// The failures that are remembered.
#[derive(Debug, Default)]
pub struct Throttle {
    accounts: Mutex<Failures<String>>,
    addresses: Mutex<Failures<IpAddr>>,
}

#[derive(Debug)]
struct Failures<K>(HashMap<K, (f64, Instant)>);

impl<K> Default for Failures<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Hash + Eq> Failures<K> {
    fn level((level, at): (f64, Instant), forgive: Duration, now: Instant) -> f64 {
        (level - now.duration_since(at).as_secs_f64() / forgive.as_secs_f64()).max(0.0)
    }

    /// Counts a failure in advance, unless there were too many.
    fn count(&mut self, key: K, (most, forgive): (u32, Duration), now: Instant) -> Result<(), Duration> {
        if self.0.len() >= SWEEP_AT {
            self.0.retain(|_, entry| Self::level(*entry, forgive, now) > 0.0);
        }
        let entry = self.0.entry(key).or_insert((0.0, now));
        let level = Self::level(*entry, forgive, now);
        if level + 1.0 > f64::from(most) {
            return Err(forgive.mul_f64(level + 1.0 - f64::from(most)));
        }
        *entry = (level + 1.0, now);
        Ok(())
    }

    fn take_back(&mut self, key: &K) {
        if let Some((level, _)) = self.0.get_mut(key) {
            *level = (*level - 1.0).max(0.0);
        }
    }
}

impl Throttle {
    /// Asks whether one may guess now. The guess counts as a failure until [`Throttle::succeeded`], so that many
    /// at once do not slip through.
    ///
    /// # Errors
    /// The time to wait.
    pub fn attempt(&self, account: &str, address: IpAddr, now: Instant) -> Result<(), Duration> {
        lock(&self.addresses).count(address, ADDRESS, now)?;
        lock(&self.accounts).count(account.to_owned(), ACCOUNT, now).inspect_err(|_| {
            lock(&self.addresses).take_back(&address);
        })
    }

    /// The guess was right, and no guess.
    pub fn succeeded(&self, account: &str, address: IpAddr) {
        lock(&self.accounts).take_back(&account.to_owned());
        lock(&self.addresses).take_back(&address);
    }
}

fn lock<K>(failures: &Mutex<Failures<K>>) -> std::sync::MutexGuard<'_, Failures<K>> {
    failures.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn an_account_is_closed_to_guessers_and_opens_again_with_time() {
        let (throttle, now) = (Throttle::default(), Instant::now());
        for _ in 0..ACCOUNT.0 {
            assert_eq!(throttle.attempt("ann", HERE, now), Ok(()));
        }
        assert!(throttle.attempt("ann", HERE, now).is_err());
        assert_eq!(throttle.attempt("bob", HERE, now), Ok(()), "another account is not concerned");
        assert_eq!(throttle.attempt("ann", HERE, now + ACCOUNT.1), Ok(()));
    }

    #[test]
    fn an_address_that_tries_many_accounts_has_to_wait() {
        let (throttle, now) = (Throttle::default(), Instant::now());
        for number in 0..ADDRESS.0 {
            assert_eq!(throttle.attempt(&number.to_string(), HERE, now), Ok(()));
        }
        assert!(throttle.attempt("another", HERE, now).is_err());
    }

    #[test]
    fn who_logs_in_rightly_is_never_held_up() {
        let (throttle, now) = (Throttle::default(), Instant::now());
        for _ in 0..1_000 {
            assert_eq!(throttle.attempt("ann", HERE, now), Ok(()));
            throttle.succeeded("ann", HERE);
        }
    }
}
