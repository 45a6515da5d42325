//! Accounts, the directory, and when people were last connected.

use super::readers::Readers;
use super::rows::{self, Columns, Text};
use super::sessions;
use super::writer::Writer;
use crate::store::fault::{Fault, Trouble};
use crate::store::sql::Sql;
use crate::store::{Account, AccountRow, Credential, NewAccount, StoreError};
use tokio_postgres::Row;
use trunkline_protocol::{Millis, Presence, User, UserId};

/// [`crate::store::Store::create_account`].
pub(super) async fn create(writer: &Writer, account: NewAccount) -> Result<Account, Fault> {
    const SQL: &str = "SELECT state, id, admin FROM make_account($1, $2, $3, $4, $5, $6, $7)";
    let NewAccount { name, display_name, password, at, invite, first_only } = account;
    let (name, folded) = (name.to_lowercase(), display_name.to_lowercase());
    let invite = invite.as_ref().map(<[u8; 32]>::as_slice);
    let texts = [&name, &display_name, &folded, &password].map(|text| Text::from(text.as_str()));
    let [of_name, of_display_name, of_folded, of_password] = &texts;
    let rows =
        writer.query(SQL, &[of_name, of_display_name, of_folded, of_password, &at, &invite, &first_only]).await?;
    let row = rows.first().ok_or(Trouble::Inconsistent("nothing where an account was made"))?;
    let state: i32 = row.try_get("state")?;
    match state {
        0 => {}
        1 => return Err(StoreError::NotFirst.into()),
        2 => return Err(StoreError::InvalidInvite.into()),
        _ => return Err(StoreError::NameTaken.into()),
    }
    let user = User { id: UserId(row.number("id")?), name, display_name };
    Ok(Account { user, password, admin: row.try_get("admin")?, disabled: false })
}

/// [`crate::store::Store::has_accounts`].
pub(super) async fn has_any(readers: &Readers) -> Result<bool, Fault> {
    Ok(!readers.query("SELECT FROM users LIMIT 1", &[]).await?.is_empty())
}

/// [`crate::store::Store::account`].
pub(super) async fn account(readers: &Readers, name: &str) -> Result<Option<Account>, Fault> {
    const SQL: &str = "SELECT id, name, display_name, password, admin, disabled FROM users WHERE name = $1";
    let rows = readers.query(SQL, &[&Text::from(name.to_lowercase().as_str())]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(Account {
        user: rows::user(row)?,
        password: row.text("password")?,
        admin: row.try_get("admin")?,
        disabled: row.try_get("disabled")?,
    }))
}

/// [`crate::store::Store::user`].
pub(super) async fn user(readers: &Readers, id: UserId) -> Result<Option<User>, Fault> {
    const SQL: &str = "SELECT id, name, display_name FROM users WHERE id = $1";
    readers.query(SQL, &[&id.sql()]).await?.first().map(rows::user).transpose()
}

/// [`crate::store::Store::user_named`].
pub(super) async fn user_named(readers: &Readers, name: &str) -> Result<Option<User>, Fault> {
    const SQL: &str = "SELECT id, name, display_name FROM users WHERE name = $1";
    let rows = readers.query(SQL, &[&Text::from(name.to_lowercase().as_str())]).await?;
    rows.first().map(rows::user).transpose()
}

/// [`crate::store::Store::directory`]. Reads every name until `limit` is found, which an index can not spare who searches
/// inside of names.
pub(super) async fn directory(readers: &Readers, query: &str, limit: u32) -> Result<Vec<User>, Fault> {
    // strpos, unlike LIKE, has no wildcards to escape.
    const SQL: &str = "SELECT id, name, display_name FROM users
        WHERE NOT disabled AND (strpos(name, $1) > 0 OR strpos(folded, $1) > 0) ORDER BY folded, id LIMIT $2";
    let query = query.to_lowercase();
    let rows = readers.query(SQL, &[&Text::from(query.as_str()), &i64::from(limit)]).await?;
    rows.iter().map(rows::user).collect()
}

/// [`crate::store::Store::set_display_name`].
pub(super) async fn set_display_name(writer: &Writer, user: UserId, display_name: &str) -> Result<(), Fault> {
    const SQL: &str = "SELECT rename_user($1, $2, $3) AS found";
    let folded = display_name.to_lowercase();
    let texts = (Text::from(display_name), Text::from(folded.as_str()));
    let rows = writer.query(SQL, &[&user.sql(), &texts.0, &texts.1]).await?;
    let found = rows.first().map(|row| row.try_get::<_, bool>("found")).transpose()?;
    if found == Some(true) { Ok(()) } else { Err(StoreError::UnknownUser.into()) }
}

