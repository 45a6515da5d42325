//! A connection that is made again for ever.
//!
//! It does its own reconnecting: a `ConnectionManager` of the redis crate gives up after some tries and then
//! stays deaf until somebody sends a command, which a subscriber never does. It also looks whether what it is connected
//! to still answers and is still the right server: a connection that is silently cut stays open for minutes, and one to
//! a primary that became a replica for ever.

use super::Context;
use super::health::Part;
use crate::redis::dial::{Limits, Session, check_primary};
use crate::redis::{Endpoint, Servers};
use redis::{ErrorKind, RedisError, RedisResult};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tracing::{debug, info, warn};

/// An answer that takes longer is taken for a lost connection. Redis does stall for a while, as when it forks.
pub(super) const LIMITS: Limits = Limits { connect: Duration::from_secs(1), answer: Duration::from_secs(2) };
/// How often an open connection is looked at. With the time for an answer, one that was cut is noticed after 4 s.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// The longest pause between two tries, so that a bus is back within seconds of its Redis.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// The pause after the first failure; it doubles from there.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// What a connection is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Side {
    Publisher,
    Subscriber,
}

/// Which server it should be.
#[derive(Clone, Debug)]
pub(super) enum Target {
    /// Whichever has this channel, now and later.
    Channel(String),
    /// This one.
    Server(Endpoint),
}

/// Keeps one connection.
pub(super) struct Link {
    side: Side,
    target: Target,
    servers: Servers,
    part: Part,
    restarts: watch::Receiver<u64>,
    backoff: Backoff,
}

/// Why a session is over.
pub(super) enum End {
    /// The connection has ended.
    Closed,
    /// A command failed, or it is the wrong server.
    Failed(RedisError),
    /// Somebody asked for a new one.
    Restarted,
}

impl Link {
    pub(super) fn new(side: Side, target: Target, context: &Context) -> Self {
        Self {
            side,
            target,
            servers: context.servers.clone(),
            part: context.health.part(),
            restarts: context.restarts.subscribe(),
            backoff: Backoff::default(),
        }
    }

    /// Calls `open` until it succeeds, however long that takes.
    pub(super) async fn open<T, F: Future<Output = RedisResult<(Session, T)>>>(
        &mut self,
        open: impl Fn(Servers, Endpoint) -> F,
    ) -> (Endpoint, Session, T) {
        let mut told = false;
        loop {
            // From here on a restart is meant for the connection that is being made.
            self.restarts.mark_unchanged();
            match self.try_open(&open).await {
                Ok(opened) => {
                    self.backoff.connected();
                    return opened;
                }
                // Once an outage is enough.
                Err(error) if told => debug!(bus.side = ?self.side, %error, "the bus is still not connected"),
                Err(error) => warn!(bus.side = ?self.side, %error, "the bus is not connected; it keeps trying"),
            }
            told = true;
            self.servers.doubt();
            sleep(self.backoff.next()).await;
        }
    }

    async fn try_open<T, F: Future<Output = RedisResult<(Session, T)>>>(
        &self,
        open: &impl Fn(Servers, Endpoint) -> F,
    ) -> RedisResult<(Endpoint, Session, T)> {
        let endpoint = match &self.target {
            Target::Channel(name) => self.servers.locate(name).await?,
            Target::Server(endpoint) => endpoint.clone(),
        };
        let (session, more) = open(self.servers.clone(), endpoint.clone()).await?;
        check_primary(&session.connection).await?;
        Ok((endpoint, session, more))
    }

    /// Says that it is connected. From here on what is published counts on arriving.
    pub(super) fn up(&self, at: &Endpoint) {
        info!(bus.side = ?self.side, bus.server = %at, "the bus is connected");
        self.part.set(true);
    }

    /// Waits until the connection ends, or somebody asks for a new one, or `work` fails, or it is no good any more.
    pub(super) async fn hold(
        &mut self,
        at: &Endpoint,
        session: &Session,
        work: impl Future<Output = RedisError>,
    ) -> End {
        let watch = watch(&self.servers, &self.target, at, session);
        tokio::select! {
            () = session.ended.cancelled() => End::Closed,
            // The sender lives in the bus, which outlives this task.
            _ = self.restarts.changed() => End::Restarted,
            error = work => End::Failed(error),
            error = watch => End::Failed(error),
        }
    }

    /// Says that it is not connected any more, and pauses before the next try.
    pub(super) async fn close(&mut self, session: Session, end: End) {
        self.part.set(false);
        drop(session);
        self.servers.doubt();
        match end {
            End::Restarted => {
                info!(bus.side = ?self.side, "the bus makes a new connection, as it was asked to");
                return;
            }
            End::Closed => warn!(bus.side = ?self.side, "the bus lost its connection; it makes a new one"),
            End::Failed(error) => {
                warn!(bus.side = ?self.side, %error, "the bus gave up its connection; it makes a new one");
            }
        }
        sleep(self.backoff.next()).await;
    }
}

/// Looks at a connection until it is no good any more; says why.
async fn watch(servers: &Servers, target: &Target, at: &Endpoint, session: &Session) -> RedisError {
    loop {
        sleep(HEARTBEAT).await;
        if let Err(error) = check_primary(&session.connection).await {
            return error;
        }
        // If nobody can say, nothing has changed.
        if let Target::Channel(name) = target
            && let Ok(now) = servers.locate(name).await
            && now != *at
        {
            return (ErrorKind::Client, "another server is the right one now").into();
        }
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
}
