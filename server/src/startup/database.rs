//! The database: opened for a node, and what is done to it while there is none.

use crate::config::{BusUrl, Config, DatabaseUrl};
use crate::store::postgres::guard::{Guard, GuardError};
use crate::store::postgres::{PostgresStore, Server};
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::lock::{LockError, NodeLock};
use crate::store::transfer::{self, Item, TransferError};
use crate::store::{Durability, Store, StoreError};
use anyhow::{Context, bail};
use std::any::Any;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

/// What keeps nodes that could not hear this one off the database, until it is dropped.
pub(super) type Lock = Box<dyn Any + Send>;

/// Rows on their way from a database to a file or back: enough that neither waits for the other all the time.
const ROWS: usize = 1024;

/// Opens the store for a node.
pub(super) async fn open(config: &Config) -> anyhow::Result<(Arc<dyn Store>, Lock)> {
    let own = meeting_point(config);
    Ok(match &config.database {
        DatabaseUrl::Sqlite(path) => {
            make_folder(path)?;
            let lock = lock_file(path, config.bus.clone(), own).await?;
            let store = SqliteStore::open(path, config.durability)
                .await
                .with_context(|| format!("database: {} can not be opened", path.display()))?;
            (Arc::new(store), lock)
        }
        DatabaseUrl::Postgres(url) => {
            let server = server(url)?;
            let store = PostgresStore::open(&server, config.durability).await.map_err(|error| cause(config, error))?;
            let held = match config.bus {
                BusUrl::Memory => Guard::alone(&server, &own).await,
                BusUrl::Redis(_) => Guard::shared(&server, &own).await,
            };
            let lock = match held {
                Err(GuardError::Used { bus }) => bail!(in_use(&bus, &own)),
                held => held.context("database: can not be locked against other nodes")?,
            };
            (Arc::new(store), Box::new(lock))
        }
    })
}

fn server(url: &str) -> anyhow::Result<Server> {
    Server::new(url).context("database")
}

/// The error with what the engine says, which is what whoever starts a node needs.
fn cause(config: &Config, error: StoreError) -> anyhow::Error {
    anyhow::Error::new(error).context(format!("database: {} can not be used", config.database))
}

fn make_folder(database: &Path) -> anyhow::Result<()> {
    let Some(folder) = database.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    std::fs::create_dir_all(folder)
        .with_context(|| format!("database: the folder {} can not be made", folder.display()))
}

/// Two nodes on one database that can not hear each other would show people half of their conversations late.
async fn lock_file(path: &Path, bus: BusUrl, own: String) -> anyhow::Result<Lock> {
    let (path, told) = (path.to_owned(), own.clone());
    let locked = spawn_blocking(move || match bus {
        BusUrl::Memory => NodeLock::alone(&path, &told),
        BusUrl::Redis(_) => NodeLock::shared(&path, &told),
    });
    match locked.await? {
        Err(LockError::Used { bus: theirs }) => bail!(in_use(&theirs, &own)),
        locked => Ok(Box::new(locked.context("database: can not be locked against other nodes")?)),
    }
}

fn in_use(theirs: &str, own: &str) -> String {
    format!(
        "bus: another node is using this database with the bus {theirs}, and this one would use {own}. Two nodes need \
         the same bus between them: give both the same --bus redis://… and the same --bus-prefix, or stop the other node"
    )
}

/// Where nodes with these settings hear each other, without secrets.
fn meeting_point(config: &Config) -> String {
    match &config.bus {
        BusUrl::Memory => "memory".to_owned(),
        bus @ BusUrl::Redis(_) => format!("{bus} with the prefix {}", config.bus_prefix),
    }
}

/// Keeps nodes off the database while something is done to it.
async fn keep_nodes_off(config: &Config, doing: &'static str) -> anyhow::Result<Lock> {
    let told = format!("none: {doing}");
    let used = || format!("database: a node is using {}; stop all nodes first", config.database);
    match &config.database {
        DatabaseUrl::Sqlite(path) => {
            let path = path.clone();
            match spawn_blocking(move || NodeLock::alone(&path, &told)).await? {
                Err(LockError::Used { .. }) => bail!(used()),
                locked => Ok(Box::new(locked.context("database: can not be locked against nodes")?)),
            }
        }
        DatabaseUrl::Postgres(url) => match Guard::alone(&server(url)?, &told).await {
            Err(GuardError::Used { .. }) => bail!(used()),
            held => Ok(Box::new(held.context("database: can not be locked against nodes")?)),
        },
    }
}

