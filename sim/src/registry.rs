//! The presence registry as a node sees it: the real one of a single process, behind a network that delays, hangs and
//! refuses, and which can lose everything.

use crate::lock;
use crate::random::Random;
use async_trait::async_trait;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::sleep;
use trunkline_protocol::{NodeId, UserId};
use trunkline_server::presence::memory::MemoryRegistry;
use trunkline_server::presence::{Located, PresenceError, Registry, Renewal};

/// What is wrong with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    #[default]
    None,
    /// It answers with an error.
    Refuses,
    /// It does not answer.
    Hangs,
}

/// What all nodes share.
#[derive(Debug)]
pub struct SimRegistry {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    registry: MemoryRegistry,
    trouble: Trouble,
    random: Random,
}

impl SimRegistry {
    /// An empty one.
    #[must_use]
    pub fn new(random: Random) -> Arc<Self> {
        let state = State { registry: MemoryRegistry::new(), trouble: Trouble::None, random };
        Arc::new(Self { state: Mutex::new(state) })
    }

    /// From now on this is wrong with it.
    pub fn set(&self, trouble: Trouble) {
        lock(&self.state).trouble = trouble;
    }

    /// It loses all that it knows.
    pub fn lose_all(&self) {
        lock(&self.state).registry = MemoryRegistry::new();
    }

    /// The way there.
    async fn reach(&self) -> Result<MemoryRegistry, PresenceError> {
        let wait = lock(&self.state).random.below(4);
        sleep(Duration::from_millis(wait)).await;
        loop {
            let (trouble, registry) = {
                let state = lock(&self.state);
                (state.trouble, state.registry.clone())
            };
            match trouble {
                Trouble::None => return Ok(registry),
                Trouble::Refuses => {
                    let source = "the registry is down".into();
                    return Err(PresenceError::Unavailable { operation: "be reached", source });
                }
                Trouble::Hangs => sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// The way back.
    async fn back(&self) {
        let wait = lock(&self.state).random.below(3);
        sleep(Duration::from_millis(wait)).await;
    }
}

#[async_trait]
impl Registry for SimRegistry {
    async fn renew(&self, node: NodeId) -> Result<Renewal, PresenceError> {
        let answer = self.reach().await?.renew(node).await;
        self.back().await;
        answer
    }

    async fn release(&self, node: NodeId) -> Result<(), PresenceError> {
        self.reach().await?.release(node).await
    }

    async fn enter(&self, node: NodeId, users: &[UserId]) -> Result<(), PresenceError> {
        let answer = self.reach().await?.enter(node, users).await;
        self.back().await;
        answer
    }

    async fn leave(&self, node: NodeId, users: &[UserId]) -> Result<(), PresenceError> {
        let answer = self.reach().await?.leave(node, users).await;
        self.back().await;
        answer
    }

    async fn locate(&self, users: &[UserId]) -> Result<Located, PresenceError> {
        let answer = self.reach().await?.locate(users).await;
        self.back().await;
        answer
    }

    async fn nodes(&self) -> Result<Vec<NodeId>, PresenceError> {
        self.reach().await?.nodes().await
    }
}
