//! Rows as the protocol's types.

use crate::store::sql::Sql;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row};
use trunkline_protocol::{Change, ChangeBody, ConversationId, Position, SendKey, Seq, User, UserId};

/// The last commit position that was given out.
pub(super) fn position(connection: &Connection) -> rusqlite::Result<Position> {
    connection.prepare_cached("SELECT position FROM meta")?.query_row([], |row| row.get(0)).map(Position)
}

/// The columns of `users` that [`user`] reads, for a table called `users`.
pub(super) const USER: &str = "users.id, users.name, users.display_name";

/// A user from the columns [`USER`], of which the first is column `first`.
pub(super) fn user(row: &Row<'_>, first: usize) -> rusqlite::Result<User> {
    Ok(User { id: UserId(row.get(first)?), name: row.get(first + 1)?, display_name: row.get(first + 2)? })
}

/// A user who may be written to: exists, and is not disabled.
pub(super) fn active_user(connection: &Connection, id: UserId) -> rusqlite::Result<Option<User>> {
    const SQL: &str = "SELECT id, name, display_name FROM users WHERE id = ?1 AND disabled = 0";
    connection.prepare_cached(SQL)?.query_row([id.sql()], |row| user(row, 0)).optional()
}

/// The changes of `conversation` from `from` to `to`, both included, at most `limit`.
pub(super) fn changes(
    connection: &Connection,
    conversation: ConversationId,
    from: Seq,
    to: Seq,
    limit: i64,
) -> rusqlite::Result<Vec<Change>> {
    const SQL: &str = "SELECT seq, at, author, key, text, event FROM changes
        WHERE conversation = ?1 AND seq BETWEEN ?2 AND ?3 ORDER BY seq LIMIT ?4";
    let mut statement = connection.prepare_cached(SQL)?;
    let range = (conversation.sql(), from.sql(), to.sql(), limit);
    let rows = statement.query_map(range, |row| change(row, conversation))?;
    rows.collect()
}

fn change(row: &Row<'_>, conversation: ConversationId) -> rusqlite::Result<Change> {
    let body = match row.get::<_, Option<String>>(4)? {
        Some(text) => ChangeBody::Posted { text },
        None => serde_json::from_str(row.get_ref(5)?.as_str()?)
            .map_err(|error| rusqlite::Error::FromSqlConversionFailure(5, Type::Text, error.into()))?,
    };
    Ok(Change {
        conversation,
        seq: Seq(row.get(0)?),
        at: row.get(1)?,
        author: UserId(row.get(2)?),
        key: row.get::<_, Option<uuid::Uuid>>(3)?.map(SendKey),
        body,
    })
}
