//! How often one may guess a password, and make accounts. Counted are guesses at one account from one place, against
//! who means this account; at one account from everywhere, against who has many places; and from one place at
//! whatever account. Only failures count, so an office behind one address is not locked out by logging in, and the
//! owner of an account is not by a stranger who fails at it.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How many there may be before one has to wait, and the time after which one is forgiven.
type Limit = (u32, Duration);

/// Failures at one account from one place.
const ACCOUNT_HERE: Limit = (10, Duration::from_secs(60));
/// Failures at one account from everywhere.
const ACCOUNT: Limit = (500, Duration::from_secs(6));
/// Failures from one place.
const PLACE: Limit = (50, Duration::from_secs(10));
/// New accounts from one place. A whole school may make its accounts in one lesson.
const REGISTRATIONS: Limit = (500, Duration::from_secs(10));
/// Entries of each kind before those that are forgiven are swept out.
const SWEEP_AT: usize = 10_000;
/// Entries of each kind beyond which nobody new is let in.
const MOST: usize = 100_000;
/// How often at most the entries are swept while they do not get fewer.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// Where somebody is: an address, or the network of 2^64 addresses that one customer is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Place(IpAddr);

impl From<IpAddr> for Place {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(address) => Self(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into()),
            address @ IpAddr::V4(_) => Self(address),
        }
    }
}

/// What is remembered.
#[derive(Debug)]
pub struct Throttle {
    accounts_here: Mutex<Counts<(String, Place)>>,
    accounts: Mutex<Counts<String>>,
    places: Mutex<Counts<Place>>,
    registrations: Mutex<Counts<Place>>,
}

#[derive(Debug)]
struct Counts<K> {
    limit: Limit,
    levels: HashMap<K, (f64, Instant)>,
    /// Sweep at this many entries.
    sweep_at: usize,
    swept: Option<Instant>,
}

impl<K: Hash + Eq> Counts<K> {
    fn new(limit: Limit) -> Mutex<Self> {
        Mutex::new(Self { limit, levels: HashMap::new(), sweep_at: SWEEP_AT, swept: None })
    }

    fn level((level, at): (f64, Instant), forgive: Duration, now: Instant) -> f64 {
        (level - now.duration_since(at).as_secs_f64() / forgive.as_secs_f64()).max(0.0)
    }

    /// Counts one, unless there were too many.
    fn count(&mut self, key: K, now: Instant) -> Result<(), Duration> {
        let (most, forgive) = self.limit;
        self.sweep(now);
        if self.levels.len() >= MOST && !self.levels.contains_key(&key) {
            return Err(SWEEP_EVERY);
        }
        let entry = self.levels.entry(key).or_insert((0.0, now));
        let level = Self::level(*entry, forgive, now);
        if level + 1.0 > f64::from(most) {
            return Err(forgive.mul_f64(level + 1.0 - f64::from(most)));
        }
        *entry = (level + 1.0, now);
        Ok(())
    }

    /// Forgets what is forgiven. Looking at every entry is paid for by as many new ones, or by the time that passed.
    fn sweep(&mut self, now: Instant) {
        let rested = self.swept.is_none_or(|at| now.duration_since(at) >= SWEEP_EVERY);
        if self.levels.len() < self.sweep_at && !(rested && self.levels.len() >= MOST) {
            return;
        }
        let forgive = self.limit.1;
        self.levels.retain(|_, entry| Self::level(*entry, forgive, now) > 0.0);
        self.sweep_at = (self.levels.len() * 2).max(SWEEP_AT);
        self.swept = Some(now);
    }

    fn take_back(&mut self, key: &K) {
        if let Some((level, _)) = self.levels.get_mut(key) {
            *level = (*level - 1.0).max(0.0);
        }
    }
}

