//! A connection that is made again for ever, and what is known about its health.
//!
//! It does its own reconnecting: a `ConnectionManager` of the redis crate gives up after some tries and then
//! stays deaf until somebody sends a command, which a subscriber never does.

use crate::bus::{BusError, BusHealth};
use redis::aio::MultiplexedConnection;
use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{AsyncConnectionConfig, IntoConnectionInfo, ProtocolVersion, PushInfo, PushKind, RedisError, RedisResult};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

/// Connecting, logging in included.
const CONNECT: Duration = Duration::from_secs(1);
/// An answer that takes longer is taken for a lost connection. Redis does stall for a while, as when it forks.
const ANSWER: Duration = Duration::from_secs(2);
/// The longest pause between two tries, so that a bus is back within seconds of its Redis.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// The pause after the first failure; it doubles from there.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// One of the two connections of a bus.
#[derive(Clone, Copy, Debug)]
pub(super) enum Side {
    Publisher = 1,
    Subscriber = 2,
}

/// Which sides are connected. The bus is up when both are.
#[derive(Debug)]
pub(super) struct Health {
    connected: AtomicU8,
    shown: watch::Sender<BusHealth>,
}

impl Health {
    pub(super) fn new() -> Self {
        Self { connected: AtomicU8::new(0), shown: watch::Sender::new(BusHealth::Down) }
    }

    pub(super) fn watch(&self) -> watch::Receiver<BusHealth> {
        self.shown.subscribe()
    }

    pub(super) fn set(&self, side: Side, connected: bool) {
        let side = side as u8;
        if connected {
            self.connected.fetch_or(side, Ordering::AcqRel);
        } else {
            self.connected.fetch_and(!side, Ordering::AcqRel);
        }
        // Read again under the lock of the channel: two sides that change at once end with what is true.
        self.shown.send_if_modified(|shown| {
            let both = Side::Publisher as u8 | Side::Subscriber as u8;
            let up = self.connected.load(Ordering::Acquire) == both;
            let now = if up { BusHealth::Up } else { BusHealth::Down };
            std::mem::replace(shown, now) != now
        });
    }
}

/// Makes connections to one address.
#[derive(Clone, Debug)]
pub(super) struct Dialer {
    client: redis::Client,
}

/// A live connection. Dropping it closes it.
pub(super) struct Session {
    pub(super) connection: MultiplexedConnection,
    /// Cancelled when the connection has ended.
    pub(super) ended: CancellationToken,
}

impl Dialer {
    /// # Errors
    /// [`BusError::Address`] if `url` can not be an address.
    pub(super) fn new(url: &str) -> Result<Self, BusError> {
        let open = || -> RedisResult<redis::Client> {
            let info = url.into_connection_info()?;
            // RESP3 tells at once of a connection that has ended, and lets a connection that answers commands
            // hear its channels too.
            let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
            // A peer that vanished is noticed in seconds. (The crate's default leaves Nagle's algorithm on.)
            let keepalive = TcpKeepalive::new().with_time(Duration::from_secs(5)).with_interval(Duration::from_secs(2));
            let tcp = TcpSettings::default().set_nodelay(true).set_keepalive(keepalive);
            #[cfg(target_os = "linux")]
            let tcp = tcp.set_user_timeout(Duration::from_secs(8));
            redis::Client::open(info.set_redis_settings(settings).set_tcp_settings(tcp))
        };
        open().map(|client| Self { client }).map_err(|error| BusError::Address(Box::new(error)))
    }

    /// Connects once. `hear` is given what arrives on subscribed channels, one call after another, and must not
    /// block: it runs within the task that reads the socket.
    ///
    /// # Errors
    /// Unreachable, or refused, or not done within a second.
    pub(super) async fn dial(&self, hear: impl Fn(PushInfo) + Send + Sync + 'static) -> RedisResult<Session> {
        let ended = CancellationToken::new();
        // However the task of the connection ends, it drops this closure, and the guard with it.
        let (at_disconnection, at_end) = (ended.clone(), ended.clone().drop_guard());
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(ANSWER))
            .set_push_sender(move |push: PushInfo| -> Result<(), std::convert::Infallible> {
                let _kept = &at_end;
                match push.kind {
                    PushKind::Disconnection => at_disconnection.cancel(),
                    _ => hear(push),
                }
                Ok(())
            });
        let connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        Ok(Session { connection, ended })
    }
}

/// Keeps one side connected.
pub(super) struct Link {
    side: Side,
    pub(super) dialer: Dialer,
    health: Arc<Health>,
    restarts: watch::Receiver<u64>,
    backoff: Backoff,
}

/// Why a session is over.
pub(super) enum End {
    /// The connection has ended.
    Closed,
    /// A command failed.
    Failed(RedisError),
    /// Somebody asked for a new one.
    Restarted,
}

