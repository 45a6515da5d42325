//! Brings the database to the schema of this program. `meta.schema` counts the steps taken.

use super::session::Session;
use crate::store::StoreError;
use crate::store::fault::{Fault, Trouble};
use trunkline_protocol::Epoch;

/// Step n leads to schema n + 1. Steps that were released are never edited.
const STEPS: &[&str] = &[include_str!("schema/1.sql"), include_str!("schema/2.sql"), include_str!("schema/3.sql")];
/// The schema that this program works with.
const KNOWN: u32 = STEPS.len() as u32;
/// Whoever migrates a database holds this lock until its connection ends: others wait, and then find nothing to do. It is
/// taken before the transaction begins, which then sees what was made meanwhile.
const LOCK: &str = "SELECT pg_advisory_lock(1953656421, 0)";

/// Refuses a database that a later version has written, and leaves it as it is; else takes the steps that are missing, in
/// one transaction.
pub(super) async fn migrate(session: &Session) -> Result<(), Fault> {
    if found(session).await? == KNOWN {
        return Ok(());
    }
    let client = session.client();
    client.batch_execute(LOCK).await?;
    client.batch_execute("BEGIN").await?;
    let found = found(session).await?;
    if found == 0 {
        // Asked for only where it is missing: it takes a right that the database's owner may not have given.
        let there = client.query_one("SELECT to_regnamespace('trunkline') IS NOT NULL", &[]).await?;
        if !there.try_get::<_, bool>(0)? {
            client.batch_execute("CREATE SCHEMA trunkline").await?;
        }
    }
    client.batch_execute("SET LOCAL search_path TO trunkline").await?;
    for step in STEPS.iter().skip(found as usize) {
        client.batch_execute(step).await?;
    }
    if found == 0 {
        client.execute("INSERT INTO meta (schema, epoch) VALUES (0, $1)", &[&Epoch::random().0]).await?;
    }
    client.execute("UPDATE meta SET schema = $1", &[&KNOWN.cast_signed()]).await?;
    client.batch_execute("COMMIT").await?;
    Ok(())
}

/// The schema that is there; 0 for none.
async fn found(session: &Session) -> Result<u32, Fault> {
    let client = session.client();
    let there = client.query_one("SELECT to_regclass('trunkline.meta') IS NOT NULL", &[]).await?;
    if !there.try_get::<_, bool>(0)? {
        return Ok(0);
    }
    let row = client.query_one("SELECT schema FROM trunkline.meta", &[]).await?;
    let found: i32 = row.try_get(0)?;
    let found = u32::try_from(found).map_err(|_| Trouble::Inconsistent("a negative schema"))?;
    if found > KNOWN {
        return Err(StoreError::NewerSchema { found, known: KNOWN }.into());
    }
    Ok(found)
}
