//! Everything that the database holds, as rows on their way to another one.

use super::Server;
use super::history;
use super::rows::{disguise, reveal};
use super::session::{Role, Session};
use crate::store::fault::{Fault, Trouble};
use crate::store::sql::Sql;
use crate::store::transfer::{Item, Kind, TABLES, Table, TransferError};
use crate::store::{Durability, StoreError};
use futures_util::TryStreamExt;
use serde_json::{Map, Value};
use std::pin::pin;
use tokio::sync::mpsc;

const EXPORT: &str = "read everything";
const IMPORT: &str = "write everything";
/// Rows that are written by one statement.
const CHUNK: usize = 500;

impl Server {
    /// Whether the database is there and has the schema.
    ///
    /// # Errors
    /// If not.
    pub async fn demand_database(&self) -> Result<(), StoreError> {
        let look = async |session: &Session| {
            let row = session.client().query_one("SELECT to_regclass('trunkline.meta') IS NOT NULL", &[]).await?;
            let there: bool = row.try_get(0)?;
            if there { Ok(()) } else { Err(StoreError::Unfit("there is nothing of Trunkline in this database").into()) }
        };
        self.once(Role::Maintenance, Durability::Os, look).await.map_err(|fault| fault.during("look at the database"))
    }

    /// Hands out everything, as it is at one moment. Nodes may go on writing.
    ///
    /// # Errors
    /// If the database can not be read.
    pub async fn export(&self, items: mpsc::Sender<Item>) -> Result<(), TransferError> {
        self.demand_database().await?;
        let work = async |session: &Session| export(session, &items).await;
        self.once(Role::Maintenance, Durability::Os, work).await.map_err(|fault| fault.during(EXPORT).into())
    }

    /// Writes everything into a database that has the schema and no accounts, all of it or nothing, as a new history.
    /// Gives the number of rows.
    ///
    /// # Errors
    /// As [`TransferError`] says.
    pub async fn import(&self, mut items: mpsc::Receiver<Item>) -> Result<u64, TransferError> {
        let work = async |session: &Session| import(session, &mut items).await;
        let done = self.once(Role::Maintenance, Durability::Os, work).await;
        done.map_err(|fault| TransferError::from(fault.during(IMPORT))).flatten()
    }
}

/// The columns with their names here, and quoted.
fn columns(table: &Table) -> Vec<String> {
    table.columns.iter().map(|(name, _)| here(name)).collect()
}

/// What a column is called here: words that SQL wants for itself are called otherwise.
fn here(name: &str) -> String {
    match name {
        "user" => "user_id".to_owned(),
        "left" => "left_at".to_owned(),
        name => format!("\"{name}\""),
    }
}

async fn export(session: &Session, items: &mpsc::Sender<Item>) -> Result<(), Fault> {
    let client = session.client();
    client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL search_path TO trunkline").await?;
    let row = client.query_one("SELECT coalesce(max(position), 0) FROM commits", &[]).await?;
    let position: i64 = row.try_get(0)?;
    // Whoever takes the rows may have given up, and says why.
    if items.send(Item::Head(position.cast_unsigned())).await.is_err() {
        return Ok(());
    }
    let mut count = 0;
    for (number, table) in TABLES.iter().enumerate() {
        let selected: Vec<_> = table.columns.iter().map(|(name, _)| format!("{} AS \"{name}\"", here(name))).collect();
        let order: Vec<_> = table.order.iter().map(|name| here(name)).collect();
        let sql = format!(
            "SELECT to_json(t)::text FROM (SELECT {} FROM {} ORDER BY {}) t",
            selected.join(", "),
            table.name,
            order.join(", ")
        );
        let mut rows = pin!(client.query_raw(&sql, Vec::<i64>::new()).await?);
        while let Some(row) = rows.try_next().await? {
            count += 1;
            let mut row: Map<String, Value> = serde_json::from_str(row.try_get(0)?)?;
            convert(table, &mut row, |kind, text| match kind {
                Kind::Text => Some(reveal(text)),
                Kind::Bytes => text.strip_prefix("\\x").map(str::to_owned),
                _ => None,
            });
            if items.send(Item::Row(number, row)).await.is_err() {
                return Ok(());
            }
        }
    }
    let _gone = items.send(Item::End(count)).await;
    Ok(())
}

