//! A database with people in it.

use crate::postgres::PostgresServer;
use async_trait::async_trait;
use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;
use trunkline_protocol::{Change, ChangeBody, ConversationId, Epoch, Millis, SendKey, Seq, SessionId, User, UserId};
use trunkline_server::store::postgres::{PostgresStore, Server};
use trunkline_server::store::sqlite::SqliteStore;
use trunkline_server::store::{
    Amendment, Append, AppendError, Appended, Credential, Durability, NewAccount, NewSession, Store, StoreError,
};

/// When everything happens, unless it matters.
pub(crate) const NOW: Millis = 1_800_000_000_000;
/// When sessions end.
pub(crate) const LATER: Millis = NOW + 86_400_000;

/// So many ids a new history leaves out at least.
pub(crate) const IDS_LEFT_OUT: u64 = 1 << 24;

/// A database of some engine.
#[async_trait]
pub(crate) trait Engine: Send + Sync + 'static {
    /// Another handle on it, as another process would have.
    async fn open(&self) -> Arc<dyn Store>;
}

/// A file of its own, which is deleted in the end.
pub(crate) struct Sqlite {
    folder: TempDir,
    /// What [`Engine::open`] opens it with.
    durability: Durability,
}

impl Default for Sqlite {
    fn default() -> Self {
        Self::with(Durability::Os)
    }
}

impl Sqlite {
    pub(crate) fn with(durability: Durability) -> Self {
        Self { folder: TempDir::new().unwrap(), durability }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("trunkline.db")
    }

    pub(crate) async fn try_open(&self, durability: Durability) -> Result<SqliteStore, StoreError> {
        SqliteStore::open(self.path(), durability).await
    }
}

#[async_trait]
impl Engine for Sqlite {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(self.try_open(self.durability).await.unwrap())
    }
}

/// One in memory, as simulations have: everybody has the same handle.
pub(crate) struct InMemory(Arc<SqliteStore>);

impl Default for InMemory {
    fn default() -> Self {
        Self(Arc::new(SqliteStore::in_memory(Epoch::random()).unwrap()))
    }
}

#[async_trait]
impl Engine for InMemory {
    async fn open(&self) -> Arc<dyn Store> {
        self.0.clone()
    }
}

/// A database of its own on a server that all tests share.
pub(crate) struct Postgres {
    pub(crate) url: String,
    durability: Durability,
}

impl Default for Postgres {
    fn default() -> Self {
        Self::on(PostgresServer::shared(), Durability::Os)
    }
}

impl Postgres {
    pub(crate) fn on(server: &PostgresServer, durability: Durability) -> Self {
        Self { url: server.database(), durability }
    }

    /// The same database for somebody else.
    pub(crate) fn by(self, url: String) -> Self {
        Self { url, ..self }
    }

    pub(crate) fn server(&self) -> Server {
        Server::new(&self.url).unwrap()
    }

    pub(crate) async fn try_open(&self, durability: Durability) -> Result<PostgresStore, StoreError> {
        PostgresStore::open(&self.server(), durability).await
    }
}

#[async_trait]
impl Engine for Postgres {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(self.try_open(self.durability).await.unwrap())
    }
}

/// An empty database, seen through two nodes' handles.
pub(crate) struct Database {
    pub(crate) a: Arc<dyn Store>,
    pub(crate) b: Arc<dyn Store>,
    engine: Box<dyn Engine>,
}

/// Somebody with an account and a login.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) id: UserId,
    pub(crate) user: User,
    pub(crate) session: SessionId,
    pub(crate) token: [u8; 32],
}

impl Person {
    /// A message by them, with a key of its own.
    pub(crate) fn says(&self, conversation: ConversationId, text: &str) -> Append {
        Append {
            author: self.id,
            credential: Credential::Session(self.session),
            conversation,
            key: SendKey::random(),
            text: text.to_owned(),
            at: NOW,
        }
    }
}

impl Database {
    pub(crate) async fn new(engine: impl Engine) -> Self {
        let (a, b) = (engine.open().await, engine.open().await);
        Self { a, b, engine: Box::new(engine) }
    }

