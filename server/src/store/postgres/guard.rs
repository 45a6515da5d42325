//! Which nodes may share a database: a lock that every node holds for as long as it lives, by a connection of its own. The
//! server takes it back from a connection that ends, however it ends.
//!
//! A node that can hear no other holds it alone. Nodes that hear each other share it, and `meta.bus` says over which bus
//! they do. When the server was away, a node takes the lock again as soon as it is back.

use super::Server;
use super::session::{Driver, Role, Session};
use crate::store::fault::Fault;
use crate::store::{Durability, StoreError};
use std::time::Duration;
use thiserror::Error;
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

/// How often a lock that is refused is tried again: another node may be holding it just to look.
const TRIES: u32 = 25;
/// The pause between two tries. Half a second in all, within which a node that was killed is gone as well.
const PAUSE: Duration = Duration::from_millis(20);
/// The pause between attempts to get it back.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Why a node may not use the database.
#[derive(Debug, Error)]
pub enum GuardError {
    /// Another node uses it that this one can not hear.
    #[error("another node uses this database, with the bus {bus}")]
    Used {
        /// What it has locked the database with.
        bus: String,
    },
    /// The database can not be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Fault> for GuardError {
    fn from(fault: Fault) -> Self {
        Self::Store(fault.during("lock the database"))
    }
}

/// A node's share of the lock. The database is free for others soon after it is dropped.
pub struct Guard {
    _keeper: AbortOnDropHandle<()>,
}

/// What a node asks for.
struct Claim {
    server: Server,
    bus: String,
    shared: bool,
}

impl Guard {
    /// Locks the database against every other node. `bus` is what they are told. The schema has to be there.
    ///
    /// # Errors
    /// As [`GuardError`] says.
    pub async fn alone(server: &Server, bus: &str) -> Result<Self, GuardError> {
        Self::take(Claim { server: server.clone(), bus: bus.to_owned(), shared: false }).await
    }

    /// Locks the database against every node but those that share it over the same `bus`.
    ///
    /// # Errors
    /// As [`GuardError`] says.
    pub async fn shared(server: &Server, bus: &str) -> Result<Self, GuardError> {
        Self::take(Claim { server: server.clone(), bus: bus.to_owned(), shared: true }).await
    }

    async fn take(claim: Claim) -> Result<Self, GuardError> {
        let held = claim.hold().await?;
        Ok(Self { _keeper: AbortOnDropHandle::new(tokio::spawn(keep(claim, held))) })
    }
}

/// A connection that holds the lock while it is driven.
struct Held {
    _session: Session,
    driver: Driver,
}

async fn keep(claim: Claim, mut held: Held) {
    loop {
        let why = (&mut held.driver).await;
        tracing::warn!(error = %why, "lost the lock on the database; taking it again");
        held = loop {
            match claim.hold().await {
                Ok(held) => break held,
                // Messages still reach everybody, if late: nodes follow the store.
                Err(error @ GuardError::Used { .. }) => tracing::error!(error = %error, "nodes do not hear each other"),
                Err(GuardError::Store(_)) => {}
            }
            sleep(AGAIN_AFTER).await;
        };
        tracing::info!("holds the lock on the database again");
    }
}

impl Claim {
    async fn hold(&self) -> Result<Held, GuardError> {
        // Whether the server is durable is the store's business.
        let (session, mut driver) = Session::open(&self.server.settings, Role::Reader, Durability::Os).await?;
        tokio::select! {
            biased;
            locked = self.lock(&session) => locked?,
            ended = &mut driver => return Err(Fault::from(ended).into()),
        }
        Ok(Held { _session: session, driver })
    }

    /// Blocks for half a second before it refuses.
    async fn lock(&self, session: &Session) -> Result<(), GuardError> {
        let mut left = TRIES;
        while let Some(bus) = self.attempt(session).await? {
            left -= 1;
            if left == 0 {
                return Err(GuardError::Used { bus });
            }
            sleep(PAUSE).await;
        }
        Ok(())
    }

    /// The bus of whoever stands in the way.
    async fn attempt(&self, session: &Session) -> Result<Option<String>, Fault> {
        const ALONE: &str = "SELECT pg_try_advisory_lock(1953656422, 'meta'::regclass::oid::integer)";
        const SHARED: &str = "SELECT pg_try_advisory_lock_shared(1953656422, 'meta'::regclass::oid::integer)";
        const NO_MORE_ALONE: &str = "SELECT pg_advisory_unlock(1953656422, 'meta'::regclass::oid::integer)";
        const NO_MORE_SHARED: &str = "SELECT pg_advisory_unlock_shared(1953656422, 'meta'::regclass::oid::integer)";
        const TELL: &str = "UPDATE meta SET bus = $1";
        const ASK: &str = "SELECT coalesce(bus, '') FROM meta";
        let is = async |sql| -> Result<bool, Fault> {
            let rows = session.query(sql, &[]).await?;
            Ok(rows.first().map(|row| row.try_get(0)).transpose()?.unwrap_or(false))
        };
        let ask = async || -> Result<String, Fault> {
            let rows = session.query(ASK, &[]).await?;
            Ok(rows.first().map(|row| row.try_get(0)).transpose()?.unwrap_or_default())
        };
        // Nobody is there: what the table says is of those who were.
        let alone = is(ALONE).await?;
        if alone {
            session.query(TELL, &[&self.bus]).await?;
            if !self.shared {
                return Ok(None);
            }
        }
        if !self.shared || !is(SHARED).await? {
            return ask().await.map(Some);
        }
        if alone {
            is(NO_MORE_ALONE).await?;
        }
        // Nobody can write it while this lock is held.
        let theirs = ask().await?;
        if theirs == self.bus {
            return Ok(None);
        }
        is(NO_MORE_SHARED).await?;
        Ok(Some(theirs))
    }
}
