//! Notices commits that a power cut has taken back. With [`Durability::Os`] they are on the disk only some time after
//! they were answered, and if the machine dies before, their positions are given out once more, for something else. So
//! the file says which boot of the machine may have such commits, and whoever opens it in another boot begins a new
//! history: devices then load everything anew instead of trusting what they know.

use super::history;
use crate::store::Durability;
use rusqlite::{Connection, TransactionBehavior};
use trunkline_protocol::Epoch;

use crate::store::fault::Fault;

/// Which boot of the machine this is. Where the system does not say it is always another one, which begins a new
/// history at each start with `os`.
pub(super) fn current() -> String {
    match std::fs::read_to_string("/proc/sys/kernel/random/boot_id") {
        Ok(boot) => boot.trim().to_owned(),
        Err(_) => Epoch::random().to_string(),
    }
}

/// Begins a new history if commits of another boot may be lost, and notes whether commits of this one may get lost.
/// To be called before anything is written, and leaves `synchronous` at FULL: the note is on the disk first.
pub(super) fn check(connection: &mut Connection, durability: Durability, boot: &str) -> Result<(), Fault> {
    connection.pragma_update(None, "synchronous", "FULL")?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let noted: Option<String> = transaction.query_row("SELECT boot FROM meta", [], |row| row.get(0))?;
    let is_another = noted.as_deref().is_some_and(|noted| noted != boot);
    if is_another {
        history::begin(&transaction, Epoch::random())?;
        transaction.execute("UPDATE meta SET boot = NULL", [])?;
        tracing::warn!(
            "this is a backup that was put back, or the machine was started anew after messages were stored without \
             fsync; beginning a new history"
        );
    }
    // With `fsync` a note of this boot stays: another node may be writing without.
    if durability == Durability::Os && noted.as_deref() != Some(boot) {
        transaction.execute("UPDATE meta SET boot = ?1", [boot])?;
    }
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{conversations, migrations};
    use super::*;

    fn database() -> Result<Connection, Fault> {
        let mut connection = Connection::open_in_memory()?;
        migrations::migrate(&mut connection)?;
        Ok(connection)
    }

    /// Opens it with this durability in these boots, and says after each but the first whether the history is another.
    fn histories(starts: &[(Durability, &str)]) -> Result<Vec<bool>, Fault> {
        let mut connection = database()?;
        let mut epochs = Vec::new();
        for (durability, boot) in starts {
            check(&mut connection, *durability, boot)?;
            epochs.push(conversations::epoch(&connection)?);
        }
        Ok(epochs.windows(2).map(|pair| pair[0] != pair[1]).collect())
    }

    #[test]
    fn a_boot_after_commits_that_may_be_lost_begins_a_new_history_once() -> Result<(), Fault> {
        use Durability::{Fsync, Os};
        assert_eq!(histories(&[(Os, "1"), (Os, "1"), (Os, "2"), (Os, "2")])?, [false, true, false]);
        assert_eq!(histories(&[(Os, "1"), (Fsync, "2"), (Fsync, "3")])?, [true, false]);
        assert_eq!(histories(&[(Fsync, "1"), (Fsync, "2"), (Os, "2"), (Os, "2")])?, [false, false, false]);
        Ok(())
    }

    #[test]
    fn a_node_with_fsync_does_not_hide_what_another_without_may_lose() -> Result<(), Fault> {
        use Durability::{Fsync, Os};
        assert_eq!(histories(&[(Os, "1"), (Fsync, "1"), (Fsync, "2")])?, [false, true]);
        Ok(())
    }

    #[test]
    fn this_system_names_its_boot() {
        assert_eq!(current(), current(), "only where there is no /proc it is another each time");
    }
}
