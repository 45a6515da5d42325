//! On which nodes users are, through a short cache. A wrong entry costs latency, never a message.
//!
//! It also knows when not to believe the registry: while it does not answer, and for a while after it was seen to have
//! lost something. A registry that has lost everything answers that nobody is anywhere, until each node has
//! entered its users again; a node notices by its own lease, which such an answer does not name. Meanwhile who is found
//! is there, and of who is not found nobody knows. What is answered while the lease is being renewed says nothing of that:
//! the renewal may just have brought it back, alone ([`Locator::renewing`]).

use crate::presence::{Located, RENEW_EVERY, Registry};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;
use trunkline_protocol::{NodeId, UserId};

/// How long an answer of the registry is believed: less than the time between two looks at who is watched, so that
/// each look is fresh. Nodes also tell each other who comes and goes.
const BELIEVED: Duration = Duration::from_secs(2);
/// How long the registry is left alone after it did not answer, so that routing does not wait for it each time.
const AFTER_FAILURE: Duration = Duration::from_secs(2);
/// How long the registry is not believed after a sign that it has lost something: every node renews meanwhile, and
/// enters its users again. Longer than from one renewal that fails to the next.
const DOUBTED: Duration = RENEW_EVERY.saturating_mul(2);
/// Entries kept. Emptied when full.
const ENTRIES: usize = 50_000;

/// See the module.
pub struct Locator {
    registry: Arc<dyn Registry>,
    cache: Mutex<Cache>,
    lost: Notify,
}

#[derive(Default)]
struct Cache {
    known: HashMap<UserId, (Vec<NodeId>, Instant)>,
    silent_until: Option<Instant>,
    doubt: Option<Doubt>,
    /// Renewals on their way.
    renewing: usize,
}

impl Cache {
    fn doubt(&mut self, now: Instant) {
        let since = self.in_doubt_since(now).unwrap_or(now);
        self.doubt = Some(Doubt { since, until: now + DOUBTED });
        self.known.clear();
    }

    fn in_doubt_since(&self, now: Instant) -> Option<Instant> {
        self.doubt.filter(|doubt| now < doubt.until).map(|doubt| doubt.since)
    }
}

#[derive(Clone, Copy)]
struct Doubt {
    since: Instant,
    until: Instant,
}

/// A renewal of this node's lease that is on its way. Unless it ends with [`Renewing::kept`], the registry is doubted
/// from the moment on in which it ends, however it does.
#[must_use = "the renewal ends when this is dropped"]
pub struct Renewing<'a> {
    locator: &'a Locator,
    kept: bool,
}

impl Renewing<'_> {
    /// The lease was there, or never had been: nothing was lost.
    pub fn kept(mut self) {
        self.kept = true;
    }
}

impl Drop for Renewing<'_> {
    fn drop(&mut self) {
        // In one step: at no moment may an answer be believed that the renewal has made look right.
        let mut cache = self.locator.cache();
        cache.renewing -= 1;
        if !self.kept {
            cache.doubt(Instant::now());
        }
    }
}

/// Where users are, as far as that is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whereabouts {
    /// On which nodes. Who is nowhere is left out, or has none.
    pub users: HashMap<UserId, Vec<NodeId>>,
    /// Since when it is not known where those are who are not found. `None`: they are nowhere.
    pub in_doubt_since: Option<Instant>,
}

impl Whereabouts {
    /// Whether a user was found somewhere.
    #[must_use]
    pub fn has(&self, user: UserId) -> bool {
        self.users.get(&user).is_some_and(|nodes| !nodes.is_empty())
    }
}

impl Locator {
    /// A locator that knows nothing yet.
    #[must_use]
    pub fn new(registry: Arc<dyn Registry>) -> Self {
        Self { registry, cache: Mutex::default(), lost: Notify::new() }
    }

    /// Where these users are, as seen by the node `here`.
    pub async fn locate(&self, here: NodeId, users: &[UserId]) -> Whereabouts {
        let now = Instant::now();
        let (mut found, unknown) = self.cached(users, now);
        let is_silent = self.cache().silent_until.is_some_and(|until| now < until);
        let mut unsure = None;
        if !unknown.is_empty() && !is_silent {
            match self.registry.locate(&unknown).await {
                Ok(located) => {
                    let is_whole = unknown.iter().all(|user| located.users.contains_key(user));
                    unsure = (!is_whole && self.cache().renewing > 0).then_some(now);
                    found.extend(self.take_in(here, unknown, located, now));
                }
                Err(error) => {
                    tracing::debug!(error = %error, "the presence registry does not answer");
                    self.cache().silent_until = Some(now + AFTER_FAILURE);
                    self.doubt();
                }
            }
        }
        Whereabouts { users: found, in_doubt_since: self.in_doubt_since().or(unsure) }
    }

