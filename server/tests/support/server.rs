//! A whole node in the test's own process: the real start, a real socket on a free port, its own SQLite file.

use super::device::Device;
use super::postgres::PostgresServer;
use super::raw::Raw;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use trunkline_protocol::{ConversationId, SendKey, SessionId, User, UserId};
use trunkline_server::auth::accounts::Origin;
use trunkline_server::config::{Config, Options};
use trunkline_server::node::Node;
use trunkline_server::startup::Server;
use trunkline_server::store::{Amendment, Append, Credential};
use trunkline_server::web::state::AppState;

/// The password of everyone that [`TestServer::register`] makes.
pub(crate) const PASSWORD: &str = "correct horse";

/// A folder with a SQLite file, or a PostgreSQL database, for one node or for several. The folder is gone with the last of
/// them.
pub(crate) struct Database {
    folder: TempDir,
    /// Of a PostgreSQL database.
    url: Option<String>,
}

impl Database {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { folder: TempDir::new().expect("a temporary folder"), url: None })
    }

    /// A database on this server.
    pub(crate) fn postgres(server: &PostgresServer) -> Arc<Self> {
        Arc::new(Self { folder: TempDir::new().expect("a temporary folder"), url: Some(server.database()) })
    }

    /// The same in another folder, such as one with little room.
    pub(crate) fn within(folder: &std::path::Path) -> Arc<Self> {
        Arc::new(Self { folder: TempDir::new_in(folder).expect("a temporary folder"), url: None })
    }

    /// As the setting `database` wants it.
    pub(crate) fn url(&self) -> String {
        self.url.clone().unwrap_or_else(|| format!("sqlite:{}", self.path().display()))
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("trunkline.db")
    }

    /// The file by which nodes keep others from the database.
    pub(crate) fn lock_path(&self) -> PathBuf {
        self.folder.path().join("trunkline.db-nodes")
    }
}

/// Somebody with an account and a login.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    /// Who.
    pub(crate) user: User,
    /// The login.
    pub(crate) session: SessionId,
    /// The `Cookie` header.
    pub(crate) cookie: String,
}

impl Login {
    pub(crate) fn id(&self) -> UserId {
        self.user.id
    }
}

/// A node that serves until the test ends or [`Self::stop`] is called.
pub(crate) struct TestServer {
    state: AppState,
    address: SocketAddr,
    database: Arc<Database>,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<anyhow::Result<()>>,
}

impl TestServer {
    /// One node alone, with a database of its own.
    pub(crate) async fn start() -> Self {
        Self::start_with(&Database::new(), Options::default()).await
    }

    /// A node on this database. What `options` leave open is fit for a test: any free port, `os` durability, little
    /// time to drain.
    pub(crate) async fn start_with(database: &Arc<Database>, options: Options) -> Self {
        Self::try_start_with(database, options).await.expect("a node")
    }

    /// The same for a node that may be refused.
    pub(crate) async fn try_start_with(database: &Arc<Database>, options: Options) -> anyhow::Result<Self> {
        let options = Options {
            listen: options.listen.or(Some(SocketAddr::from(([127, 0, 0, 1], 0)))),
            database: options.database.or_else(|| Some(database.url())),
            durability: options.durability.or(Some(trunkline_server::store::Durability::Os)),
            drain_seconds: options.drain_seconds.or(Some(1)),
            ..options
        };
        let server = Server::prepare(Config::try_from(options)?).await?;
        let (state, address) = (server.state().clone(), server.address()?);
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(server.serve(async move {
            // Ends with the sender too.
            let _ = stopped.await;
        }));
        Ok(Self { state, address, database: database.clone(), stop: Some(stop), serving })
    }

    /// Stops it as SIGTERM does, and waits until it is done.
    pub(crate) async fn stop(mut self) {
        self.begin_stop();
        self.serving.await.expect("a task").expect("a clean end");
    }

    /// Begins to stop it as SIGTERM does; [`Self::stop`] waits for the end.
    pub(crate) fn begin_stop(&mut self) {
        drop(self.stop.take());
    }

