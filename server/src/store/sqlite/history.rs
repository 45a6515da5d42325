//! Where a new history begins: what is written from then on is not what devices of the old one have heard of.

use crate::store::rules;
use rusqlite::Connection;
use trunkline_protocol::Epoch;

/// Begins this history in a store that may have gone back in time: under another name, and with ids that the one before it
/// has not given. To be called within one transaction.
pub(super) fn begin(connection: &Connection, epoch: Epoch) -> rusqlite::Result<()> {
    // SQLite keeps the last id of a table here, once there was one.
    const LAST: &str = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = ?1";
    connection.execute("UPDATE meta SET epoch = ?1", [epoch.0])?;
    for table in ["users", "conversations", "tokens"] {
        let last: u64 = connection.query_row(LAST, [table], |row| row.get(0))?;
        connection.execute("DELETE FROM sqlite_sequence WHERE name = ?1", [table])?;
        let row = (table, last.saturating_add(rules::ids_left_out(epoch)));
        connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)", row)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::migrations;
    use super::*;
    use crate::store::fault::Fault;

    fn next_id(connection: &Connection) -> Result<u64, Fault> {
        const MAKE: &str = "INSERT INTO conversations (kind, created, changed, touched) VALUES ('direct', 0, 0, 0)";
        connection.execute(MAKE, [])?;
        Ok(u64::try_from(connection.last_insert_rowid()).unwrap_or(0))
    }

    #[test]
    fn a_new_history_gives_ids_that_no_other_one_from_the_same_place_has_given() -> Result<(), Fault> {
        for before in [0, 3] {
            let mut firsts = Vec::new();
            for _ in 0..3 {
                let mut connection = Connection::open_in_memory()?;
                migrations::migrate(&mut connection)?;
                for id in 1..=before {
                    assert_eq!(next_id(&connection)?, id);
                }
                begin(&connection, Epoch::random())?;
                firsts.push(next_id(&connection)?);
                assert_eq!(next_id(&connection)?, firsts[firsts.len() - 1] + 1);
            }
            firsts.sort_unstable();
            assert!(firsts[0] > 1 << 24 && firsts.windows(2).all(|pair| pair[1] - pair[0] > 2), "{firsts:?}");
        }
        Ok(())
    }
}
