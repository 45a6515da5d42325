//! The store in a PostgreSQL database: for nodes on more than one machine.
//!
//! Every write is one statement and one transaction, that calls a function of the schema (`schema/*.sql`) or changes a row
//! or two; so nothing is ever held open while a node does something else. Writes that decide something take one lock, which
//! orders them over all nodes: seqs are dense, keys are unique, rights are those of the moment, and positions become
//! visible in their order. Reads are one statement each, and so see one moment.
//!
//! # Layout
//!
//! - `settings`, `tls`: which server, and how it is reached
//! - `session`, `link`: one connection, and one that is made again for ever
//! - `migrations`, `history`: the schema (`schema/*.sql`), and whether this is still the same history
//! - `writer`: the one connection that writes, and its group commit; `readers`: those that read
//! - `seam`: the trait, each method handed to one of the two
//! - `append`, `log`, `cursors`, `conversations`, `groups`, `people`, `sessions`, `tokens`, `uses`, `invites`: the SQL, by
//!   subject, next to the code that runs it
//! - `search`: what is found; `indexer`: the task that keeps the index for it
//! - `rows`, `fault`: what these share; `transfer`: all of it, on its way elsewhere or from there
//! - [`guard`]: which nodes may share the database

mod append;
mod conversations;
mod cursors;
mod fault;
mod groups;
pub mod guard;
mod history;
mod indexer;
mod invites;
mod link;
mod log;
mod migrations;
mod people;
mod readers;
mod rows;
mod seam;
mod search;
mod session;
mod sessions;
mod settings;
mod tls;
mod tokens;
mod transfer;
mod uses;
mod writer;

pub use self::settings::SettingsError;

use self::history::Opened;
use self::indexer::Indexer;
use self::readers::Readers;
use self::session::{Role, Session};
use self::settings::Settings;
use self::writer::Writer;
use super::fault::Fault;
use super::{Durability, StoreError};
use std::sync::Arc;
use tokio_util::task::AbortOnDropHandle;

/// What the caller was doing when opening failed.
const OPEN: &str = "open the database";

/// A PostgreSQL server and a database there. Cheap to clone; connects to nothing by itself.
#[derive(Clone)]
pub struct Server {
    settings: Arc<Settings>,
}

impl Server {
    /// Reads the URL, `postgres://user:password@host/database`, with libpq's parameters.
    ///
    /// # Errors
    /// As [`SettingsError`] says.
    pub fn new(url: &str) -> Result<Self, SettingsError> {
        Ok(Self { settings: Arc::new(Settings::parse(url)?) })
    }

    /// Does something over a connection of its own, which then is closed.
    async fn once<T>(
        &self,
        role: Role,
        durability: Durability,
        work: impl AsyncFnOnce(&Session) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let (session, driver) = Session::open(&self.settings, role, durability).await?;
        let _driving = AbortOnDropHandle::new(tokio::spawn(driver));
        work(&session).await
    }

    /// Begins a new history: for a database that went back in time without showing it. What devices remember of the old
    /// one is void then. No node may be running.
    ///
    /// # Errors
    /// If the database is not there or can not be written to.
    pub async fn begin_new_history(&self) -> Result<(), StoreError> {
        self.once(Role::Writer, Durability::Os, history::begin)
            .await
            .map_err(|fault| fault.during("begin a new history"))
    }
}

/// The store in a PostgreSQL database. Dropping it closes its connections.
pub struct PostgresStore {
    indexer: Indexer,
    readers: Readers,
    writer: Writer,
    durability: Durability,
}

impl PostgresStore {
    /// Opens the database, which has to exist, and brings it to this version's schema.
    ///
    /// # Errors
    /// [`StoreError::NewerSchema`] if a later version has written it; it is left as it was. [`StoreError::NotDurable`] if
    /// the server would lose what it has answered, and `durability` does not allow for that.
    pub async fn open(server: &Server, durability: Durability) -> Result<Self, StoreError> {
        let durability = Self::prepare(server, durability).await.map_err(|fault| fault.during(OPEN))?;
        let opened = Arc::new(Opened::default());
        let writer = Writer::start(&server.settings, &opened, durability);
        let readers = Readers::start(&server.settings, &opened, durability);
        let indexer = Indexer::start(&server.settings, &opened, durability);
        Ok(Self { indexer, readers, writer, durability })
    }

    /// Migrates, and returns what answers are worth: what the server does, if that is more than was asked for.
    async fn prepare(server: &Server, durability: Durability) -> Result<Durability, Fault> {
        let look = async |session: &Session| {
            migrations::migrate(session).await?;
            let row = session.client().query_one("SELECT current_setting('fsync') = 'on'", &[]).await?;
            Ok(if row.try_get(0)? { Durability::Fsync } else { Durability::Os })
        };
        server.once(Role::Maintenance, durability, look).await
    }
}
