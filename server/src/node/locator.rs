//! On which nodes users are, through a short cache. A wrong entry costs latency, never a message.

use crate::presence::Registry;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use trunkline_protocol::{NodeId, UserId};

/// How long an answer of the registry is believed: less than the time between two looks at who is watched, so that
/// each look is fresh. Nodes also tell each other who comes and goes.
const BELIEVED: Duration = Duration::from_secs(2);
/// How long the registry is left alone after it did not answer, so that routing does not wait for it each time.
const AFTER_FAILURE: Duration = Duration::from_secs(2);
/// Entries kept. Emptied when full.
const ENTRIES: usize = 50_000;

/// See the module.
pub struct Locator {
    registry: Arc<dyn Registry>,
    cache: Mutex<Cache>,
}

#[derive(Default)]
struct Cache {
    known: HashMap<UserId, (Vec<NodeId>, Instant)>,
    silent_until: Option<Instant>,
}

impl Locator {
    /// A locator that knows nothing yet.
    #[must_use]
    pub fn new(registry: Arc<dyn Registry>) -> Self {
        Self { registry, cache: Mutex::default() }
    }

    /// Where these users are. `None` if the registry does not answer.
    pub async fn locate(&self, users: &[UserId]) -> Option<HashMap<UserId, Vec<NodeId>>> {
        let now = Instant::now();
        let (mut located, unknown) = self.cached(users, now);
        if unknown.is_empty() {
            return Some(located);
        }
        if self.cache().silent_until.is_some_and(|until| now < until) {
            return None;
        }
        match self.registry.locate(&unknown).await {
            Ok(mut answer) => {
                let mut cache = self.cache();
                if cache.known.len() + unknown.len() > ENTRIES {
                    cache.known.clear();
                }
                for user in unknown {
                    let nodes = answer.remove(&user).unwrap_or_default();
                    cache.known.insert(user, (nodes.clone(), now));
                    located.insert(user, nodes);
                }
                Some(located)
            }
            Err(error) => {
                tracing::debug!(error = %error, "the presence registry does not answer");
                self.cache().silent_until = Some(now + AFTER_FAILURE);
                None
            }
        }
    }

    /// Users came to a node or left it: what was believed of them is void.
    pub fn forget(&self, users: impl IntoIterator<Item = UserId>) {
        let mut cache = self.cache();
        for user in users {
            cache.known.remove(&user);
        }
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

    fn cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
