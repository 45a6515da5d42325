//! Clients that keep to no protocol, against the real binary: what they send is closed with the code that says why, what
//! they cost is bounded, nobody else notices, and nothing panics.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod bounds;
mod crowd;
mod frames;
mod requests;
#[path = "../support/mod.rs"]
mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use support::bytes::Bytes;
use support::child::ChildNode;
use support::server::{Database, Login, TestServer};
use tempfile::NamedTempFile;
use tokio::time::Instant;
use trunkline_protocol::{ConversationId, SendKey};

const MIB: u64 = 1024 * 1024;

/// A node as a process of its own, in which Ann and Bob talk whatever anybody else does.
struct House {
    node: ChildNode,
    log: NamedTempFile,
    /// Who behaves badly.
    eve: Login,
    ann: Login,
    bob: Login,
    here: ConversationId,
    /// Memory before anybody came, in bytes.
    empty: u64,
    _database: Arc<Database>,
}

impl House {
    async fn new() -> Self {
        Self::with(async |_| {}).await
    }

    /// The same, with more in the database.
    async fn with(fill: impl AsyncFnOnce(&TestServer)) -> Self {
        let database = Database::new();
        let server = TestServer::start_with(&database, trunkline_server::config::Options::default()).await;
        let (ann, bob, eve) =
            (server.register("ann").await, server.register("bob").await, server.register("eve").await);
        let here = server.direct(&ann, &bob).await;
        fill(&server).await;
        server.stop().await;
        let log = NamedTempFile::new().expect("a file");
        let node = ChildNode::start_logged(&database, &[], log.reopen().expect("a file"));
        let house = Self { empty: 0, node, log, eve, ann, bob, here, _database: database };
        // What is there once, for everybody, is there now.
        house.goes_on().await;
        Self { empty: house.node.memory(), ..house }
    }

    fn address(&self) -> SocketAddr {
        self.node.address()
    }

    /// A socket of Eve's that was upgraded.
    async fn open(&self) -> Bytes {
        Bytes::open(self.address(), &self.eve.cookie).await
    }

    /// A socket of Eve's that was welcomed.
    async fn welcomed(&self) -> Bytes {
        let mut bytes = self.open().await;
        bytes.hello().await;
        bytes
    }

    /// Two others talk, and the node has not panicked. How long it took from the first's connecting to what the second
    /// sees.
    async fn goes_on(&self) -> Duration {
        let began = Instant::now();
        let mut bob = Bytes::open(self.address(), &self.bob.cookie).await;
        bob.hello().await;
        let mut ann = Bytes::open(self.address(), &self.ann.cookie).await;
        ann.hello().await;
        let (key, here) = (SendKey::random(), self.here);
        ann.text(&format!(r#"{{"type":"send","key":"{key}","conversation":{here},"text":"word {key}"}}"#)).await;
        bob.hears(&format!("word {key}")).await;
        ann.hears("\"ack\"").await;
        let log = std::fs::read_to_string(self.log.path()).expect("a log");
        assert!(!log.contains("panicked"), "{log}");
        began.elapsed()
    }

    /// How much more memory there is in use than before anybody came, in bytes.
    fn grown(&self) -> u64 {
        self.node.memory().saturating_sub(self.empty)
    }
}
