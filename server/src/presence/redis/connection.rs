//! One shared connection that is made when it is needed, and that never lets anybody wait long.
//!
//! A send may ask where somebody is, so an outage must cost it as little as possible: connecting and each answer
//! have half a second, only one caller connects while the others wait for it, and for a short while after a failure
//! everyone fails at once. A `ConnectionManager` of the redis crate would let callers wait for its own retries.

use super::PresenceError;
use crate::redis::dial::{Limits, Session, check_primary};
use crate::redis::slots::asked_elsewhere;
use crate::redis::{Endpoint, Servers};
use redis::aio::MultiplexedConnection;
use redis::{Cmd, FromRedisValue, Pipeline, RedisError, RedisResult, Value};
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

    /// Runs commands in order, as one pipeline, and gives their answers. The verb phrase `operation` names it in errors. The
    /// connection is dropped after any error, since even an answered one may be the mark of a replica that was a
    /// primary before.
    ///
    /// Each command must be about one key: while their slot moves from one server of a Cluster to another, some keys are
    /// here and some there, and commands about several are refused.
    ///
    /// # Errors
    /// [`PresenceError::Unavailable`].
    pub(super) async fn run<T: FromRedisValue>(
        &self,
        operation: &'static str,
        commands: &[Cmd],
    ) -> Result<Vec<T>, PresenceError> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let unavailable = |error| PresenceError::Unavailable { operation, source: Box::new(error) };
        let (number, at, connection) = self.get().await.map_err(unavailable)?;
        let result = self.answers(&at, connection, commands).await;
        if result.is_err() {
            self.servers.doubt();
            let mut state = self.state.lock().await;
            if state.number == number {
                state.live = None;
            }
        }
        result.map_err(unavailable)
    }

    async fn answers<T: FromRedisValue>(
        &self,
        at: &Endpoint,
        mut connection: MultiplexedConnection,
        commands: &[Cmd],
    ) -> RedisResult<Vec<T>> {
        let mut pipeline = Pipeline::with_capacity(commands.len());
        for command in commands {
            pipeline.add_command(command.clone());
        }
        let mut answers = connection.send_packed_commands(&pipeline, 0, commands.len()).await?;
        // All keys are in one slot, so all that are elsewhere are at the same server.
        if let Some(there) = answers.iter().find_map(|answer| asked_elsewhere(answer, at)) {
            self.follow(&there, at, commands, &mut answers).await?;
        }
        answers.into_iter().map(|answer| Ok(T::from_redis_value(answer.extract_error()?)?)).collect()
    }

    /// Asks again for the keys that have gone ahead to where their slot is moving. A connection for each time: a slot that
    /// moves has arrived soon.
    async fn follow(&self, to: &Endpoint, from: &Endpoint, commands: &[Cmd], answers: &mut [Value]) -> RedisResult<()> {
        let session = self.servers.dial(to, LIMITS, None).await?;
        let mut pipeline = Pipeline::new();
        let mut open = Vec::new();
        for (command, answer) in commands.iter().zip(answers) {
            if asked_elsewhere(answer, from).is_some() {
                pipeline.cmd("ASKING").add_command(command.clone());
                open.push(answer);
            }
        }
        let there = session.connection.clone().send_packed_commands(&pipeline, 0, 2 * open.len()).await?;
        let there = there.into_iter().skip(1).step_by(2);
        open.into_iter().zip(there).for_each(|(answer, there)| *answer = there);
        Ok(())
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

    async fn get(&self) -> RedisResult<(u64, Endpoint, MultiplexedConnection)> {
        let mut state = self.state.lock().await;
        if let Some((at, live)) = state.live.as_ref().filter(|(_, live)| !live.ended.is_cancelled()) {
            return Ok((state.number, at.clone(), live.connection.clone()));
        }
        if let Some((at, error)) = &state.failed
            && at.elapsed() < PAUSE
        {
            return Err(error.clone());
        }
        match self.connect().await {
            Ok((server, session)) => {
                info!(presence.server = %server, "the presence registry is connected");
                let (at, connection) = (server.clone(), session.connection.clone());
                *state = State { live: Some((server, session)), number: state.number + 1, failed: None };
                Ok((state.number, at, connection))
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
