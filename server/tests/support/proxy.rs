//! A TCP proxy that can turn into a black hole: connections stay open, and nothing goes through them any more, as when a
//! router forgets them. Neither end is told (no FIN, no RST).

use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

/// See the module.
pub(crate) struct Proxy {
    address: SocketAddr,
    /// Counts the black holes: connections of before are dead for good.
    holes: watch::Sender<u64>,
    _task: AbortOnDropHandle<()>,
}

impl Proxy {
    /// Listens on a free port and passes on to this one of the same host.
    pub(crate) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let holes = watch::Sender::new(0);
        let task = tokio::spawn(accept(listener, port, holes.clone()));
        Self { address, holes, _task: AbortOnDropHandle::new(task) }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Swallows all that goes through the connections of now. New ones work.
    pub(crate) fn swallow(&self) {
        self.holes.send_modify(|holes| *holes += 1);
    }
}

async fn accept(listener: TcpListener, port: u16, holes: watch::Sender<u64>) {
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.expect("a connection");
        let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { continue };
        client.set_nodelay(true).expect("set");
        server.set_nodelay(true).expect("set");
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        connections.spawn(pass(from_client, to_server, holes.subscribe()));
        connections.spawn(pass(from_server, to_client, holes.subscribe()));
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut holes: watch::Receiver<u64>) {
    holes.mark_unchanged();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = tokio::select! {
            biased;
            _ = holes.changed() => break,
            read = from.read(&mut buffer) => read,
        };
        match read {
            Ok(read) if read > 0 && to.write_all(&buffer[..read]).await.is_ok() => {}
            // Its end is passed on.
            _ => return,
        }
    }
    // Taken, and nobody hears of it; the other end stays open.
    while from.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
    std::future::pending().await
}
