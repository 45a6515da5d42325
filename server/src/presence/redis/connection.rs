//! One shared connection that is made when it is needed, and that never lets anybody wait long.
//!
//! A send may ask where somebody is, so an outage must cost it as little as possible: connecting and each answer
//! have half a second, only one caller connects while the others wait for it, and for a short while after a failure
//! everyone fails at once. A `ConnectionManager` of the redis crate would let callers wait for its own retries.

use super::PresenceError;
use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{AsyncConnectionConfig, Client, IntoConnectionInfo, RedisError, RedisResult};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tracing::info;

/// Connecting, logging in included.
const CONNECT: Duration = Duration::from_millis(500);
/// One answer. The commands take well below a millisecond; the rest is a Redis that stalls.
const ANSWER: Duration = Duration::from_millis(500);
/// How long after a failed connect nobody tries again.
const PAUSE: Duration = Duration::from_millis(250);

/// The connection, or how its last attempt failed.
#[derive(Debug)]
pub(super) struct Connection {
    client: Client,
    // Held while connecting, which is what makes the others wait for one attempt instead of making their own.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    live: Option<MultiplexedConnection>,
    /// Which `live` it is, so that a caller who comes back late with an error does not drop its successor.
    number: u64,
    failed: Option<(Instant, RedisError)>,
}

impl Connection {
    /// # Errors
    /// `url` can not be an address.
    pub(super) fn new(url: &str) -> RedisResult<Self> {
        let info = url.into_connection_info()?;
        // The crate's default leaves Nagle's algorithm on.
        let info = info.set_tcp_settings(TcpSettings::default().set_nodelay(true));
        Ok(Self { client: Client::open(info)?, state: Mutex::default() })
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
            let mut state = self.state.lock().await;
            if state.number == number {
                state.live = None;
            }
        }
        result.map_err(unavailable)
    }

    async fn get(&self) -> RedisResult<(u64, MultiplexedConnection)> {
        let mut state = self.state.lock().await;
        if let Some(live) = &state.live {
            return Ok((state.number, live.clone()));
        }
        if let Some((at, error)) = &state.failed
            && at.elapsed() < PAUSE
        {
            return Err(error.clone());
        }
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT)).set_response_timeout(Some(ANSWER));
        match self.client.get_multiplexed_async_connection_with_config(&config).await {
            Ok(connection) => {
                info!("the presence registry is connected");
                state.number += 1;
                state.failed = None;
                state.live = Some(connection.clone());
                Ok((state.number, connection))
            }
            Err(error) => {
                state.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }
}
