//! One shared connection that is made when it is needed, and that never lets anybody wait long.
//!
//! A send may ask where somebody is, so an outage must cost it as little as possible: connecting and each answer
//! have half a second, only one caller connects while the others wait for it, and for a short while after a failure
//! everyone fails at once. A `ConnectionManager` of the redis crate would let callers wait for its own retries.

use super::PresenceError;
use crate::redis::dial::{Limits, Session, check_primary};
use crate::redis::{Endpoint, Servers};
use redis::aio::MultiplexedConnection;
use redis::{RedisError, RedisResult};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tracing::info;

/// The commands take well below a millisecond; the rest is a Redis that stalls.
const LIMITS: Limits = Limits { connect: Duration::from_millis(500), answer: Duration::from_millis(500) };
/// How long after a failed connect nobody tries again.
const PAUSE: Duration = Duration::from_millis(250);

/// The connection, or how its last attempt failed.
#[derive(Debug)]
pub(super) struct Connection {
    servers: Servers,
    /// A key; the others lie on the same server.
    key: Box<str>,
    // Held while connecting, which is what makes the others wait for one attempt instead of making their own.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    live: Option<(Endpoint, Session)>,
    /// Which `live` it is, so that a caller who comes back late with an error does not drop its successor.
    number: u64,
    failed: Option<(Instant, RedisError)>,
}

impl Connection {
    pub(super) fn new(servers: &Servers, key: &str) -> Self {
        Self { servers: servers.clone(), key: key.into(), state: Mutex::default() }
    }

    /// Runs `work`, named by the verb phrase `operation`. Its connection is dropped after any error, since even an
    /// answered one may be the mark of a replica that was a primary before.
    ///
    /// # Errors
    /// [`PresenceError::Unavailable`].
    pub(super) async fn run<T>(
        &self,
        operation: &'static str,
        work: impl AsyncFnOnce(&mut MultiplexedConnection) -> RedisResult<T>,
    ) -> Result<T, PresenceError> {
        let unavailable = |error| PresenceError::Unavailable { operation, source: Box::new(error) };
        let (number, mut connection) = self.get().await.map_err(unavailable)?;
        let result = work(&mut connection).await;
        if result.is_err() {
            self.servers.doubt();
            let mut state = self.state.lock().await;
            if state.number == number {
                state.live = None;
            }
        }
        result.map_err(unavailable)
    }

    /// Looks whether the keys are elsewhere now: a primary that was cut off from the others still takes everything in.
    pub(super) async fn look_again(&self) {
        // If nobody can say, nothing has changed.
        let Ok(now) = self.servers.locate(&self.key).await else { return };
        let mut state = self.state.lock().await;
        if state.live.as_ref().is_some_and(|(at, _)| *at != now) {
            state.live = None;
        }
    }

    async fn get(&self) -> RedisResult<(u64, MultiplexedConnection)> {
        let mut state = self.state.lock().await;
        if let Some((_, live)) = state.live.as_ref().filter(|(_, live)| !live.ended.is_cancelled()) {
            return Ok((state.number, live.connection.clone()));
        }
        if let Some((at, error)) = &state.failed
            && at.elapsed() < PAUSE
        {
            return Err(error.clone());
        }
        match self.connect().await {
            Ok((server, session)) => {
                info!(presence.server = %server, "the presence registry is connected");
                let connection = session.connection.clone();
                *state = State { live: Some((server, session)), number: state.number + 1, failed: None };
                Ok((state.number, connection))
            }
            Err(error) => {
                self.servers.doubt();
                state.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    async fn connect(&self) -> RedisResult<(Endpoint, Session)> {
        let server = self.servers.locate(&self.key).await?;
        let session = self.servers.dial(&server, LIMITS, None).await?;
        // A replica would answer what it is asked, and take nothing in.
        check_primary(&session.connection).await?;
        Ok((server, session))
    }
}