    /// To be held while the lease is renewed.
    pub fn renewing(&self) -> Renewing<'_> {
        self.cache().renewing += 1;
        Renewing { locator: self, kept: false }
    }

    /// Users came to a node or left it: what was believed of them is void.
    pub fn forget(&self, users: impl IntoIterator<Item = UserId>) {
        let mut cache = self.cache();
        for user in users {
            cache.known.remove(&user);
        }
    }

    /// The registry was seen to lack something, or not to answer.
    pub fn doubt(&self) {
        self.cache().doubt(Instant::now());
    }

    /// Since when the registry is not believed, if it is not.
    #[must_use]
    pub fn in_doubt_since(&self) -> Option<Instant> {
        self.cache().in_doubt_since(Instant::now())
    }

    /// Ends when the registry turns out to have lost this node's lease.
    pub async fn lost(&self) {
        self.lost.notified().await;
    }

    fn take_in(
        &self,
        here: NodeId,
        asked: Vec<UserId>,
        located: Located,
        now: Instant,
    ) -> HashMap<UserId, Vec<NodeId>> {
        let Located { users: mut found, living } = located;
        if !living.contains(&here) {
            self.doubt();
            self.lost.notify_one();
            return found;
        }
        let mut cache = self.cache();
        if cache.known.len() + asked.len() > ENTRIES {
            cache.known.clear();
        }
        for user in asked {
            let nodes = found.entry(user).or_default();
            cache.known.insert(user, (nodes.clone(), now));
        }
        found
    }

    fn cached(&self, users: &[UserId], now: Instant) -> (HashMap<UserId, Vec<NodeId>>, Vec<UserId>) {
        let cache = self.cache();
        let mut located = HashMap::with_capacity(users.len());
        let mut unknown = Vec::new();
        for &user in users {
            match cache.known.get(&user) {
                Some((nodes, at)) if now.duration_since(*at) < BELIEVED => {
                    located.insert(user, nodes.clone());
                }
                _ => unknown.push(user),
            }
        }
        (located, unknown)
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presence::memory::MemoryRegistry;

    const ANN: UserId = UserId(1);

    async fn here(registry: &MemoryRegistry) -> NodeId {
        let here = NodeId::random();
        registry.renew(here).await.expect("a lease");
        here
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_nowhere_is_nowhere_as_long_as_nothing_was_lost() {
        let registry = MemoryRegistry::new();
        let (here, locator) = (here(&registry).await, Locator::new(Arc::new(registry.clone())));
        let seen = locator.locate(here, &[ANN]).await;
        assert!(!seen.has(ANN) && seen.in_doubt_since.is_none());
        registry.enter(here, &[ANN]).await.expect("entered");
        assert!(!locator.locate(here, &[ANN]).await.has(ANN), "from the cache");
        locator.forget([ANN]);
        assert!(locator.locate(here, &[ANN]).await.has(ANN));
    }

    #[tokio::test(start_paused = true)]
    async fn a_registry_that_lost_the_lease_of_who_asks_is_not_believed_until_all_have_renewed() {
        let registry = MemoryRegistry::new();
        let (here, there) = (here(&registry).await, here(&registry).await);
        registry.enter(there, &[ANN]).await.expect("entered");
        let locator = Locator::new(Arc::new(registry.clone()));
        assert!(locator.locate(here, &[ANN]).await.has(ANN));
        registry.release(here).await.expect("lost");
        registry.release(there).await.expect("lost");
        tokio::time::advance(BELIEVED).await;
        let seen = locator.locate(here, &[ANN]).await;
        assert!(!seen.has(ANN) && seen.in_doubt_since.is_some());
        locator.lost().await;
        registry.renew(here).await.expect("a lease");
        tokio::time::advance(RENEW_EVERY).await;
        assert!(locator.locate(here, &[ANN]).await.in_doubt_since.is_some(), "others may not have renewed yet");
        registry.renew(here).await.expect("a lease");
        tokio::time::advance(RENEW_EVERY).await;
        assert_eq!(locator.locate(here, &[ANN]).await.in_doubt_since, None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_answered_while_a_lost_lease_is_renewed_is_not_believed() {
        let registry = MemoryRegistry::new();
        let (here, there) = (here(&registry).await, here(&registry).await);
        registry.enter(there, &[ANN]).await.expect("entered");
        registry.release(here).await.expect("lost");
        registry.release(there).await.expect("lost");
        let locator = Locator::new(Arc::new(registry.clone()));
        // The lease is there again, and who renews it has not heard yet that it had been lost.
        let renewing = locator.renewing();
        registry.renew(here).await.expect("a lease");
        assert!(locator.locate(here, &[ANN]).await.in_doubt_since.is_some());
        drop(renewing);
        assert!(locator.locate(here, &[ANN]).await.in_doubt_since.is_some(), "it had been lost");
        tokio::time::advance(DOUBTED).await;
        assert_eq!(locator.locate(here, &[ANN]).await.in_doubt_since, None);
        // Who is found is there, and nothing was lost.
        registry.enter(here, &[ANN]).await.expect("entered");
        locator.forget([ANN]);
        let renewing = locator.renewing();
        assert_eq!(locator.locate(here, &[ANN]).await.in_doubt_since, None);
        renewing.kept();
        assert_eq!(locator.in_doubt_since(), None);
    }
}
