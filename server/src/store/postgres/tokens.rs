//! Personal access tokens.

use super::readers::Readers;
use super::rows::{self, Columns, Text};
use super::writer::Writer;
use crate::store::fault::Fault;
use crate::store::rules::{Found, is_stale};
use crate::store::sql::Sql;
use crate::store::{Credential, Identity, StoreError, TokenRow};
use tokio_postgres::Row;
use trunkline_protocol::{Millis, UserId, limits};

/// [`crate::store::Store::create_token`].
pub(super) async fn create(
    writer: &Writer,
    user: UserId,
    label: &str,
    token: &[u8; 32],
    at: Millis,
) -> Result<u64, Fault> {
    const SQL: &str = "SELECT make_token($1, $2, $3, $4, $5) AS id";
    let most = i64::from(limits::ACCESS_TOKENS);
    let rows = writer.query(SQL, &[&user.sql(), &Text::from(label), &token.as_slice(), &at, &most]).await?;
    match rows.first().map(|row| row.number_if_any("id")).transpose()?.flatten() {
        Some(0) => Err(StoreError::TooManyTokens.into()),
        Some(id) => Ok(id),
        None => Err(StoreError::UnknownUser.into()),
    }
}

/// [`crate::store::Store::token`], but for the note of its use.
pub(super) async fn find(readers: &Readers, token: &[u8; 32], now: Millis) -> Result<Option<Found>, Fault> {
    const SQL: &str = "SELECT u.id, u.name, u.display_name, u.admin, t.id AS token, t.last_used
        FROM tokens t JOIN users u ON u.id = t.user_id WHERE t.token = $1 AND t.ended IS NULL AND NOT u.disabled";
    let rows = readers.query(SQL, &[&token.as_slice()]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let credential = Credential::Token(row.number("token")?);
    let identity = Identity { user: rows::user(row)?, admin: row.try_get("admin")?, credential, expires: None };
    Ok(Some(Found { identity, note: is_stale(row.try_get("last_used")?, now) }))
}

/// [`crate::store::Store::tokens`].
pub(super) async fn list(readers: &Readers, user: UserId) -> Result<Vec<TokenRow>, Fault> {
    const SQL: &str = "SELECT id, label, created, last_used FROM tokens
        WHERE user_id = $1 AND ended IS NULL ORDER BY id DESC";
    let rows = readers.query(SQL, &[&user.sql()]).await?;
    let token = |row: &Row| {
        Ok(TokenRow {
            id: row.number("id")?,
            label: row.text("label")?,
            created: row.try_get("created")?,
            last_used: row.try_get("last_used")?,
        })
    };
    rows.iter().map(token).collect()
}

/// [`crate::store::Store::revoke_token`].
pub(super) async fn revoke(writer: &Writer, user: UserId, token: u64) -> Result<bool, Fault> {
    const SQL: &str = "SELECT session, token FROM end_credentials($1, '{}', ARRAY[$2::bigint], NULL, 0)";
    Ok(!writer.query(SQL, &[&user.sql(), &token.sql()]).await?.is_empty())
}
