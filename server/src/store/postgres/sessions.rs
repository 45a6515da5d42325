//! Logins, and what a credential is worth.

use super::readers::Readers;
use super::rows::{self, Columns, Text};
use super::writer::Writer;
use crate::store::fault::Fault;
use crate::store::rules::{Found, KEPT_FOR, is_stale};
use crate::store::sql::Sql;
use crate::store::{Credential, Identity, NewSession, SessionRow, StoreError};
use tokio_postgres::Row;
use trunkline_protocol::{Millis, SessionId, UserId};
use uuid::Uuid;

/// [`crate::store::Store::create_session`].
pub(super) async fn create(writer: &Writer, session: &NewSession) -> Result<(), Fault> {
    const SQL: &str = "WITH pruned AS (DELETE FROM sessions WHERE expires < $7)
        INSERT INTO sessions (id, user_id, token, device, created, last_used, expires)
        SELECT $1, id, $3, $4, $5, $5, $6 FROM users WHERE id = $2 AND NOT disabled RETURNING id";
    let NewSession { id, user, token, device, at, expires } = session;
    let (token, device, prune) = (token.as_slice(), Text::from(device.as_str()), at.saturating_sub(KEPT_FOR));
    let rows = writer.query(SQL, &[&id.0, &user.sql(), &token, &device, at, expires, &prune]).await?;
    if rows.is_empty() { Err(StoreError::UnknownUser.into()) } else { Ok(()) }
}

/// [`crate::store::Store::session`], but for the note of its use.
pub(super) async fn find(readers: &Readers, token: &[u8; 32], now: Millis) -> Result<Option<Found>, Fault> {
    const SQL: &str = "SELECT u.id, u.name, u.display_name, u.admin, s.id AS session, s.last_used, s.expires
        FROM sessions s JOIN users u ON u.id = s.user_id
        WHERE s.token = $1 AND s.ended IS NULL AND s.expires > $2 AND NOT u.disabled";
    let rows = readers.query(SQL, &[&token.as_slice(), &now]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let identity = Identity {
        user: rows::user(row)?,
        admin: row.try_get("admin")?,
        credential: Credential::Session(SessionId(row.try_get("session")?)),
        expires: Some(row.try_get("expires")?),
    };
    Ok(Some(Found { identity, note: is_stale(Some(row.try_get("last_used")?), now) }))
}

/// [`crate::store::Store::is_valid`].
pub(super) async fn is_valid(readers: &Readers, credential: Credential, now: Millis) -> Result<bool, Fault> {
    const SESSION: &str = "SELECT FROM sessions s JOIN users u ON u.id = s.user_id
        WHERE s.id = $1 AND s.ended IS NULL AND s.expires > $2 AND NOT u.disabled";
    const TOKEN: &str = "SELECT FROM tokens t JOIN users u ON u.id = t.user_id
        WHERE t.id = $1 AND t.ended IS NULL AND NOT u.disabled";
    let rows = match credential {
        Credential::Session(id) => readers.query(SESSION, &[&id.0, &now]).await?,
        Credential::Token(id) => readers.query(TOKEN, &[&id.sql()]).await?,
    };
    Ok(!rows.is_empty())
}

/// [`crate::store::Store::sessions`].
pub(super) async fn list(readers: &Readers, user: UserId, now: Millis) -> Result<Vec<SessionRow>, Fault> {
    const SQL: &str = "SELECT id, device, created, last_used FROM sessions
        WHERE user_id = $1 AND ended IS NULL AND expires > $2 ORDER BY last_used DESC, created DESC";
    let rows = readers.query(SQL, &[&user.sql(), &now]).await?;
    let session = |row: &Row| {
        Ok(SessionRow {
            id: SessionId(row.try_get("id")?),
            device: row.text("device")?,
            created: row.try_get("created")?,
            last_used: row.try_get("last_used")?,
        })
    };
    rows.iter().map(session).collect()
}

/// [`crate::store::Store::end_session`].
pub(super) async fn end(writer: &Writer, user: UserId, session: SessionId, at: Millis) -> Result<bool, Fault> {
    const SQL: &str = "SELECT session, token FROM end_credentials($1, ARRAY[$2::uuid], '{}', NULL, $3)";
    Ok(!writer.query(SQL, &[&user.sql(), &session.0, &at]).await?.is_empty())
}

/// [`crate::store::Store::end_sessions`].
pub(super) async fn end_all(
    writer: &Writer,
    user: UserId,
    keep: Option<SessionId>,
    at: Millis,
) -> Result<Vec<Credential>, Fault> {
    const SQL: &str = "SELECT session, token FROM end_credentials($1, NULL, '{}', $2, $3)";
    let keep = keep.map(|session| session.0);
    ended(&writer.query(SQL, &[&user.sql(), &keep, &at]).await?)
}

/// What `end_credentials` has ended.
pub(super) fn ended(rows: &[Row]) -> Result<Vec<Credential>, Fault> {
    let mut ended = Vec::new();
    for row in rows {
        if let Some(session) = row.try_get::<_, Option<Uuid>>("session")? {
            ended.push(Credential::Session(SessionId(session)));
        } else if let Some(token) = row.number_if_any("token")? {
            ended.push(Credential::Token(token));
        }
    }
    Ok(ended)
}
