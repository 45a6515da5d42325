//! Invites: who may make an account where registration is closed. They are used up where accounts are made.

use super::readers::Readers;
use super::writer::Writer;
use crate::store::StoreError;
use crate::store::fault::Fault;
use crate::store::sql::Sql;
use trunkline_protocol::{Millis, UserId};

/// [`crate::store::Store::create_invite`].
pub(super) async fn create(
    writer: &Writer,
    by: UserId,
    invite: &[u8; 32],
    uses: u32,
    expires: Millis,
) -> Result<(), Fault> {
    const SQL: &str = "INSERT INTO invites (invite, author, uses, expires)
        SELECT $2, id, $3, $4 FROM users WHERE id = $1 AND NOT disabled RETURNING author";
    let uses = i32::try_from(uses).unwrap_or(i32::MAX);
    let rows = writer.query(SQL, &[&by.sql(), &invite.as_slice(), &uses, &expires]).await?;
    if rows.is_empty() { Err(StoreError::UnknownUser.into()) } else { Ok(()) }
}

/// [`crate::store::Store::invite_is_valid`].
pub(super) async fn is_valid(readers: &Readers, invite: &[u8; 32], now: Millis) -> Result<bool, Fault> {
    const SQL: &str = "SELECT FROM invites WHERE invite = $1 AND uses > 0 AND expires > $2";
    Ok(!readers.query(SQL, &[&invite.as_slice(), &now]).await?.is_empty())
}
