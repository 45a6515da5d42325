//! Two nodes on one database with a real Redis between them.

use super::SOON;
use super::redis::RedisServer;
use super::server::{Database, TestServer};
use std::sync::Arc;
use trunkline_server::config::Options;
use trunkline_server::node::Routing;

/// Two nodes on one database with a real Redis between them.
pub(crate) struct Cluster {
    pub(crate) redis: RedisServer,
    pub(crate) a: TestServer,
    pub(crate) b: TestServer,
}

/// The settings of a node that uses this Redis.
pub(crate) fn options(redis: &RedisServer, routing: Routing) -> Options {
    Options { bus: Some(redis.url()), routing: Some(routing), ..Options::default() }
}

impl Cluster {
    /// Both nodes, connected.
    pub(crate) async fn start(routing: Routing) -> Self {
        Self::start_with(Database::new(), routing).await
    }

    /// Both nodes, connected, on this database.
    pub(crate) async fn start_with(database: Arc<Database>, routing: Routing) -> Self {
        let cluster = Self::start_both(RedisServer::start(), database, routing).await;
        cluster.a.bus_is("up", SOON).await;
        cluster.b.bus_is("up", SOON).await;
        cluster
    }

    /// Both nodes, with a Redis that need not run.
    pub(crate) async fn start_on(redis: RedisServer, routing: Routing) -> Self {
        Self::start_both(redis, Database::new(), routing).await
    }

    async fn start_both(redis: RedisServer, database: Arc<Database>, routing: Routing) -> Self {
        let a = TestServer::start_with(&database, options(&redis, routing)).await;
        let b = TestServer::start_with(&database, options(&redis, routing)).await;
        Self { redis, a, b }
    }

    /// Two nodes whose bus works and carries nothing from one to the other: every nudge is lost, and nobody notices.
    pub(crate) async fn start_without_nudges(routing: Routing) -> Self {
        let (redis, database) = (RedisServer::start(), Database::new());
        let start = async |prefix: &str| {
            // Nodes that do not hear each other are refused, unless the lock says what it does not know.
            let lock = format!("{} with the prefix {prefix}\n", redis.url());
            std::fs::write(database.lock_path(), lock).expect("written");
            let options = Options { bus_prefix: Some(prefix.to_owned()), ..options(&redis, routing) };
            let server = TestServer::start_with(&database, options).await;
            server.bus_is("up", SOON).await;
            server
        };
        let (a, b) = (start("one").await, start("other").await);
        Self { redis, a, b }
    }

    pub(crate) fn database(&self) -> &Arc<Database> {
        self.a.database()
    }
}

/// Makes a test of each of these functions, over each routing.
#[macro_export]
macro_rules! over_both_routings {
    ($($name:ident),+ $(,)?) => {
        mod broadcast {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(trunkline_server::node::Routing::Broadcast).await;
            })+
        }
        mod directed {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(trunkline_server::node::Routing::Directed).await;
            })+
        }
    };
}