    /// Waits until it ends by itself, and gives what it says then.
    pub(crate) async fn ended(&mut self) -> anyhow::Result<()> {
        (&mut self.serving).await.expect("a task")
    }

    pub(crate) fn state(&self) -> &AppState {
        &self.state
    }

    pub(crate) fn node(&self) -> &Arc<Node> {
        &self.state.node
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn database(&self) -> &Arc<Database> {
        &self.database
    }

    /// `http://…/path`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Makes an account and logs it in.
    pub(crate) async fn register(&self, name: &str) -> Login {
        let accounts = &self.state.accounts;
        let secret = accounts.register(&origin(), name, "", PASSWORD, None).await.expect("an account");
        self.login_of(secret.reveal()).await
    }

    /// Logs an account in once more: another device.
    pub(crate) async fn log_in(&self, name: &str) -> Login {
        let secret = self.state.accounts.log_in(&origin(), name, PASSWORD).await.expect("a login");
        self.login_of(secret.reveal()).await
    }

    async fn login_of(&self, secret: &str) -> Login {
        let identity = self.state.accounts.identify_session(secret).await.expect("the store").expect("a session");
        let Credential::Session(session) = identity.credential else { panic!("a login is a session") };
        Login { user: identity.user, session, cookie: format!("trunkline={secret}") }
    }

    /// The direct conversation of two people.
    pub(crate) async fn direct(&self, one: &Login, other: &Login) -> ConversationId {
        self.node().open_direct(one.id(), other.id()).await.expect("a direct conversation")
    }

    /// A new group.
    pub(crate) async fn group(&self, owner: &Login, members: &[&Login]) -> ConversationId {
        let members: Vec<_> = members.iter().map(|member| member.id()).collect();
        self.node().create_group(owner.id(), "Group", &members).await.expect("a group")
    }

    /// A message that is stored without going over a socket, as many as one likes in no time.
    pub(crate) async fn store_message(&self, author: &Login, conversation: ConversationId, text: &str) {
        let credential = Credential::Session(author.session);
        let (author, key, text) = (author.id(), SendKey::random(), text.to_owned());
        let append = Append { author, credential, conversation, key, text, at: 1 };
        self.node().append(append).await.expect("stored");
    }

    /// Changes a group.
    pub(crate) async fn amend(&self, actor: &Login, conversation: ConversationId, amendment: Amendment) {
        self.node().amend(actor.id(), conversation, amendment).await.expect("an amendment");
    }

    /// A device of somebody, connected and welcomed.
    pub(crate) async fn device(&self, login: &Login) -> Device {
        let device = Device::start(login, &[self.address]);
        device.live().await;
        device
    }

    /// The same for one that holds no conversation by itself.
    pub(crate) async fn device_that_holds_nothing(&self, login: &Login) -> Device {
        let device = Device::start(login, &[self.address]);
        device.hold_nothing();
        device.live().await;
        device
    }

    /// A bare socket of somebody, upgraded and nothing more.
    pub(crate) async fn raw(&self, login: &Login) -> Raw {
        Raw::connect(self.address, &login.cookie).await
    }

    /// A bare socket that was welcomed.
    pub(crate) async fn welcomed(&self, login: &Login) -> Raw {
        let mut raw = self.raw(login).await;
        raw.hello().await;
        raw
    }

    /// What `/readyz` says: its status and its body.
    pub(crate) async fn readiness(&self) -> (u16, serde_json::Value) {
        let answer = reqwest::get(self.url("/readyz")).await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }

    /// Waits until `/readyz` says this of its bus, for at most `limit`.
    pub(crate) async fn bus_is(&self, state: &str, limit: Duration) {
        super::eventually(&format!("the bus is {state}"), limit, async || {
            let (status, body) = self.readiness().await;
            (status == 200 && body["bus"] == state).then_some(())
        })
        .await;
    }
}

/// Each caller comes from an address of its own, so that the throttle does not count tests together.
fn origin() -> Origin<'static> {
    let [a, b, c, ..] = uuid::Uuid::new_v4().into_bytes();
    Origin { address: IpAddr::from([10, a, b, c]), agent: "a test", former: None }
}
