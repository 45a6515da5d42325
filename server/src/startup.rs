//! Puts a node together from its configuration and runs it. The only place that names a concrete engine.

use crate::auth::accounts::Accounts;
use crate::bus::{Bus, memory::MemoryBus, redis::RedisBus};
use crate::config::{BusUrl, Config};
use crate::metrics::Metrics;
use crate::node::{Node, Parts};
use crate::presence::{Registry, memory::MemoryRegistry, redis::RedisRegistry};
use crate::store::{Store, sqlite::SqliteStore};
use crate::web::{self, state::AppState};
use anyhow::{Context, bail};
use axum::Router;
use leptos::config::LeptosOptions;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use trunkline_protocol::Millis;

/// How often a node tells the store that it uses it.
const ANNOUNCE_EVERY: Duration = Duration::from_secs(5);
/// After how long without a sign a node counts as gone.
const ANNOUNCED_FOR: Millis = 15_000;
/// How long open connections are waited for after they were told to close.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

/// A node that is ready to serve.
pub struct Server {
    state: AppState,
    listener: TcpListener,
}

impl Server {
    /// Opens the store, joins the cluster and binds the address. Serves nothing yet.
    ///
    /// # Errors
    /// With a sentence that says what to do.
    pub async fn prepare(config: Config) -> anyhow::Result<Self> {
        let store = open_store(&config).await?;
        let (bus, registry) = connect(&config)?;
        let metrics = Arc::new(Metrics::new().context("could not set up the metrics")?);
        let parts = Parts { store, bus, registry, routing: config.routing, metrics };
        let node = Node::start(parts).await.context("the store can not be read")?;
        refuse_a_split_cluster(&node).await?;
        let listener = TcpListener::bind(config.listen)
            .await
            .with_context(|| format!("listen: {} can not be used; is something else running there?", config.listen))?;
        let accounts = Accounts::new(node.clone(), config.registration, config.session_lifetime);
        let leptos = leptos_options(&config);
        let state = AppState { node, accounts: Arc::new(accounts), config: Arc::new(config), leptos };
        Ok(Self { state, listener })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// If the operating system does not say.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// What its handlers share.
    #[must_use]
    pub const fn state(&self) -> &AppState {
        &self.state
    }

    /// Serves until `stop` comes, then lets clients move away, finishes what was taken in and returns.
    ///
    /// # Errors
    /// If the listener fails.
    pub async fn serve(self, stop: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<()> {
        let Self { state, listener } = self;
        let (node, drain) = (state.node.clone(), state.config.drain);
        let announcing = tokio::spawn(announce(node.clone()));
        let router: Router = web::router(state);
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let (closed, close) = tokio::sync::oneshot::channel::<()>();
        let serving = axum::serve(listener, service).with_graceful_shutdown(async move {
            // Ends with the sender too.
            let _ = close.await;
        });
        let mut serving = tokio::spawn(serving.into_future());
        tokio::select! {
            ended = &mut serving => return Ok(ended??),
            () = stop => {}
        }
        let connections = node.hub.size().0;
        tracing::info!(connections, "stopping: not ready, telling clients to move");
        node.drain(drain);
        wait_until_empty(&node, drain).await;
        node.stop().await;
        announcing.abort();
        let _ = closed.send(());
        // Upgraded sockets are not waited for by the server; give their close frames a moment.
        wait_until_empty(&node, CLOSE_WITHIN).await;
        if tokio::time::timeout(CLOSE_WITHIN, &mut serving).await.is_err() {
            serving.abort();
        }
        tracing::info!("stopped");
        Ok(())
    }
}

async fn wait_until_empty(node: &Node, most: Duration) {
    let empty = async {
        while node.hub.size().0 > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    // Whoever is still here after that is closed.
    let _ = tokio::time::timeout(most, empty).await;
}

async fn open_store(config: &Config) -> anyhow::Result<Arc<dyn Store>> {
    let path = &config.database;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("database: the folder {} can not be made", folder.display()))?;
    }
    let store = SqliteStore::open(path, config.durability)
        .await
        .with_context(|| format!("database: {} can not be opened", path.display()))?;
    Ok(Arc::new(store))
}

fn connect(config: &Config) -> anyhow::Result<(Arc<dyn Bus>, Arc<dyn Registry>)> {
    Ok(match &config.bus {
        BusUrl::Memory => (Arc::new(MemoryBus::new()), Arc::new(MemoryRegistry::new())),
        BusUrl::Redis(url) => (
            Arc::new(RedisBus::connect(url, &config.bus_prefix).context("bus: not a Redis address")?),
            Arc::new(RedisRegistry::connect(url, &config.bus_prefix).context("bus: not a Redis address")?),
        ),
    })
}

/// Two nodes on one database that can not hear each other would show people half of their conversations late.
async fn refuse_a_split_cluster(node: &Node) -> anyhow::Result<()> {
    let kind = node.bus_kind();
    let others = node.store.announce(node.id(), kind, crate::clock::now(), ANNOUNCED_FOR).await?;
    if kind == "memory" && !others.is_empty() {
        node.store.withdraw(node.id()).await?;
        bail!(
            "bus: another node is using this database, and two nodes need a bus between them. Give both the same \
             --bus redis://…, or stop the other node (if it crashed, wait {} seconds)",
            ANNOUNCED_FOR / 1000
        );
    }
    if let Some(other) = others.iter().find(|other| other.bus != kind) {
        node.store.withdraw(node.id()).await?;
        bail!(
            "bus: another node on this database uses the bus {}, this one {kind}. Give both the same --bus redis://…",
            other.bus
        );
    }
    Ok(())
}

async fn announce(node: Arc<Node>) {
    loop {
        tokio::time::sleep(ANNOUNCE_EVERY).await;
        let announced = node.store.announce(node.id(), node.bus_kind(), crate::clock::now(), ANNOUNCED_FOR).await;
        if let Err(error) = announced {
            tracing::warn!(error = %error, "could not announce this node");
        }
    }
}

/// The names that the bundle has; the environment, which cargo-leptos sets, may say where its files are and how its
/// dev server reloads.
fn leptos_options(config: &Config) -> LeptosOptions {
    let mut options = LeptosOptions::builder().output_name("trunkline").site_addr(config.listen).build();
    if let Ok(root) = std::env::var("LEPTOS_SITE_ROOT") {
        options.site_root = root.into();
    }
    if let Some(port) = std::env::var("LEPTOS_RELOAD_PORT").ok().and_then(|port| port.parse().ok()) {
        options.reload_port = port;
    }
    if std::env::var_os("LEPTOS_WATCH").is_none() {
        // No dev server: leave its script out, which the content security policy would not let run anyway.
        options.env = leptos::config::Env::PROD;
    }
    options
}
