//! A TCP proxy that can be made as bad as a network: what goes through it is delayed, thinned, sliced, held back or thrown
//! away, in either direction, and its connections are reset, half closed or forgotten.
//!
//! # Layout
//!
//! - [`weather`]: how bad it is, and what happens to connections at once
//! - `connection`: one connection through it
//! - `pump`: one direction of a connection
//! - [`nudges`]: dropping or doubling what Redis hands to a node

mod connection;
mod nudges;
mod pump;
#[cfg(test)]
mod tests;
mod weather;

pub(crate) use weather::{Carry, Cut, Nudges, Side, Weather};

use anyhow::{Context as _, Result};
use connection::Connection;
use rustix::net::sockopt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

/// Who it is that connects, as one of the links of a proxy, by its address.
pub(crate) type Who = Arc<dyn Fn(SocketAddr) -> Option<usize> + Send + Sync>;

/// How long it is tried to find out who connects: a process is known a moment after it was started.
const KNOWN_WITHIN: (u32, Duration) = (50, Duration::from_millis(10));

/// One way between two parts of the cluster, through a proxy. Clones are the same link.
#[derive(Clone, Debug)]
pub(crate) struct Link(watch::Sender<Weather>);

impl Link {
    fn new() -> Self {
        Self(watch::Sender::new(Weather::default()))
    }

    /// Changes the weather.
    pub(crate) fn set(&self, change: impl FnOnce(&mut Weather)) {
        self.0.send_modify(change);
    }

    /// Does this to every connection of now.
    pub(crate) fn cut(&self, cut: Cut) {
        self.set(|weather| {
            weather.cuts += 1;
            weather.cut = cut;
        });
    }

    /// All is well for new connections and for those that have lost nothing.
    pub(crate) fn clear(&self) {
        self.set(|weather| *weather = Weather { cuts: weather.cuts, cut: weather.cut, ..Weather::default() });
    }
}

/// Listens on a port of its own, and passes on. Ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// What it consists of.
    pub(crate) links: Vec<Link>,
    task: AbortHandle,
}

impl Proxy {
    /// One link.
    ///
    /// # Errors
    /// If there is no port.
    pub(crate) async fn start(target: SocketAddr) -> Result<Self> {
        Self::start_for(target, 1, Arc::new(|_| Some(0)), false).await
    }

    /// A link for each of several who connect to the same address. With `speaks_redis`, nudges can be told apart.
    ///
    /// # Errors
    /// If there is no port.
    pub(crate) async fn start_for(target: SocketAddr, links: usize, who: Who, speaks_redis: bool) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("a proxy has no port")?;
        let address = listener.local_addr().context("a proxy has no address")?;
        let links: Vec<_> = (0..links).map(|_| Link::new()).collect();
        let accepting = accept(listener, Route { target, speaks_redis }, links.clone(), who);
        Ok(Self { address, links, task: tokio::spawn(accepting).abort_handle() })
    }

    /// The only link, or the first one.
    pub(crate) fn link(&self) -> &Link {
        &self.links[0]
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Where it goes.
#[derive(Clone, Copy, Debug)]
struct Route {
    target: SocketAddr,
    speaks_redis: bool,
}

async fn accept(listener: TcpListener, route: Route, links: Vec<Link>, who: Who) {
    let mut connections = JoinSet::new();
    loop {
        // An error is about one connection that is gone already.
        let Ok((client, peer)) = listener.accept().await else { continue };
        while connections.try_join_next().is_some() {}
        let (links, who) = (links.clone(), who.clone());
        connections.spawn(async move {
            let Some(link) = known(&who, peer).await.and_then(|number| links.get(number)) else {
                return reset(&client);
            };
            serve(client, route, link.0.subscribe()).await;
        });
    }
}

async fn known(who: &Who, peer: SocketAddr) -> Option<usize> {
    let (tries, pause) = KNOWN_WITHIN;
    for _ in 0..tries {
        if let Some(number) = who(peer) {
            return Some(number);
        }
        tokio::time::sleep(pause).await;
    }
    None
}

async fn serve(client: TcpStream, route: Route, mut weather: watch::Receiver<Weather>) {
    if weather.borrow_and_update().refuse {
        return reset(&client);
    }
    // A way that carries nothing carries no handshake either.
    while weather.borrow_and_update().swallows_all() {
        if weather.changed().await.is_err() {
            return;
        }
    }
    match TcpStream::connect(route.target).await {
        Ok(server) => Connection::new(client, server, weather, route.speaks_redis).run().await,
        Err(_) => reset(&client),
    }
}

/// The peer is told by an RST, as by a machine that knows nothing of the connection.
fn reset(stream: &TcpStream) {
    // One that is closed already needs no reset.
    let _ = sockopt::set_socket_linger(stream, Some(Duration::ZERO));
}
