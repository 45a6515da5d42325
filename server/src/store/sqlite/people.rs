//! Accounts, the directory, and when people were last connected.

use rusqlite::{Connection, OptionalExtension, Row};
use trunkline_protocol::{Millis, Presence, User, UserId};

use super::rows::{self, USER};
use super::writer::Write;
use super::{invites, sessions, tokens};
use crate::store::fault::{Fault, Trouble};
use crate::store::sql::Sql;
use crate::store::{Account, AccountRow, Credential, NewAccount, StoreError};

/// [`crate::store::Store::create_account`].
pub(super) fn create(write: &Write<'_>, account: NewAccount) -> Result<Account, Fault> {
    const TAKEN: &str = "SELECT 1 FROM users WHERE name = ?1";
    const INSERT: &str = "INSERT INTO users (name, display_name, folded, password, admin, created)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let NewAccount { name, display_name, password, at, invite, first_only } = account;
    let admin = !has_any(write)?;
    if first_only && !admin {
        return Err(StoreError::NotFirst.into());
    }
    // The invite comes first: whoever has none does not learn which names are taken.
    if let Some(invite) = invite.filter(|_| !admin) {
        invites::consume(write, &invite, at)?;
    }
    let name = name.to_lowercase();
    if write.prepare_cached(TAKEN)?.exists([&name])? {
        return Err(StoreError::NameTaken.into());
    }
    let row = (&name, &display_name, display_name.to_lowercase(), &password, admin, at);
    write.prepare_cached(INSERT)?.execute(row)?;
    let id = write.last_insert_rowid().try_into().map_err(|_| Trouble::Inconsistent("a negative row number"))?;
    Ok(Account { user: User { id: UserId(id), name, display_name }, password, admin, disabled: false })
}

/// [`crate::store::Store::has_accounts`].
pub(super) fn has_any(connection: &Connection) -> Result<bool, Fault> {
    Ok(connection.prepare_cached("SELECT 1 FROM users LIMIT 1")?.exists([])?)
}

/// [`crate::store::Store::account`].
pub(super) fn account(connection: &Connection, name: &str) -> Result<Option<Account>, Fault> {
    let sql = format!("SELECT {USER}, password, admin, disabled FROM users WHERE name = ?1");
    let account = |row: &Row<'_>| {
        let user = rows::user(row, 0)?;
        Ok(Account { user, password: row.get(3)?, admin: row.get(4)?, disabled: row.get(5)? })
    };
    Ok(connection.prepare_cached(&sql)?.query_row([name.to_lowercase()], account).optional()?)
}

/// [`crate::store::Store::user`].
pub(super) fn user(connection: &Connection, id: UserId) -> Result<Option<User>, Fault> {
    let sql = format!("SELECT {USER} FROM users WHERE id = ?1");
    Ok(connection.prepare_cached(&sql)?.query_row([id.sql()], |row| rows::user(row, 0)).optional()?)
}

/// [`crate::store::Store::user_named`].
pub(super) fn user_named(connection: &Connection, name: &str) -> Result<Option<User>, Fault> {
    let sql = format!("SELECT {USER} FROM users WHERE name = ?1");
    Ok(connection.prepare_cached(&sql)?.query_row([name.to_lowercase()], |row| rows::user(row, 0)).optional()?)
}