/// Begins a new history in a database that was put back from a backup.
///
/// # Errors
/// If there is none, or a node is using it.
pub async fn begin_new_history(config: &Config) -> anyhow::Result<()> {
    const DOING: &str = "it is being given a new history";
    match &config.database {
        DatabaseUrl::Sqlite(path) => {
            demand_file(path)?;
            let _lock = keep_nodes_off(config, DOING).await?;
            let opened = SqliteStore::open(path, Durability::Fsync).await;
            let store = opened.with_context(|| format!("database: {} can not be opened", path.display()))?;
            store.begin_new_history().await.context("database")?;
            store.close().await.context("database")
        }
        DatabaseUrl::Postgres(url) => {
            let server = server(url)?;
            let demanded = server.demand_database().await;
            demanded.map_err(|error| cause(config, error))?;
            let _lock = keep_nodes_off(config, DOING).await?;
            server.begin_new_history().await.context("database")
        }
    }
}

/// Writes everything that the database holds into a file, and gives the number of rows.
///
/// # Errors
/// If the database can not be read or the file not be written.
pub async fn export(config: &Config, file: &Path) -> anyhow::Result<u64> {
    let (rows, taken) = mpsc::channel(ROWS);
    let written = transfer::write_file(file, taken);
    let read = async {
        match &config.database {
            DatabaseUrl::Sqlite(path) => {
                demand_file(path)?;
                SqliteStore::export(path, rows).await?;
            }
            DatabaseUrl::Postgres(url) => server(url)?.export(rows).await?,
        }
        anyhow::Ok(())
    };
    let (read, written) = tokio::join!(read, written);
    // Why reading ended is the reason for a file that is not whole.
    read.with_context(|| format!("export: {} can not be read", config.database))?;
    written.context("export")
}

/// Reads a file that [`export`] has written into an empty database, as a new history, and gives the number of rows.
///
/// # Errors
/// If the database is not empty or a node uses it, or the file is not whole. The database stays empty then.
pub async fn import(config: &Config, file: &Path) -> anyhow::Result<u64> {
    const DOING: &str = "something is being imported";
    if let DatabaseUrl::Sqlite(path) = &config.database {
        make_folder(path)?;
    }
    // Makes the schema where there is none, which the lock may need.
    let _lock = match &config.database {
        DatabaseUrl::Sqlite(_) => {
            let lock = keep_nodes_off(config, DOING).await?;
            prepare(config).await?;
            lock
        }
        DatabaseUrl::Postgres(_) => {
            prepare(config).await?;
            keep_nodes_off(config, DOING).await?
        }
    };
    let (rows, taken): (_, mpsc::Receiver<Item>) = mpsc::channel(ROWS);
    let read = transfer::read_file(file, rows);
    let written = async {
        match &config.database {
            DatabaseUrl::Sqlite(path) => SqliteStore::import(path, taken).await,
            DatabaseUrl::Postgres(url) => match Server::new(url) {
                Ok(server) => server.import(taken).await,
                Err(_) => Err(TransferError::Truncated),
            },
        }
    };
    let (read, written) = tokio::join!(read, written);
    read.context("import")?;
    written.with_context(|| format!("import: nothing was written to {}", config.database))
}

async fn prepare(config: &Config) -> anyhow::Result<()> {
    match &config.database {
        DatabaseUrl::Sqlite(path) => {
            let store = SqliteStore::open(path, Durability::Fsync).await.map_err(|error| cause(config, error))?;
            store.close().await.context("database")
        }
        DatabaseUrl::Postgres(url) => {
            let opened = PostgresStore::open(&server(url)?, Durability::Os).await;
            opened.map(drop).map_err(|error| cause(config, error))
        }
    }
}

/// Copies a SQLite file as it is at one moment.
///
/// # Errors
/// If the database is none, or the copy can not be written.
pub async fn backup(config: &Config, file: &Path) -> anyhow::Result<()> {
    match &config.database {
        DatabaseUrl::Sqlite(path) => {
            demand_file(path)?;
            SqliteStore::backup(path, file).await.context("backup")
        }
        DatabaseUrl::Postgres(_) => {
            bail!("backup: this is for SQLite. PostgreSQL has pg_dump and its own backups, or trunkline export FILE")
        }
    }
}

fn demand_file(path: &Path) -> anyhow::Result<()> {
    if path.exists() { Ok(()) } else { bail!("database: there is no file {}", path.display()) }
}
