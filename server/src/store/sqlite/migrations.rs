//! Brings the file to the schema of this program. `PRAGMA user_version` counts the steps taken.

use crate::store::StoreError;
use rusqlite::{Connection, TransactionBehavior};
use trunkline_protocol::Epoch;

use crate::store::fault::Fault;

/// Step n leads to schema n + 1. Steps that were released are never edited.
const STEPS: &[&str] = &[include_str!("schema/1.sql"), include_str!("schema/2.sql"), include_str!("schema/3.sql")];
/// The schema that this program works with.
const KNOWN: u32 = STEPS.len() as u32;

/// Refuses a file that a later version has written. Changes nothing, so it comes before anything that does.
pub(super) fn check(connection: &Connection) -> Result<u32, Fault> {
    let found = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > KNOWN {
        return Err(StoreError::NewerSchema { found, known: KNOWN }.into());
    }
    Ok(found)
}

/// Takes the steps that are missing, in one transaction: whoever opens the file at the same moment waits, and
/// then finds nothing to do.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = check(&transaction)?;
    for step in STEPS.iter().skip(found as usize) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", KNOWN)?;
    transaction.execute("INSERT OR IGNORE INTO meta (one, epoch, position) VALUES (1, ?1, 0)", [Epoch::random().0])?;
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::conversations;
    use super::*;

    #[test]
    fn migrating_twice_keeps_the_epoch() -> Result<(), Fault> {
        let mut connection = Connection::open_in_memory()?;
        migrate(&mut connection)?;
        let first = conversations::epoch(&connection)?;
        migrate(&mut connection)?;
        assert_eq!(conversations::epoch(&connection)?, first);
        assert_eq!(check(&connection)?, KNOWN);
        Ok(())
    }
}