/// [`crate::store::Store::directory`]. Reads every name until `limit` is found, which an index can not spare
/// who searches inside of names.
pub(super) fn directory(connection: &Connection, query: &str, limit: u32) -> Result<Vec<User>, Fault> {
    // instr, unlike LIKE, has no wildcards to escape.
    let sql = format!(
        "SELECT {USER} FROM users WHERE disabled = 0 AND (instr(name, ?1) OR instr(folded, ?1))
         ORDER BY folded, id LIMIT ?2"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let users = statement.query_map((query.to_lowercase(), limit), |row| rows::user(row, 0))?;
    Ok(users.collect::<Result<_, _>>()?)
}

/// [`crate::store::Store::set_display_name`].
pub(super) fn set_display_name(write: &Write<'_>, user: UserId, display_name: &str) -> Result<(), Fault> {
    const SQL: &str = "UPDATE users SET display_name = ?2, folded = ?3, renamed = ?4 WHERE id = ?1";
    // Devices that come back must learn what their peer is called now, or who was one.
    const TOUCH: &str = "UPDATE conversations SET touched = ?2
        WHERE id IN (SELECT conversation FROM members WHERE user = ?1)";
    let row = (user.sql(), display_name, display_name.to_lowercase(), write.position().sql());
    if write.prepare_cached(SQL)?.execute(row)? == 0 {
        return Err(StoreError::UnknownUser.into());
    }
    write.prepare_cached(TOUCH)?.execute((user.sql(), write.position().sql()))?;
    Ok(())
}

/// [`crate::store::Store::set_password`].
pub(super) fn set_password(
    write: &Write<'_>,
    user: UserId,
    password: &str,
    at: Millis,
) -> Result<Vec<Credential>, Fault> {
    const SQL: &str = "UPDATE users SET password = ?2 WHERE id = ?1";
    if write.prepare_cached(SQL)?.execute((user.sql(), password))? == 0 {
        return Err(StoreError::UnknownUser.into());
    }
    let mut ended = sessions::end_all(write, user, None, at)?;
    ended.extend(tokens::revoke_all(write, user)?);
    Ok(ended)
}

/// [`crate::store::Store::accounts`].
pub(super) fn accounts(
    connection: &Connection,
    query: &str,
    limit: u32,
    now: Millis,
) -> Result<Vec<AccountRow>, Fault> {
    let sql = format!(
        "SELECT {USER}, admin, disabled, users.created, last_seen,
             (SELECT count(*) FROM sessions s WHERE s.user = users.id AND s.ended IS NULL AND s.expires > ?3)
         FROM users WHERE instr(name, ?1) OR instr(folded, ?1) ORDER BY folded, users.id LIMIT ?2"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map((query.to_lowercase(), limit, now), |row| {
        Ok(AccountRow {
            user: rows::user(row, 0)?,
            admin: row.get(3)?,
            disabled: row.get(4)?,
            created: row.get(5)?,
            last_seen: row.get(6)?,
            sessions: row.get(7)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// [`crate::store::Store::set_disabled`].
pub(super) fn set_disabled(
    write: &Write<'_>,
    user: UserId,
    disabled: bool,
    at: Millis,
) -> Result<Vec<Credential>, Fault> {
    const SQL: &str = "UPDATE users SET disabled = ?2 WHERE id = ?1";
    if write.prepare_cached(SQL)?.execute((user.sql(), disabled))? == 0 {
        return Err(StoreError::UnknownUser.into());
    }
    if !disabled {
        return Ok(Vec::new());
    }
    // Ended for good and not only refused: so nodes that follow the store learn of it too.
    let mut ended = sessions::end_all(write, user, None, at)?;
    ended.extend(tokens::revoke_all(write, user)?);
    Ok(ended)
}

/// [`crate::store::Store::set_last_seen`].
pub(super) fn set_last_seen(write: &Write<'_>, users: &[UserId], at: Millis) -> Result<(), Fault> {
    const SQL: &str = "UPDATE users SET last_seen = ?2 WHERE id = ?1 AND coalesce(last_seen < ?2, 1)";
    let mut statement = write.prepare_cached(SQL)?;
    for user in users {
        statement.execute((user.sql(), at))?;
    }
    Ok(())
}

/// [`crate::store::Store::last_seen`].
pub(super) fn last_seen(connection: &Connection, users: &[UserId]) -> Result<Vec<Presence>, Fault> {
    const SQL: &str = "SELECT last_seen FROM users WHERE id = ?1 AND last_seen IS NOT NULL";
    let mut statement = connection.prepare_cached(SQL)?;
    let mut seen = Vec::new();
    for user in users {
        if let Some(at) = statement.query_row([user.sql()], |row| row.get(0)).optional()? {
            seen.push(Presence { user: *user, online: false, last_seen: Some(at) });
        }
    }
    Ok(seen)
}
