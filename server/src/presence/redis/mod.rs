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
//! it, and one connection and one round trip serve for all nodes. Each command is about one key, so that it works too
//! while that slot is on its way from one server to another, however long somebody leaves it half moved.
//!
//! It needs Redis 6.2 or later (`SMISMEMBER`), or any Valkey. It answers or fails within about two seconds, whatever
//! state Redis is in: see `connection`.

mod connection;

use super::{LEASE, Located, PresenceError, Registry, Renewal};
use crate::redis::Servers;
use async_trait::async_trait;
use connection::Connection;
use redis::{Cmd, Value};
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

// The text and not its hash: it is short, and a server that does not know it needs no second question.
const RENEW: &str = include_str!("renew.lua");
const LIST: &str = include_str!("list.lua");
const ENTER: &str = include_str!("enter.lua");

/// A call of a script about one key.
fn script(script: &str, key: &str) -> Cmd {
    let mut call = redis::cmd("EVAL");
    call.arg(script).arg(1).arg(key);
    call
}

/// The registry that is shared through one Redis.
#[derive(Debug)]
pub struct RedisRegistry {
    prefix: Box<str>,
    connection: Connection,
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
        Self { connection: Connection::new(servers, &prefix), prefix: prefix.into(), unsure: Mutex::default() }
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
        operation: &'static str,
        users: &[UserId],
    ) -> Result<Vec<(NodeId, Vec<bool>)>, PresenceError> {
        let index = self.index();
        let names: Vec<Vec<String>> = self.connection.run(operation, &[words("SMEMBERS", &index)]).await?;
        // What is no node was not written by this version: neither asked nor taken away.
        let nodes: Vec<NodeId> = names.iter().flatten().filter_map(|name| name.parse().ok()).collect();
        if nodes.is_empty() {
            return Ok(Vec::new());
        }
        let question = |&node: &NodeId| {
            let mut question = words("SMISMEMBER", &self.users_on(node));
            question.arg(ALIVE);
            for user in users {
                question.arg(user.0);
            }
            question
        };
        let questions: Vec<_> = nodes.iter().map(question).collect();
        let answers: Vec<Vec<bool>> = self.connection.run(operation, &questions).await?;
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
            let mut remove = words("SREM", &index);
            remove.arg(dead);
            self.connection.run::<Value>(operation, &[remove]).await?;
        }
        Ok(living)
    }
}

/// A command about one key.
fn words(command: &str, key: &str) -> Cmd {
    let mut words = redis::cmd(command);
    words.arg(key);
    words
}

/// As many calls as these users need, each made from `about`.
fn in_chunks(users: &[UserId], about: impl Fn() -> Cmd) -> Vec<Cmd> {
    let chunk = |chunk: &[UserId]| {
        let mut call = about();
        for user in chunk {
            call.arg(user.0);
        }
        call
    };
    users.chunks(CHUNK).map(chunk).collect()
}

#[async_trait]
impl Registry for RedisRegistry {
    async fn renew(&self, node: NodeId) -> Result<Renewal, PresenceError> {
        let was_unsure = !self.unsure().insert(node);
        self.connection.look_again().await;
        let mut renew = script(RENEW, &self.users_on(node));
        renew.arg(ALIVE).arg(millis(LEASE));
        let mut list = script(LIST, &self.index());
        list.arg(node.to_string()).arg(millis(INDEX));
        let answers: Vec<bool> = self.connection.run("renew a lease", &[renew, list]).await?;
        self.unsure().remove(&node);
        let kept = answers.first() == Some(&true);
        Ok(if kept && !was_unsure { Renewal::Kept } else { Renewal::Fresh })
    }

    async fn release(&self, node: NodeId) -> Result<(), PresenceError> {
        let mut remove = words("SREM", &self.index());
        remove.arg(node.to_string());
        self.connection.run::<Value>("release a lease", &[words("UNLINK", &self.users_on(node)), remove]).await?;
        Ok(())
    }

    async fn enter(&self, node: NodeId, users: &[UserId]) -> Result<(), PresenceError> {
        let key = self.users_on(node);
        self.connection.run::<Value>("enter users", &in_chunks(users, || script(ENTER, &key))).await?;
        Ok(())
    }

    async fn leave(&self, node: NodeId, users: &[UserId]) -> Result<(), PresenceError> {
        let key = self.users_on(node);
        self.connection.run::<Value>("leave users", &in_chunks(users, || words("SREM", &key))).await?;
        Ok(())
    }

    async fn locate(&self, users: &[UserId]) -> Result<Located, PresenceError> {
        if users.is_empty() {
            return Ok(Located { users: HashMap::new(), living: self.nodes().await? });
        }
        let living = self.ask_nodes("locate users", users).await?;
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
        let living = self.ask_nodes("list nodes", &[]).await?;
        Ok(living.into_iter().map(|(node, _)| node).collect())
    }
}

/// A duration as Redis takes it.
fn millis(duration: Duration) -> u64 {
    duration.as_millis().try_into().unwrap_or(u64::MAX)
}
