//! Personal access tokens.

use rusqlite::{Connection, OptionalExtension};
use trunkline_protocol::{Millis, UserId, limits};

use super::rows::{self, USER};
use super::writer::Write;
use crate::store::fault::{Fault, Trouble};
use crate::store::rules::{Found, is_stale};
use crate::store::sql::Sql;
use crate::store::{Credential, Identity, StoreError, TokenRow};

/// [`crate::store::Store::create_token`].
pub(super) fn create(write: &Write<'_>, user: UserId, label: &str, token: &[u8; 32], at: Millis) -> Result<u64, Fault> {
    const SQL: &str = "INSERT INTO tokens (user, token, label, created)
        SELECT id, ?2, ?3, ?4 FROM users WHERE id = ?1 AND disabled = 0";
    const COUNT: &str = "SELECT count(*) FROM tokens WHERE user = ?1 AND ended IS NULL";
    let count: u32 = write.prepare_cached(COUNT)?.query_row([user.sql()], |row| row.get(0))?;
    if count >= limits::ACCESS_TOKENS {
        return Err(StoreError::TooManyTokens.into());
    }
    if write.prepare_cached(SQL)?.execute((user.sql(), token, label, at))? == 0 {
        return Err(StoreError::UnknownUser.into());
    }
    Ok(write.last_insert_rowid().try_into().map_err(|_| Trouble::Inconsistent("a negative row number"))?)
}

/// [`crate::store::Store::token`], but for the note of its use.
pub(super) fn find(connection: &Connection, token: &[u8; 32], now: Millis) -> Result<Option<Found>, Fault> {
    let sql = format!(
        "SELECT {USER}, users.admin, t.id, t.last_used FROM tokens t JOIN users ON users.id = t.user
         WHERE t.token = ?1 AND t.ended IS NULL AND users.disabled = 0"
    );
    let found = connection.prepare_cached(&sql)?.query_row([token], |row| {
        let credential = Credential::Token(row.get(4)?);
        let identity = Identity { user: rows::user(row, 0)?, admin: row.get(3)?, credential, expires: None };
        Ok(Found { identity, note: is_stale(row.get(5)?, now) })
    });
    Ok(found.optional()?)
}

/// Notes a use. Later than noted, or nothing.
pub(super) fn note_use(write: &Write<'_>, token: &[u8; 32], now: Millis) -> Result<(), Fault> {
    const SQL: &str = "UPDATE tokens SET last_used = ?2 WHERE token = ?1 AND coalesce(last_used < ?2, 1)";
    write.prepare_cached(SQL)?.execute((token, now))?;
    Ok(())
}

/// [`crate::store::Store::tokens`].
pub(super) fn list(connection: &Connection, user: UserId) -> Result<Vec<TokenRow>, Fault> {
    const SQL: &str = "SELECT id, label, created, last_used FROM tokens
        WHERE user = ?1 AND ended IS NULL ORDER BY id DESC";
    let mut statement = connection.prepare_cached(SQL)?;
    let rows = statement.query_map([user.sql()], |row| {
        Ok(TokenRow { id: row.get(0)?, label: row.get(1)?, created: row.get(2)?, last_used: row.get(3)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Revokes all of a user's tokens.
pub(super) fn revoke_all(write: &Write<'_>, user: UserId) -> Result<Vec<Credential>, Fault> {
    const END: &str = "UPDATE tokens SET ended = ?2 WHERE user = ?1 AND ended IS NULL RETURNING id";
    let mut statement = write.prepare_cached(END)?;
    let ended = statement.query_map((user.sql(), write.position().sql()), |row| Ok(Credential::Token(row.get(0)?)))?;
    Ok(ended.collect::<Result<_, _>>()?)
}

/// [`crate::store::Store::revoke_token`].
pub(super) fn revoke(write: &Write<'_>, user: UserId, token: u64) -> Result<bool, Fault> {
    const LIVE: &str = "SELECT 1 FROM tokens WHERE id = ?1 AND user = ?2 AND ended IS NULL";
    const END: &str = "UPDATE tokens SET ended = ?2 WHERE id = ?1";
    let live = write.prepare_cached(LIVE)?.exists((token.sql(), user.sql()))?;
    if live {
        write.prepare_cached(END)?.execute((token.sql(), write.position().sql()))?;
    }
    Ok(live)
}
