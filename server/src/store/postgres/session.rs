//! One connection: made, set up, and with its statements prepared once.

use super::fault::EngineError;
use super::history;
use super::settings::Settings;
use crate::store::fault::Fault;
use crate::store::{Durability, StoreError};
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::timeout;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Statement};
use tokio_util::sync::CancellationToken;

/// How long the making of a connection may take, all in all.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// What every connection is told. Names are looked up in Trunkline's own schema. The server ends what takes too long, so
/// that nothing of a node that was cut off or stopped stays in anybody's way: a statement, a transaction that nobody goes
/// on with, a connection whose other end is gone. Several statements of a function have to see what was committed between
/// them. Plans are made once: their parameters are arrays, of whatever length, and looked up by index.
const SET_UP: &str = "
    SET search_path TO trunkline;
    SET statement_timeout = '4s';
    SET idle_in_transaction_session_timeout = '3s';
    SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3;
    SET tcp_user_timeout = '6s';
    SET default_transaction_isolation TO 'read committed';
    SET plan_cache_mode TO force_generic_plan;
    SET jit TO off;
    SET client_min_messages TO warning";
/// What connections are told as well that write or read a few rows of each table. Their statements look each row up by
/// index, one after the other, also while a table is so small that the planner would rather read all of it, by whatever
/// way: it keeps that plan while the table grows, and every batch would read the whole log.
const LOOKING_UP: &str = "
    SET enable_seqscan TO off;
    SET enable_bitmapscan TO off;
    SET enable_hashjoin TO off;
    SET enable_mergejoin TO off";

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Short writes.
    Writer,
    /// Short reads.
    Reader,
    /// Searching: its index can only be read in bulk.
    Searcher,
    /// Migrations and whatever else takes its time. Not set up for anything.
    Maintenance,
}

/// Drives a connection until it ends. Nothing moves on it unless this is polled.
pub(super) type Driver = Pin<Box<dyn Future<Output = EngineError> + Send>>;

/// A connection that was set up.
pub(super) struct Session {
    client: Client,
    statements: Mutex<HashMap<&'static str, Statement>>,
    /// Cancelled by whoever finds that it does not answer.
    pub(super) broken: CancellationToken,
}

impl Session {
    /// Connects, and makes sure that the server is what `durability` asks for and the history the one that is known.
    pub(super) async fn open(settings: &Settings, role: Role, durability: Durability) -> Result<(Self, Driver), Fault> {
        let opened = timeout(CONNECT_WITHIN, Self::connect(settings, role, durability)).await;
        opened.map_err(|_| Fault::from(EngineError::Silent)).flatten()
    }

    async fn connect(settings: &Settings, role: Role, durability: Durability) -> Result<(Self, Driver), Fault> {
        let (client, connection) = settings.config.connect(settings.tls.clone()).await?;
        let mut driver: Driver = Box::pin(async move {
            match connection.await {
                Ok(()) => EngineError::Connection("the connection was closed".to_owned()),
                Err(error) => error.into(),
            }
        });
        let session = Self { client, statements: Mutex::default(), broken: CancellationToken::new() };
        tokio::select! {
            biased;
            done = session.set_up(role, durability) => done?,
            ended = &mut driver => return Err(ended.into()),
        }
        Ok((session, driver))
    }

    async fn set_up(&self, role: Role, durability: Durability) -> Result<(), Fault> {
        // Never less than what an acknowledgement says, whatever the server or the database was told.
        let row = self
            .client
            .query_one(
                "SELECT current_setting('fsync') = 'on', current_setting('server_encoding') = 'UTF8',
                    current_setting('server_version_num')::integer >= 130000,
                    set_config('synchronous_commit', CASE current_setting('synchronous_commit')
                        WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false)",
                &[],
            )
            .await?;
        let (fsync, utf8, recent): (bool, bool, bool) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        if !recent {
            return Err(StoreError::Unfit("this needs PostgreSQL 13 or newer").into());
        }
        if !utf8 {
            return Err(StoreError::Unfit("the database has to be made with ENCODING 'UTF8'").into());
        }
        if !fsync && durability == Durability::Fsync {
            return Err(StoreError::NotDurable.into());
        }
        if role == Role::Maintenance {
            return Ok(());
        }
        self.client.batch_execute(SET_UP).await?;
        if role != Role::Searcher {
            self.client.batch_execute(LOOKING_UP).await?;
        }
        history::check(self).await
    }

    /// Runs one statement and collects its rows.
    pub(super) async fn query(&self, sql: &'static str, params: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Fault> {
        let known = self.statements.lock().unwrap_or_else(PoisonError::into_inner).get(sql).cloned();
        let statement = match known {
            Some(statement) => statement,
            None => {
                let statement = self.client.prepare(sql).await?;
                self.statements.lock().unwrap_or_else(PoisonError::into_inner).insert(sql, statement.clone());
                statement
            }
        };
        Ok(self.client.query(&statement, params).await?)
    }

    /// The bare connection.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }
}