/// Writes texts of some kinds in another way.
fn convert(table: &Table, row: &mut Map<String, Value>, how: impl Fn(Kind, &str) -> Option<String>) {
    for (name, kind) in table.columns {
        if let Some(Value::String(text)) = row.get_mut(*name)
            && let Some(other) = how(*kind, text)
        {
            *text = other;
        }
    }
}

async fn import(session: &Session, items: &mut mpsc::Receiver<Item>) -> Result<Result<u64, TransferError>, Fault> {
    // What the rest says, and where numbers go on.
    const FINISH: &str = "
        UPDATE conversations SET amended_at = coalesce(
            (SELECT max(seq) FROM changes WHERE conversation = conversations.id AND text IS NULL), 0);
        SELECT setval(pg_get_serial_sequence('users', 'id'), max(id)) FROM users HAVING count(*) > 0;
        SELECT setval(pg_get_serial_sequence('conversations', 'id'), max(id)) FROM conversations HAVING count(*) > 0;
        SELECT setval(pg_get_serial_sequence('tokens', 'id'), max(id)) FROM tokens HAVING count(*) > 0;
        ANALYZE users, conversations, direct_pairs, members, changes, sessions, tokens, invites";
    let client = session.client();
    // A connection that ends before the commit leaves nothing.
    client.batch_execute("BEGIN; SET LOCAL search_path TO trunkline; SELECT next_position()").await?;
    let row = client.query_one("SELECT EXISTS (SELECT FROM users)", &[]).await?;
    if row.try_get(0)? {
        return Ok(Err(TransferError::NotEmpty));
    }
    let (mut waiting, mut current) = (Vec::with_capacity(CHUNK), 0);
    while let Some(item) = items.recv().await {
        match item {
            Item::Head(position) => {
                client.execute("DELETE FROM commits", &[]).await?;
                client.execute("INSERT INTO commits (position) VALUES ($1)", &[&position.sql()]).await?;
            }
            Item::Row(number, mut row) => {
                if number != current || waiting.len() == CHUNK {
                    insert(session, &TABLES[current], &mut waiting).await?;
                    current = number;
                }
                convert(&TABLES[number], &mut row, |kind, text| match kind {
                    Kind::Text => Some(disguise(text).into_owned()),
                    Kind::Bytes => Some(format!("\\x{text}")),
                    _ => None,
                });
                waiting.push(Value::Object(renamed(row)));
            }
            Item::End(rows) => {
                insert(session, &TABLES[current], &mut waiting).await?;
                client.batch_execute(FINISH).await?;
                history::begin(session).await?;
                client.batch_execute("COMMIT").await?;
                return Ok(Ok(rows));
            }
        }
    }
    Ok(Err(TransferError::Truncated))
}

/// The row under the names that its columns have here.
fn renamed(row: Map<String, Value>) -> Map<String, Value> {
    let name = |name: String| match name.as_str() {
        "user" => "user_id".to_owned(),
        "left" => "left_at".to_owned(),
        _ => name,
    };
    row.into_iter().map(|(column, value)| (name(column), value)).collect()
}

async fn insert(session: &Session, table: &Table, rows: &mut Vec<Value>) -> Result<(), Fault> {
    if rows.is_empty() {
        return Ok(());
    }
    let columns = columns(table).join(", ");
    let sql = format!(
        "INSERT INTO {table} ({columns}) SELECT {columns} FROM json_populate_recordset(NULL::{table}, $1::text::json)",
        table = table.name
    );
    let json = serde_json::to_string(rows)?;
    let written = session.client().execute(&sql, &[&json]).await?;
    if written != rows.len() as u64 {
        return Err(Trouble::Inconsistent("rows that were not written").into());
    }
    rows.clear();
    Ok(())
}