impl Link {
    pub(super) fn new(side: Side, dialer: Dialer, health: Arc<Health>, restarts: watch::Receiver<u64>) -> Self {
        Self { side, dialer, health, restarts, backoff: Backoff::default() }
    }

    /// Calls `open` until it succeeds, however long that takes.
    pub(super) async fn open<F: Future<Output = RedisResult<Session>>>(
        &mut self,
        open: impl Fn(Dialer) -> F,
    ) -> Session {
        let mut told = false;
        loop {
            // From here on a restart is meant for the connection that is being made.
            self.restarts.mark_unchanged();
            match open(self.dialer.clone()).await {
                Ok(session) => {
                    self.backoff.connected();
                    return session;
                }
                // Once an outage is enough.
                Err(error) if told => debug!(bus.side = ?self.side, %error, "the bus is still not connected"),
                Err(error) => warn!(bus.side = ?self.side, %error, "the bus is not connected; it keeps trying"),
            }
            told = true;
            sleep(self.backoff.next()).await;
        }
    }

    /// Says that this side is connected. From here on what is published counts on arriving.
    pub(super) fn up(&self) {
        info!(bus.side = ?self.side, "the bus is connected");
        self.health.set(self.side, true);
    }

    /// Says that nobody needs this side any more.
    pub(super) fn give_up(&self) {
        self.health.set(self.side, false);
    }

    /// Waits until the connection ends, or somebody asks for a new one, or `work` fails.
    pub(super) async fn hold(&mut self, session: &Session, work: impl Future<Output = RedisError>) -> End {
        tokio::select! {
            () = session.ended.cancelled() => End::Closed,
            // The sender lives in the bus, which outlives this task.
            _ = self.restarts.changed() => End::Restarted,
            error = work => End::Failed(error),
        }
    }

    /// Says that this side is not connected any more, and pauses before the next try.
    pub(super) async fn close(&mut self, session: Session, end: End) {
        self.health.set(self.side, false);
        drop(session);
        match end {
            End::Restarted => {
                info!(bus.side = ?self.side, "the bus makes a new connection, as it was asked to");
                return;
            }
            End::Closed => warn!(bus.side = ?self.side, "the bus lost its connection; it makes a new one"),
            End::Failed(error) => {
                warn!(bus.side = ?self.side, %error, "the bus gave up its connection; it makes a new one")
            }
        }
        sleep(self.backoff.next()).await;
    }
}

/// How long to pause before the next try: twice as long each time, less up to half of it by chance, so that the
/// nodes do not come back all at once.
#[derive(Debug, Default)]
struct Backoff {
    failures: u32,
    connected: Option<Instant>,
}

impl Backoff {
    fn connected(&mut self) {
        self.connected = Some(Instant::now());
    }

    fn next(&mut self) -> Duration {
        // Only a connection that held counts as a success: one that is accepted and cut again, as by a Redis
        // that refuses our commands, must not be retried at full speed.
        if self.connected.take().is_some_and(|since| since.elapsed() > LONGEST_PAUSE) {
            self.failures = 0;
        }
        let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(10)).min(LONGEST_PAUSE);
        self.failures = self.failures.saturating_add(1);
        // Without randomness the pause is whole, which is safe.
        let chance = getrandom::u32().map_or(1.0, |random| f64::from(random) / f64::from(u32::MAX));
        pause.mul_f64(0.5 + chance / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_below_the_cap() {
        let mut backoff = Backoff::default();
        let first = backoff.next();
        assert!((FIRST_PAUSE / 2..=FIRST_PAUSE).contains(&first), "{first:?}");
        for _ in 0..100 {
            assert!(backoff.next() <= LONGEST_PAUSE);
        }
        assert!(backoff.next() >= LONGEST_PAUSE / 2);
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_connection_that_held_starts_the_pauses_anew() {
        let mut backoff = Backoff::default();
        for _ in 0..10 {
            backoff.connected();
            backoff.next();
        }
        assert!(backoff.next() >= LONGEST_PAUSE / 2);
        backoff.connected();
        tokio::time::advance(LONGEST_PAUSE * 2).await;
        assert!(backoff.next() <= FIRST_PAUSE);
    }

    #[test]
    fn the_bus_is_up_only_while_both_sides_are() {
        let health = Health::new();
        let shown = health.watch();
        health.set(Side::Publisher, true);
        assert_eq!(*shown.borrow(), BusHealth::Down);
        health.set(Side::Subscriber, true);
        assert_eq!(*shown.borrow(), BusHealth::Up);
        health.set(Side::Publisher, false);
        assert_eq!(*shown.borrow(), BusHealth::Down);
    }
}