impl Default for Throttle {
    fn default() -> Self {
        Self {
            accounts_here: Counts::new(ACCOUNT_HERE),
            accounts: Counts::new(ACCOUNT),
            places: Counts::new(PLACE),
            registrations: Counts::new(REGISTRATIONS),
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
        let place = Place::from(address);
        let here = (account.to_owned(), place);
        lock(&self.places).count(place, now)?;
        lock(&self.accounts_here).count(here.clone(), now).inspect_err(|_| lock(&self.places).take_back(&place))?;
        lock(&self.accounts).count(account.to_owned(), now).inspect_err(|_| {
            lock(&self.places).take_back(&place);
            lock(&self.accounts_here).take_back(&here);
        })
    }

    /// The guess was right, and no guess.
    pub fn succeeded(&self, account: &str, address: IpAddr) {
        let place = Place::from(address);
        lock(&self.places).take_back(&place);
        lock(&self.accounts_here).take_back(&(account.to_owned(), place));
        lock(&self.accounts).take_back(&account.to_owned());
    }

    /// Asks whether another account may be made from here. It counts whatever becomes of it.
    ///
    /// # Errors
    /// The time to wait.
    pub fn register(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        lock(&self.registrations).count(address.into(), now)
    }
}

fn lock<K>(counts: &Mutex<Counts<K>>) -> MutexGuard<'_, Counts<K>> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const THERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

    #[test]
    fn an_account_is_closed_to_a_guesser_and_opens_again_with_time() {
        let (throttle, now) = (Throttle::default(), Instant::now());
        for _ in 0..ACCOUNT_HERE.0 {
            assert_eq!(throttle.attempt("ann", HERE, now), Ok(()));
        }
        assert!(throttle.attempt("ann", HERE, now).is_err());
        assert_eq!(throttle.attempt("bob", HERE, now), Ok(()), "another account is not concerned");
        assert_eq!(throttle.attempt("ann", THERE, now), Ok(()), "and its owner is not, elsewhere");
        assert_eq!(throttle.attempt("ann", HERE, now + ACCOUNT_HERE.1), Ok(()));
    }

    #[test]
    fn a_guesser_with_many_addresses_is_stopped_too() {
        let (throttle, now) = (Throttle::default(), Instant::now());
        let address = |number: u32| IpAddr::V4(Ipv4Addr::from_bits(number));
        for number in 0..ACCOUNT.0 {
            assert_eq!(throttle.attempt("ann", address(number), now), Ok(()));
        }
        assert!(throttle.attempt("ann", THERE, now).is_err());
    }

    #[test]
    fn an_address_that_tries_many_accounts_has_to_wait() {
        let (throttle, now) = (Throttle::default(), Instant::now());
        for number in 0..PLACE.0 {
            assert_eq!(throttle.attempt(&number.to_string(), HERE, now), Ok(()));
        }
        assert!(throttle.attempt("another", HERE, now).is_err());
    }

    #[test]
    fn all_addresses_of_one_customer_are_one_place() {
        let place = |address: &str| Place::from(address.parse::<IpAddr>().expect("an address"));
        assert_eq!(place("2001:db8:1:2::1"), place("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(place("2001:db8:1:2::1"), place("2001:db8:1:3::1"));
        assert_eq!(place("::ffff:192.0.2.1"), place("192.0.2.1"));
        assert_ne!(place("192.0.2.1"), place("192.0.2.2"));
    }

    #[test]
    fn who_logs_in_rightly_is_never_held_up() {
        let (throttle, now) = (Throttle::default(), Instant::now());
        for _ in 0..1_000 {
            assert_eq!(throttle.attempt("ann", HERE, now), Ok(()));
            throttle.succeeded("ann", HERE);
        }
    }

    #[test]
    fn accounts_are_not_made_without_end_from_one_place() {
        let (throttle, now) = (Throttle::default(), Instant::now());
        for _ in 0..REGISTRATIONS.0 {
            assert_eq!(throttle.register(HERE, now), Ok(()));
        }
        assert!(throttle.register(HERE, now).is_err());
        assert_eq!(throttle.register(THERE, now), Ok(()));
        assert_eq!(throttle.attempt("ann", HERE, now), Ok(()), "logging in is another matter");
    }

    #[test]
    fn what_is_remembered_is_bounded_and_seldom_swept() {
        let counts: Mutex<Counts<usize>> = Counts::new(PLACE);
        let (mut counts, now) = (lock(&counts), Instant::now());
        let mut sweeps = 0;
        for key in 0..MOST + 1_000 {
            let before = counts.sweep_at;
            assert_eq!(counts.count(key, now).is_ok(), key < MOST);
            sweeps += usize::from(counts.sweep_at != before);
        }
        assert!(sweeps <= 5, "{sweeps}");
        assert_eq!(counts.count(0, now), Ok(()), "who is known may go on");
        assert_eq!(counts.count(MOST, now + PLACE.1 * 2), Ok(()));
        assert!(counts.levels.len() < 10, "what is forgiven is forgotten");
    }
}
