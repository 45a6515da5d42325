//! The registry in Redis, for nodes in several processes.
//!
//! # What is in Redis
//!
//! | key | type | holds | ends |
//! |---|---|---|---|
//! | `{prefix}:on:{node}` | set | `ALIVE`, and the users on the node | with the lease |
//! | `{prefix}:nodes` | set | the nodes that may be alive | a day after the last renewal |
//!
//! A node's lease and its entries are **one key**, whose expiry is the end of the lease: entries can not outlive
//! it, a crashed node leaves nothing to clean up, and a new incarnation has a new key. The list of nodes is only an
//! index: whoever looks and finds a node dead takes it off the list.
//!
//! To locate users costs two round trips, of which the second asks every living node for all the users at once. The
//! work grows with nodes × users and not with the number of entries: 500 users on 10 nodes are ten commands.
//!
//! In a Cluster the prefix stands in braces, `{{prefix}}:…`, so that all keys lie on one server: there is little of
//! it, and one connection and one round trip serve for all nodes. While that slot is on its way from one server to
//! another, the registry may fail; then nodes tell everyone.
//!
//! It needs Redis 6.2 or later (`SMISMEMBER`), or any Valkey. It answers or fails within about two seconds, whatever
//! state Redis is in: see `connection`.

mod connection;

use super::{LEASE, Located, PresenceError, Registry, Renewal};
use crate::redis::Servers;
use async_trait::async_trait;
use connection::Connection;
use redis::aio::MultiplexedConnection;
use redis::{Pipeline, RedisResult, Script};
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use trunkline_protocol::{NodeId, UserId};

/// The member that keeps a node's set alive while nobody is on the node. No user's number looks like it.
const ALIVE: &str = "alive";
/// How long the list of nodes outlives the last renewal of all.
const INDEX: Duration = Duration::from_secs(24 * 60 * 60);
/// Users in one command. Redis serves nobody else meanwhile, and Lua can not unpack more than some thousands.
const CHUNK: usize = 1_000;

/// The registry that is shared through one Redis.
#[derive(Debug)]
pub struct RedisRegistry {
    prefix: Box<str>,
    connection: Connection,
    renew: Script,
    enter: Script,
    /// Nodes whose last renewal got no answer. It may have made a new, empty lease, which the next renewal finds
    /// alive: they are told [`Renewal::Fresh`] then, or their users would stay unfound.
    unsure: Mutex<HashSet<NodeId>>,
}

impl RedisRegistry {
    /// A registry on these servers. All keys start with `prefix`. Returns at once; connects when it is first asked for
    /// something.
    #[must_use]
    pub fn new(servers: &Servers, prefix: &str) -> Self {
        let prefix = if servers.is_cluster() { format!("{{{prefix}}}") } else { prefix.to_owned() };
        Self {
            connection: Connection::new(servers, &prefix),
            prefix: prefix.into(),
            renew: Script::new(include_str!("renew.lua")),
            enter: Script::new(include_str!("enter.lua")),
            unsure: Mutex::default(),
        }
    }

    fn users_on(&self, node: NodeId) -> String {
        format!("{}:on:{node}", self.prefix)
    }

    fn index(&self) -> String {
        format!("{}:nodes", self.prefix)
    }

    fn unsure(&self) -> MutexGuard<'_, HashSet<NodeId>> {
        // Nothing panics while it holds the lock.
        self.unsure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks every node of the index whether it is alive and which of `users` it has: one list of answers a living
    /// node, in the order of `users`. Dead nodes leave the index.
    async fn ask_nodes(
        &self,
        connection: &mut MultiplexedConnection,
        users: &[UserId],
    ) -> RedisResult<Vec<(NodeId, Vec<bool>)>> {
        let index = self.index();
        let names: Vec<String> = redis::cmd("SMEMBERS").arg(&index).query_async(connection).await?;
        // What is no node was not written by this version: neither asked nor taken away.
        let nodes: Vec<NodeId> = names.iter().filter_map(|name| name.parse().ok()).collect();
        if nodes.is_empty() {
            return Ok(Vec::new());
        }
        let mut questions = Pipeline::with_capacity(nodes.len());
        for &node in &nodes {
            let question = questions.cmd("SMISMEMBER").arg(self.users_on(node)).arg(ALIVE);
            for user in users {
                question.arg(user.0);
            }
        }
        let answers: Vec<Vec<bool>> = questions.query_async(connection).await?;
        let (mut living, mut dead) = (Vec::new(), Vec::new());
        for (node, mut answer) in nodes.into_iter().zip(answers) {
            if answer.first() == Some(&true) {
                answer.remove(0);
                living.push((node, answer));
            } else {
                dead.push(node.to_string());
            }
        }
        if !dead.is_empty() {
            redis::cmd("SREM").arg(&index).arg(dead).exec_async(connection).await?;
        }
        Ok(living)
    }
}