    /// Closes both handles and opens new ones.
    pub(crate) async fn reopen(self) -> Self {
        let Self { a, b, engine } = self;
        drop((a, b));
        let (a, b) = (engine.open().await, engine.open().await);
        Self { a, b, engine }
    }

    /// The handles in turn, for those who use both.
    pub(crate) fn handle(&self, n: usize) -> Arc<dyn Store> {
        Arc::clone(if n.is_multiple_of(2) { &self.a } else { &self.b })
    }

    pub(crate) async fn person(&self, name: &str) -> Person {
        let account = self.a.create_account(account(name)).await.unwrap();
        let (session, token) = (SessionId::random(), secret());
        let new =
            NewSession { id: session, user: account.user.id, token, device: "tests".into(), at: NOW, expires: LATER };
        self.a.create_session(new).await.unwrap();
        Person { id: account.user.id, user: account.user, session, token }
    }

    pub(crate) async fn people<const N: usize>(&self, names: [&str; N]) -> [Person; N] {
        let mut people = Vec::new();
        for name in names {
            people.push(self.person(name).await);
        }
        people.try_into().unwrap()
    }

    /// A group of these, the first of them its owner.
    pub(crate) async fn group(&self, people: &[&Person]) -> ConversationId {
        let members: Vec<_> = people.iter().map(|person| person.id).collect();
        self.a.create_group(members[0], "Harbour", &members, NOW).await.unwrap().0
    }

    pub(crate) async fn direct(&self, one: &Person, other: &Person) -> ConversationId {
        self.a.direct(one.id, other.id, NOW).await.unwrap().0
    }

    /// Posts through the first handle; it must be accepted.
    pub(crate) async fn post(&self, author: &Person, conversation: ConversationId, text: &str) -> Appended {
        post(&*self.a, author.says(conversation, text)).await.unwrap()
    }

    /// Amends through the first handle; it must be accepted.
    pub(crate) async fn amend(&self, actor: &Person, group: ConversationId, amendment: Amendment) -> Vec<Change> {
        self.a.amend(actor.id, group, amendment, NOW).await.unwrap()
    }

    /// The whole log of a conversation.
    pub(crate) async fn log(&self, conversation: ConversationId) -> Vec<Change> {
        self.b.changes(conversation, Seq(1), Seq(u64::MAX)).await.unwrap()
    }
}

/// Appends one message.
pub(crate) async fn post(store: &dyn Store, message: Append) -> Result<Appended, AppendError> {
    store.append(vec![message]).await.unwrap().remove(0)
}

pub(crate) fn account(name: &str) -> NewAccount {
    let display_name = name[..1].to_uppercase() + &name[1..];
    NewAccount {
        name: name.into(),
        display_name,
        password: "$argon2id$".into(),
        at: NOW,
        invite: None,
        first_only: false,
    }
}

/// 32 bytes that nobody else has.
pub(crate) fn secret() -> [u8; 32] {
    let halves = [SendKey::random().0.into_bytes(), SendKey::random().0.into_bytes()];
    halves.concat().try_into().unwrap()
}

/// The texts of a log, and nothing else of it.
pub(crate) fn texts(changes: &[Change]) -> Vec<&str> {
    changes.iter().filter_map(|change| change.body.text()).collect()
}

pub(crate) fn seqs(changes: &[Change]) -> Vec<u64> {
    changes.iter().map(|change| change.seq.0).collect()
}

pub(crate) fn bodies(changes: &[Change]) -> Vec<ChangeBody> {
    changes.iter().map(|change| change.body.clone()).collect()
}

/// Asserts that something was refused for this reason.
macro_rules! assert_refused {
    ($result:expr, $error:pat) => {
        match $result {
            Err($error) => {}
            other => panic!("expected {}, got {other:?}", stringify!($error)),
        }
    };
}
pub(crate) use assert_refused;

/// Numbers that look random and are the same in every run.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// A number below `bound`. (SplitMix64, by Sebastiano Vigna.)
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// Waits for all of these tasks and returns their results.
pub(crate) async fn join_all<T: Debug + 'static>(tasks: Vec<tokio::task::JoinHandle<T>>) -> Vec<T> {
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}
