//! Everything that the file holds, as rows on their way to another database, and a copy of the file while it is in use.

use super::{SqliteStore, connection, history, open_for_writing};
use crate::store::fault::{Fault, Trouble};
use crate::store::sql::Sql;
use crate::store::transfer::{Item, Kind, TABLES, Table, TransferError, from_hex, to_hex, whole_file};
use crate::store::{Durability, StoreError};
use rusqlite::types::{Value as Cell, ValueRef};
use rusqlite::{Connection, Row, TransactionBehavior, params_from_iter};
use serde_json::{Map, Value};
use std::io;
use std::path::Path;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use trunkline_protocol::Epoch;
use uuid::Uuid;

const EXPORT: &str = "read everything";
const IMPORT: &str = "write everything";

impl SqliteStore {
    /// Hands out everything, as it is at one moment. Nodes may go on writing.
    ///
    /// # Errors
    /// If the file can not be read.
    pub async fn export(path: &Path, items: mpsc::Sender<Item>) -> Result<(), TransferError> {
        let path = path.to_owned();
        let done = spawn_blocking(move || export(&path, &items)).await;
        let done = done.map_err(|error| Fault::Failed(error.into())).flatten();
        done.map_err(|fault| fault.during(EXPORT).into())
    }

    /// Writes everything into a file that has the schema and no accounts, all of it or nothing, as a new history. Gives
    /// the number of rows.
    ///
    /// # Errors
    /// As [`TransferError`] says.
    pub async fn import(path: &Path, items: mpsc::Receiver<Item>) -> Result<u64, TransferError> {
        let path = path.to_owned();
        let done = spawn_blocking(move || import(&path, items)).await;
        done.map_err(|error| TransferError::from(Fault::Failed(error.into()).during(IMPORT))).flatten()
    }

    /// Copies the file as it is at one moment. Nodes may go on writing. Whoever opens the copy begins a new history.
    ///
    /// # Errors
    /// If the file can not be read or the copy not be written.
    pub async fn backup(path: &Path, to: &Path) -> Result<(), StoreError> {
        let (path, to) = (path.to_owned(), to.to_owned());
        let copied = spawn_blocking(move || backup(&path, &to)).await;
        let copied = copied.map_err(io::Error::from).flatten();
        copied.map_err(|source| StoreError::Unavailable { operation: "copy the database", source: source.into() })
    }
}

fn names(table: &Table) -> String {
    quoted(table.columns.iter().map(|(name, _)| *name))
}

fn quoted<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}

fn export(path: &Path, items: &mpsc::Sender<Item>) -> Result<(), Fault> {
    let mut connection = connection::open(path)?;
    connection::for_reading(&connection)?;
    // One transaction sees one moment.
    let read = connection.transaction_with_behavior(TransactionBehavior::Deferred)?;
    // Whoever takes the rows may have given up, and says why.
    let send = |item| items.blocking_send(item).is_ok();
    if !send(Item::Head(super::rows::position(&read)?.0)) {
        return Ok(());
    }
    let mut count = 0;
    for (number, table) in TABLES.iter().enumerate() {
        let order = quoted(table.order.iter().copied());
        let mut statement = read.prepare(&format!("SELECT {} FROM {} ORDER BY {order}", names(table), table.name))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            count += 1;
            if !send(Item::Row(number, out(table, row)?)) {
                return Ok(());
            }
        }
    }
    send(Item::End(count));
    Ok(())
}

fn out(table: &Table, row: &Row<'_>) -> Result<Map<String, Value>, Fault> {
    const WRONG: Trouble = Trouble::Inconsistent("a value of another kind");
    let mut map = Map::new();
    for (number, (name, kind)) in table.columns.iter().enumerate() {
        let value = match (kind, row.get_ref(number)?) {
            (_, ValueRef::Null) => Value::Null,
            (Kind::Number, ValueRef::Integer(value)) => value.into(),
            (Kind::Flag, ValueRef::Integer(value)) => (value != 0).into(),
            (Kind::Text, ValueRef::Text(text)) => std::str::from_utf8(text).map_err(|_| WRONG)?.into(),
            (Kind::Bytes, ValueRef::Blob(bytes)) => to_hex(bytes).into(),
            (Kind::Uuid, ValueRef::Blob(bytes)) => Uuid::from_slice(bytes).map_err(|_| WRONG)?.to_string().into(),
            _ => return Err(WRONG.into()),
        };
        map.insert((*name).to_owned(), value);
    }
    Ok(map)
}

