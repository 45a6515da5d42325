//! Puts a node together from its configuration and runs it. The only place that names a concrete engine.

mod database;

pub use database::{backup, begin_new_history, export, import};

use crate::auth::accounts::Accounts;
use crate::bus::{Bus, memory::MemoryBus, redis::RedisBus};
use crate::config::{BusUrl, Config};
use crate::metrics::Metrics;
use crate::node::{Node, Parts, host::System};
use crate::presence::{Registry, memory::MemoryRegistry, redis::RedisRegistry};
use crate::redis::Servers;
use crate::web::{self, serve::Bounds, state::AppState};
use anyhow::{Context, bail};
use axum::Router;
use leptos::config::LeptosOptions;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;
use trunkline_protocol::Epoch;

/// How often a store that can not write is tried.
const PROBE_EVERY: Duration = Duration::from_secs(2);
/// All that a node does after it was told to stop. The process has a moment more, and is gone within ten seconds.
const STOP_WITHIN: Duration = Duration::from_secs(9);
/// How long open connections are waited for after they were told to close.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

/// A node that is ready to serve.
pub struct Server {
    state: AppState,
    listener: TcpListener,
    lock: database::Lock,
}

impl Server {
    /// Opens the store, joins the cluster and binds the address. Serves nothing yet.
    ///
    /// # Errors
    /// With a sentence that says what to do.
    pub async fn prepare(config: Config) -> anyhow::Result<Self> {
        let (store, lock) = database::open(&config).await?;
        let listener = TcpListener::bind(config.listen)
            .await
            .with_context(|| format!("listen: {} can not be used; is something else running there?", config.listen))?;
        let (bus, registry) = connect(&config, store.epoch().await.context("the store can not be read")?)?;
        let metrics = Arc::new(Metrics::new().context("could not set up the metrics")?);
        let (routing, sends_per_second) = (config.routing, config.sends_per_second);
        let parts = Parts { host: Arc::new(System), store, bus, registry, routing, metrics, sends_per_second };
        let node = Node::start(parts).await.context("the store can not be read")?;
        let accounts = Accounts::new(node.clone(), config.registration, config.session_lifetime);
        let leptos = leptos_options(&config);
        let state = AppState { node, accounts: Arc::new(accounts), config: Arc::new(config), leptos };
        Ok(Self { state, listener, lock })
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

    /// Serves until `stop` comes, then lets clients move away, finishes what was taken in and returns, all of it within
    /// nine seconds.
    ///
    /// # Errors
    /// If the listener fails, or the database was replaced.
    pub async fn serve(self, stop: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<()> {
        let Self { state, listener, lock: _lock } = self;
        let (node, drain) = (state.node.clone(), state.config.drain);
        let database = state.config.database.to_string();
        let _watching = AbortOnDropHandle::new(tokio::spawn(watch_store(node.clone())));
        let router: Router = web::router(state);
        let (closed, close) = tokio::sync::oneshot::channel::<()>();
        let mut serving = tokio::spawn(web::serve::serve(listener, router, Bounds::default(), async move {
            // Ends with the sender too.
            let _ = close.await;
        }));
        tokio::select! {
            ended = &mut serving => return Ok(ended?),
            () = stop => {}
            () = node.abandoned() => bail!(
                "database: {database} was replaced while this node was running. Before a backup is put back all nodes \
                 have to be stopped, and trunkline new-epoch has to be run"
            ),
        }
        let connections = node.hub.size().0;
        tracing::info!(connections, "stopping: not ready, telling clients to move");
        let stopping = async {
            node.drain(drain);
            wait_until_empty(&node, drain).await;
            node.stop().await;
            let _ = closed.send(());
            // Upgraded sockets are not waited for by the server; give their close frames a moment.
            wait_until_empty(&node, CLOSE_WITHIN).await;
            let _ = tokio::time::timeout(CLOSE_WITHIN, &mut serving).await;
        };
        match tokio::time::timeout(STOP_WITHIN, stopping).await {
            Ok(()) => tracing::info!("stopped"),
            Err(_) => tracing::warn!("stopped without finishing: senders of what was not stored will send it again"),
        }
        serving.abort();
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

/// The bus and the registry of those who serve this history. What two deployments say on one Redis must not meet, nor
/// what is said of a history and of the one before; and Redis keeps apart by database number what it stores, but not
/// what is published.
fn connect(config: &Config, history: Epoch) -> anyhow::Result<(Arc<dyn Bus>, Arc<dyn Registry>)> {
    let prefix = format!("{}:{history}", config.bus_prefix);
    Ok(match &config.bus {
        BusUrl::Memory => (Arc::new(MemoryBus::new()), Arc::new(MemoryRegistry::new())),
        BusUrl::Redis(url) => {
            let servers = Servers::new((**url).clone()).context("bus: TLS can not be set up")?;
            (Arc::new(RedisBus::new(&servers, &prefix)), Arc::new(RedisRegistry::new(&servers, &prefix)))
        }
    })
}

/// Keeps the metric, and tries to write while the store can not, since a node that is not ready may be given nothing
/// to write.
async fn watch_store(node: Arc<Node>) {
    let mut writable = node.store.writable();
    loop {
        let works = *writable.borrow_and_update();
        node.metrics.store_writable.set(i64::from(works));
        if !works {
            tokio::time::sleep(PROBE_EVERY).await;
            if let Err(error) = node.store.probe().await {
                tracing::warn!(error = %error, "the store still can not write");
            }
        } else if writable.changed().await.is_err() {
            return;
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