#[async_trait]
impl Registry for RedisRegistry {
    async fn renew(&self, node: NodeId) -> Result<Renewal, PresenceError> {
        let was_unsure = !self.unsure().insert(node);
        let (key, index, node_name) = (self.users_on(node), self.index(), node.to_string());
        self.connection.look_again().await;
        let kept: bool = self
            .connection
            .run("renew a lease", async |connection: &mut MultiplexedConnection| {
                let mut call = self.renew.key(&key);
                call.key(&index).arg(ALIVE).arg(millis(LEASE)).arg(&node_name).arg(millis(INDEX));
                call.invoke_async(connection).await
            })
            .await?;
        self.unsure().remove(&node);
        Ok(if kept && !was_unsure { Renewal::Kept } else { Renewal::Fresh })
    }

    async fn release(&self, node: NodeId) -> Result<(), PresenceError> {
        let (key, index, node) = (self.users_on(node), self.index(), node.to_string());
        self.connection
            .run("release a lease", async |connection: &mut MultiplexedConnection| {
                redis::pipe().unlink(&key).srem(&index, &node).exec_async(connection).await
            })
            .await
    }

    async fn enter(&self, node: NodeId, users: &[UserId]) -> Result<(), PresenceError> {
        let key = self.users_on(node);
        self.connection
            .run("enter users", async |connection: &mut MultiplexedConnection| {
                for chunk in users.chunks(CHUNK) {
                    let mut call = self.enter.key(&key);
                    for user in chunk {
                        call.arg(user.0);
                    }
                    call.invoke_async::<()>(connection).await?;
                }
                Ok(())
            })
            .await
    }

    async fn leave(&self, node: NodeId, users: &[UserId]) -> Result<(), PresenceError> {
        let key = self.users_on(node);
        self.connection
            .run("leave users", async |connection: &mut MultiplexedConnection| {
                for chunk in users.chunks(CHUNK) {
                    let mut call = redis::cmd("SREM");
                    call.arg(&key);
                    for user in chunk {
                        call.arg(user.0);
                    }
                    call.exec_async(connection).await?;
                }
                Ok(())
            })
            .await
    }

    async fn locate(&self, users: &[UserId]) -> Result<Located, PresenceError> {
        if users.is_empty() {
            return Ok(Located { users: HashMap::new(), living: self.nodes().await? });
        }
        let living = self
            .connection
            .run("locate users", async |connection: &mut MultiplexedConnection| self.ask_nodes(connection, users).await)
            .await?;
        let mut located = Located::default();
        for (node, answers) in living {
            located.living.push(node);
            for (&user, _) in users.iter().zip(answers).filter(|(_, is_there)| *is_there) {
                let nodes = located.users.entry(user).or_default();
                // A user who stands twice in the question stands once in the answer.
                if nodes.last() != Some(&node) {
                    nodes.push(node);
                }
            }
        }
        Ok(located)
    }

    async fn nodes(&self) -> Result<Vec<NodeId>, PresenceError> {
        let living = self
            .connection
            .run("list nodes", async |connection: &mut MultiplexedConnection| self.ask_nodes(connection, &[]).await)
            .await?;
        Ok(living.into_iter().map(|(node, _)| node).collect())
    }
}

/// A duration as Redis takes it.
fn millis(duration: Duration) -> u64 {
    duration.as_millis().try_into().unwrap_or(u64::MAX)
}
