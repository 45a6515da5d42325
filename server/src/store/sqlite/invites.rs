//! Invites: who may make an account where registration is closed.

use rusqlite::Connection;
use trunkline_protocol::{Millis, UserId};

use super::writer::Write;
use crate::store::StoreError;
use crate::store::fault::Fault;
use crate::store::sql::Sql;

/// [`crate::store::Store::create_invite`].
pub(super) fn create(
    write: &Write<'_>,
    by: UserId,
    invite: &[u8; 32],
    uses: u32,
    expires: Millis,
) -> Result<(), Fault> {
    const SQL: &str = "INSERT INTO invites (invite, author, uses, expires)
        SELECT ?2, id, ?3, ?4 FROM users WHERE id = ?1 AND disabled = 0";
    if write.prepare_cached(SQL)?.execute((by.sql(), invite, uses, expires))? == 0 {
        return Err(StoreError::UnknownUser.into());
    }
    Ok(())
}

/// [`crate::store::Store::invite_is_valid`].
pub(super) fn is_valid(connection: &Connection, invite: &[u8; 32], now: Millis) -> Result<bool, Fault> {
    const SQL: &str = "SELECT 1 FROM invites WHERE invite = ?1 AND uses > 0 AND expires > ?2";
    Ok(connection.prepare_cached(SQL)?.exists((invite, now))?)
}

/// Takes one of an invite's uses, or refuses.
pub(super) fn consume(write: &Write<'_>, invite: &[u8; 32], now: Millis) -> Result<(), Fault> {
    const SQL: &str = "UPDATE invites SET uses = uses - 1 WHERE invite = ?1 AND uses > 0 AND expires > ?2";
    if write.prepare_cached(SQL)?.execute((invite, now))? == 0 {
        return Err(StoreError::InvalidInvite.into());
    }
    Ok(())
}
