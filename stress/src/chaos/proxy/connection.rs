//! One connection through a proxy.

use super::pump::{Ended, Pump};
use super::weather::{Cut, Side, Weather};
use super::{nudges, reset};
use rustix::net::sockopt;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::sync::watch;

/// What a socket may hold on its way: little, so that who is held back feels it as on a slow line.
const BUFFER: usize = 64 * 1024;

/// See the module.
pub(super) struct Connection {
    client: TcpStream,
    server: TcpStream,
    weather: watch::Receiver<Weather>,
    speaks_redis: bool,
}

/// What ended the passing on.
enum After {
    /// Both sides have said all.
    Closed,
    /// One of them is gone, or both are to go.
    Reset,
    /// This one is to go, and the other is not to know.
    HalfOpen(Side),
    /// Both are to think that it is there.
    Forgotten,
}

impl Connection {
    pub(super) fn new(
        client: TcpStream,
        server: TcpStream,
        weather: watch::Receiver<Weather>,
        speaks_redis: bool,
    ) -> Self {
        for stream in [&client, &server] {
            // What can not be set costs no truth, only speed.
            let _ = stream.set_nodelay(true);
            let _ = sockopt::set_socket_recv_buffer_size(stream, BUFFER);
            let _ = sockopt::set_socket_send_buffer_size(stream, BUFFER);
        }
        Self { client, server, weather, speaks_redis }
    }

    pub(super) async fn run(mut self) {
        match self.pass().await {
            After::Closed => {}
            After::Reset => {
                reset(&self.client);
                reset(&self.server);
            }
            After::Forgotten => drop(tokio::join!(forget(self.client), forget(self.server))),
            After::HalfOpen(gone) => {
                let (gone, left) = match gone {
                    Side::Client => (self.client, self.server),
                    Side::Server => (self.server, self.client),
                };
                reset(&gone);
                drop(gone);
                forget(left).await;
            }
        }
    }

    async fn pass(&mut self) -> After {
        let mut cuts = self.weather.clone();
        let seen = cuts.borrow_and_update().cuts;
        let (from_client, to_client) = self.client.split();
        let (from_server, to_server) = self.server.split();
        let filter = self.speaks_redis.then(nudges::Filter::default);
        let up = Pump::new(Side::Server, self.weather.clone(), None).run(from_client, to_server);
        let down = Pump::new(Side::Client, self.weather.clone(), filter).run(from_server, to_client);
        tokio::select! {
            after = cut(&mut cuts, seen) => after,
            ended = async { tokio::try_join!(up, down) } => match ended {
                Ok(_) => After::Closed,
                Err(Ended) => After::Reset,
            },
        }
    }
}

/// Waits until something happens to the connection as a whole.
async fn cut(weather: &mut watch::Receiver<Weather>, mut seen: u64) -> After {
    loop {
        if weather.changed().await.is_err() {
            return After::Reset;
        }
        let now = *weather.borrow_and_update();
        if now.cuts == seen {
            continue;
        }
        seen = now.cuts;
        match now.cut {
            Cut::Reset => return After::Reset,
            Cut::HalfOpen(gone) => return After::HalfOpen(gone),
            Cut::Forget => return After::Forgotten,
            // The pump of that direction does it.
            Cut::HalfClose(_) => {}
        }
    }
}

/// Takes what is said, until the other side gives up by itself.
async fn forget(mut left: TcpStream) {
    let mut buffer = vec![0; BUFFER];
    while left.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
    reset(&left);
}