fn import(path: &Path, mut items: mpsc::Receiver<Item>) -> Result<u64, TransferError> {
    let failed = |fault: Fault| TransferError::from(fault.during(IMPORT));
    let mut connection = open_for_writing(path, Durability::Fsync).map_err(failed)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate);
    let write = transaction.map_err(|error| failed(error.into()))?;
    if super::people::has_any(&write).map_err(failed)? {
        return Err(TransferError::NotEmpty);
    }
    while let Some(item) = items.blocking_recv() {
        match item {
            Item::Head(position) => at(&write, position).map_err(|error| failed(error.into()))?,
            Item::Row(number, row) => insert(&write, &TABLES[number], &row).map_err(failed)?,
            Item::End(rows) => {
                // Behind the ids that have come.
                history::begin(&write, Epoch::random()).map_err(|error| failed(error.into()))?;
                write.commit().map_err(|error| failed(error.into()))?;
                return Ok(rows);
            }
        }
    }
    Err(TransferError::Truncated)
}

fn at(write: &Connection, position: u64) -> rusqlite::Result<()> {
    write.execute("UPDATE meta SET position = ?1", [position.sql()])?;
    Ok(())
}

fn insert(write: &Connection, table: &Table, row: &Map<String, Value>) -> Result<(), Fault> {
    const WRONG: Trouble = Trouble::Inconsistent("a value of another kind");
    let mut cells = Vec::with_capacity(table.columns.len());
    for (name, kind) in table.columns {
        cells.push(match (kind, row.get(*name).unwrap_or(&Value::Null)) {
            (_, Value::Null) => Cell::Null,
            (Kind::Number, value) => Cell::Integer(value.as_i64().ok_or(WRONG)?),
            (Kind::Flag, Value::Bool(flag)) => Cell::Integer((*flag).into()),
            (Kind::Text, Value::String(text)) => Cell::Text(text.clone()),
            (Kind::Bytes, Value::String(text)) => Cell::Blob(from_hex(text).ok_or(WRONG)?),
            (Kind::Uuid, Value::String(text)) => {
                Cell::Blob(Uuid::parse_str(text).map_err(|_| WRONG)?.as_bytes().to_vec())
            }
            _ => return Err(WRONG.into()),
        });
    }
    let places: Vec<_> = (1..=cells.len()).map(|number| format!("?{number}")).collect();
    let sql = format!("INSERT INTO {} ({}) VALUES ({})", table.name, names(table), places.join(", "));
    write.prepare_cached(&sql)?.execute(params_from_iter(cells))?;
    Ok(())
}

fn backup(path: &Path, to: &Path) -> io::Result<()> {
    /// What no boot of a machine is called: whoever opens the copy finds another one and begins a new history.
    const COPY: &str = "none: this is a copy";
    let mut part = to.as_os_str().to_owned();
    part.push(".part");
    let copied = whole_file(to, |_| {
        let copy = || -> Result<(), Fault> {
            // Reads one moment, holds up nobody who writes, and leaves a file without gaps.
            connection::open(path)?.execute("VACUUM INTO ?1", [part.to_string_lossy().as_ref()])?;
            let copy = Connection::open(&part)?;
            copy.execute("UPDATE meta SET boot = ?1", [COPY])?;
            copy.close().map_err(|(_, error)| error)?;
            Ok(())
        };
        copy().map(Some).map_err(|fault| io::Error::other(fault.during("copy the database")))
    });
    copied.map(drop)
}
