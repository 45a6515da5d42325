//! Which nodes use this store.

use trunkline_protocol::{Millis, NodeId};

use super::fault::Fault;
use super::writer::Write;
use crate::store::Peer;

/// Announcements older than this are dropped: far beyond what anybody asks `within`, and enough to keep the table small.
const KEPT_FOR: Millis = 24 * 60 * 60 * 1000;

/// [`crate::store::Store::announce`].
pub(super) fn announce(
    write: &Write<'_>,
    node: NodeId,
    bus: &str,
    now: Millis,
    within: Millis,
) -> Result<Vec<Peer>, Fault> {
    const PRUNE: &str = "DELETE FROM nodes WHERE at < ?1";
    const SAY: &str = "INSERT INTO nodes (node, bus, at) VALUES (?1, ?2, ?3)
        ON CONFLICT (node) DO UPDATE SET bus = excluded.bus, at = max(at, excluded.at)";
    const OTHERS: &str = "SELECT node, bus FROM nodes WHERE node <> ?1 AND at >= ?2 ORDER BY node";
    write.prepare_cached(PRUNE)?.execute([now.saturating_sub(KEPT_FOR)])?;
    write.prepare_cached(SAY)?.execute((node.0, bus, now))?;
    let mut statement = write.prepare_cached(OTHERS)?;
    let rows = statement.query_map((node.0, now.saturating_sub(within)), |row| {
        Ok(Peer { node: NodeId(row.get(0)?), bus: row.get(1)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// [`crate::store::Store::withdraw`].
pub(super) fn withdraw(write: &Write<'_>, node: NodeId) -> Result<(), Fault> {
    write.prepare_cached("DELETE FROM nodes WHERE node = ?1")?.execute([node.0])?;
    Ok(())
}
