//! Logins, and what a credential is worth.

use rusqlite::{Connection, OptionalExtension};
use trunkline_protocol::{Millis, SessionId, UserId};

use super::rows::{self, USER};
use super::writer::Write;
use crate::store::fault::Fault;
use crate::store::rules::{Found, KEPT_FOR, is_stale};
use crate::store::sql::Sql;
use crate::store::{Credential, Identity, NewSession, SessionRow, StoreError};

/// [`crate::store::Store::create_session`].
pub(super) fn create(write: &Write<'_>, session: &NewSession) -> Result<(), Fault> {
    const PRUNE: &str = "DELETE FROM sessions WHERE expires < ?1";
    const INSERT: &str = "INSERT INTO sessions (id, user, token, device, created, last_used, expires)
        SELECT ?1, id, ?3, ?4, ?5, ?5, ?6 FROM users WHERE id = ?2 AND disabled = 0";
    let NewSession { id, user, token, device, at, expires } = session;
    write.prepare_cached(PRUNE)?.execute([at.saturating_sub(KEPT_FOR)])?;
    if write.prepare_cached(INSERT)?.execute((id.0, user.sql(), token, device, at, expires))? == 0 {
        return Err(StoreError::UnknownUser.into());
    }
    Ok(())
}

/// [`crate::store::Store::session`], but for the note of its use.
pub(super) fn find(connection: &Connection, token: &[u8; 32], now: Millis) -> Result<Option<Found>, Fault> {
    let sql = format!(
        "SELECT {USER}, users.admin, s.id, s.last_used, s.expires FROM sessions s JOIN users ON users.id = s.user
         WHERE s.token = ?1 AND s.ended IS NULL AND s.expires > ?2 AND users.disabled = 0"
    );
    let found = connection.prepare_cached(&sql)?.query_row((token, now), |row| {
        let credential = Credential::Session(SessionId(row.get(4)?));
        let identity = Identity { user: rows::user(row, 0)?, admin: row.get(3)?, credential, expires: row.get(6)? };
        Ok(Found { identity, note: is_stale(row.get(5)?, now) })
    });
    Ok(found.optional()?)
}

/// Notes a use. Later than noted, or nothing.
pub(super) fn note_use(write: &Write<'_>, token: &[u8; 32], now: Millis) -> Result<(), Fault> {
    const SQL: &str = "UPDATE sessions SET last_used = ?2 WHERE token = ?1 AND last_used < ?2";
    write.prepare_cached(SQL)?.execute((token, now))?;
    Ok(())
}

/// Until when a credential gives its owner's rights: `None` if it is unknown, somebody else's, was ended, or the
/// account is disabled. Tokens last until they are revoked.
pub(super) fn good_until(
    connection: &Connection,
    credential: Credential,
    user: UserId,
) -> Result<Option<Millis>, Fault> {
    Ok(lookup(connection, credential)?.filter(|(owner, _)| *owner == user).map(|(_, until)| until))
}

/// [`crate::store::Store::is_valid`].
pub(super) fn is_valid(connection: &Connection, credential: Credential, now: Millis) -> Result<bool, Fault> {
    Ok(lookup(connection, credential)?.is_some_and(|(_, until)| now < until))
}

fn lookup(connection: &Connection, credential: Credential) -> Result<Option<(UserId, Millis)>, Fault> {
    const SESSION: &str = "SELECT s.user, s.expires FROM sessions s JOIN users u ON u.id = s.user
        WHERE s.id = ?1 AND s.ended IS NULL AND u.disabled = 0";
    const TOKEN: &str = "SELECT t.user FROM tokens t JOIN users u ON u.id = t.user
        WHERE t.id = ?1 AND t.ended IS NULL AND u.disabled = 0";
    let found = match credential {
        Credential::Session(id) => connection
            .prepare_cached(SESSION)?
            .query_row([id.0], |row| Ok((UserId(row.get(0)?), row.get(1)?)))
            .optional()?,
        Credential::Token(id) => connection
            .prepare_cached(TOKEN)?
            .query_row([id.sql()], |row| Ok((UserId(row.get(0)?), Millis::MAX)))
            .optional()?,
    };
    Ok(found)
}

/// [`crate::store::Store::sessions`].
pub(super) fn list(connection: &Connection, user: UserId, now: Millis) -> Result<Vec<SessionRow>, Fault> {
    const SQL: &str = "SELECT id, device, created, last_used FROM sessions
        WHERE user = ?1 AND ended IS NULL AND expires > ?2 ORDER BY last_used DESC, created DESC";
    let mut statement = connection.prepare_cached(SQL)?;
    let rows = statement.query_map((user.sql(), now), |row| {
        let id = SessionId(row.get(0)?);
        Ok(SessionRow { id, device: row.get(1)?, created: row.get(2)?, last_used: row.get(3)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// [`crate::store::Store::end_session`].
pub(super) fn end(write: &Write<'_>, user: UserId, session: SessionId, at: Millis) -> Result<bool, Fault> {
    const LIVE: &str = "SELECT 1 FROM sessions WHERE id = ?1 AND user = ?2 AND ended IS NULL AND expires > ?3";
    let live = write.prepare_cached(LIVE)?.exists((session.0, user.sql(), at))?;
    if live {
        end_one(write, session)?;
    }
    Ok(live)
}

/// [`crate::store::Store::end_sessions`].
pub(super) fn end_all(
    write: &Write<'_>,
    user: UserId,
    keep: Option<SessionId>,
    at: Millis,
) -> Result<Vec<Credential>, Fault> {
    let mut ended = Vec::new();
    for SessionRow { id, .. } in list(write, user, at)? {
        if Some(id) != keep {
            end_one(write, id)?;
            ended.push(Credential::Session(id));
        }
    }
    Ok(ended)
}

fn end_one(write: &Write<'_>, session: SessionId) -> Result<(), Fault> {
    const SQL: &str = "UPDATE sessions SET ended = ?2 WHERE id = ?1";
    write.prepare_cached(SQL)?.execute((session.0, write.position().sql()))?;
    Ok(())
}