/// [`crate::store::Store::set_password`].
pub(super) async fn set_password(
    writer: &Writer,
    user: UserId,
    password: &str,
    at: Millis,
) -> Result<Vec<Credential>, Fault> {
    const SQL: &str = "SELECT p.found, e.session, e.token FROM replace_password($1, $2) AS p (found)
        LEFT JOIN end_credentials($1, NULL, NULL, NULL, $3) AS e ON true";
    found(writer.query(SQL, &[&user.sql(), &Text::from(password), &at]).await?)
}

/// [`crate::store::Store::accounts`].
pub(super) async fn accounts(
    readers: &Readers,
    query: &str,
    limit: u32,
    now: Millis,
) -> Result<Vec<AccountRow>, Fault> {
    const SQL: &str = "SELECT id, name, display_name, admin, disabled, created, last_seen,
            (SELECT count(*) FROM sessions s WHERE s.user_id = users.id AND s.ended IS NULL AND s.expires > $3) AS live
        FROM users WHERE strpos(name, $1) > 0 OR strpos(folded, $1) > 0 ORDER BY folded, id LIMIT $2";
    let query = query.to_lowercase();
    let rows = readers.query(SQL, &[&Text::from(query.as_str()), &i64::from(limit), &now]).await?;
    let account = |row: &Row| {
        Ok(AccountRow {
            user: rows::user(row)?,
            admin: row.try_get("admin")?,
            disabled: row.try_get("disabled")?,
            created: row.try_get("created")?,
            last_seen: row.try_get("last_seen")?,
            sessions: u32::try_from(row.number("live")?).unwrap_or(u32::MAX),
        })
    };
    rows.iter().map(account).collect()
}

/// [`crate::store::Store::set_disabled`].
pub(super) async fn set_disabled(
    writer: &Writer,
    user: UserId,
    disabled: bool,
    at: Millis,
) -> Result<Vec<Credential>, Fault> {
    // Ended for good and not only refused: so nodes that follow the store learn of it too. Of nobody, all is nothing.
    const SQL: &str = "SELECT u.found, e.session, e.token FROM disable_user($1, $2) AS u (found)
        LEFT JOIN end_credentials(CASE WHEN $2 THEN $1 END, NULL, NULL, NULL, $3) AS e ON true";
    found(writer.query(SQL, &[&user.sql(), &disabled, &at]).await?)
}

/// What was ended of a user, if there is one.
fn found(rows: Vec<Row>) -> Result<Vec<Credential>, Fault> {
    let found = rows.first().map(|row| row.try_get::<_, bool>("found")).transpose()?;
    if found == Some(true) { sessions::ended(&rows) } else { Err(StoreError::UnknownUser.into()) }
}

/// [`crate::store::Store::set_last_seen`].
pub(super) async fn set_last_seen(writer: &Writer, users: &[UserId], at: Millis) -> Result<(), Fault> {
    // In one order, so that two nodes that note the same users do not block each other.
    const SQL: &str = "UPDATE users SET last_seen = $2 FROM (
            SELECT id FROM users WHERE id = ANY ($1) AND coalesce(last_seen < $2, true) ORDER BY id FOR NO KEY UPDATE
        ) seen WHERE users.id = seen.id";
    let users: Vec<i64> = users.iter().map(|user| user.sql()).collect();
    writer.query(SQL, &[&users, &at]).await?;
    Ok(())
}

/// [`crate::store::Store::last_seen`].
pub(super) async fn last_seen(readers: &Readers, users: &[UserId]) -> Result<Vec<Presence>, Fault> {
    const SQL: &str = "SELECT u.id, u.last_seen FROM unnest($1::bigint[]) WITH ORDINALITY AS asked (id, n)
        JOIN users u ON u.id = asked.id WHERE u.last_seen IS NOT NULL ORDER BY asked.n";
    let users: Vec<i64> = users.iter().map(|user| user.sql()).collect();
    let rows = readers.query(SQL, &[&users]).await?;
    let presence = |row: &Row| {
        let user = UserId(row.number("id")?);
        Ok(Presence { user, online: false, last_seen: Some(row.try_get("last_seen")?) })
    };
    rows.iter().map(presence).collect()
}
