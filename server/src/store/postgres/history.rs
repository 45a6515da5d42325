//! Notices that the database is not what it was: put back from a backup, taken over by a standby, or, where the server
//! does not wait for its disk, started anew with commits missing. Positions from before could then be given out once more
//! for something else. So the database says where its history was written, and whoever connects and finds another place
//! begins a new history: devices then load everything anew instead of trusting what they know.
//!
//! The place is the cluster (by the identifier that initdb gave it), its timeline (another one after a standby took over,
//! or after a recovery to some point in time), and the number of the table `meta` (another one after pg_restore). What can
//! not be noticed from inside is a cold copy of the whole cluster's files that is put back; that is what
//! `trunkline new-epoch` is for.

use super::session::Session;
use crate::store::fault::{Fault, Trouble};
use crate::store::sql::Sql;
use crate::store::{StoreError, rules};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use trunkline_protocol::Epoch;
use uuid::Uuid;

/// Where the history was written and where this is; which start could lose commits, and which start of the server this is.
const FIND: &str = "
    SELECT meta.place, meta.boot, current_setting('fsync') = 'on' AS fsync,
        (SELECT system_identifier FROM pg_control_system()) || '/'
            || left(pg_walfile_name(pg_current_wal_lsn()), 8) || '/' || 'meta'::regclass::oid AS here,
        pg_postmaster_start_time()::text AS started,
        pg_has_role('pg_read_server_files', 'USAGE')
            AND has_function_privilege('pg_read_file(text,bigint,bigint,boolean)', 'EXECUTE') AS may_read_boot
    FROM meta";
/// Which boot of its machine this is: a server alone that was started anew has lost nothing. A statement of its own, since
/// the server asks for the right to call a function before it knows whether it is called.
const BOOT: &str = "SELECT nullif(trim(E' \\n' FROM pg_read_file('/proc/sys/kernel/random/boot_id', 0, 64, true)), '')";
/// Nothing, if another node was faster.
const NOTE: &str = "UPDATE meta SET place = $3, boot = $4 WHERE place = $1 AND boot IS NOT DISTINCT FROM $2";

/// Leaves ids out where a row came out of `begun`: in the same statement, so that nobody finds the new history before.
macro_rules! begin {
    ($begun:literal, $left_out:literal) => {
        concat!(
            "WITH begun AS (UPDATE meta SET ",
            $begun,
            " RETURNING 1) SELECT setval(ids, nextval(ids) + ",
            $left_out,
            ") FROM begun, unnest(ARRAY[pg_get_serial_sequence('users', 'id'), ",
            "pg_get_serial_sequence('conversations', 'id'), pg_get_serial_sequence('tokens', 'id')]::regclass[]) AS ids"
        )
    };
}

/// Whatever it was.
const BEGIN: &str = begin!("epoch = $1", "$2");
/// Nothing, if another node was faster.
const BEGIN_HERE: &str =
    begin!("place = $3, boot = $4, epoch = $5 WHERE place = $1 AND boot IS NOT DISTINCT FROM $2", "$6");

/// Begins a new history: under another name, and with ids that the one before it has not given.
pub(super) async fn begin(session: &Session) -> Result<(), Fault> {
    let (epoch, left_out) = new();
    session.query(BEGIN, &[&epoch, &left_out]).await.map(drop)
}

/// The name of a new history, and how many ids it leaves out.
fn new() -> (Uuid, i64) {
    let epoch = Epoch::random();
    (epoch.0, rules::ids_left_out(epoch).sql())
}

/// The history that a store was opened with, for all of its connections. They are made anew for ever, and each of them may
/// be the first that finds another one, in which seqs and positions stand for something else: then none of them is used any
/// more. What was read or written over one of them before it broke belongs to the history that is known.
#[derive(Debug, Default)]
pub(super) struct Opened {
    epoch: OnceLock<Epoch>,
    is_another: AtomicBool,
}

impl Opened {
    /// Whether a connection that was just made continues what is known.
    pub(super) async fn continues(&self, session: &Session) -> Result<bool, Fault> {
        let rows = session.query("SELECT epoch FROM meta", &[]).await?;
        let row = rows.first().ok_or(Trouble::Inconsistent("a database without a history"))?;
        let epoch = Epoch(row.try_get(0)?);
        let continues = *self.epoch.get_or_init(|| epoch) == epoch;
        if !continues {
            self.is_another.store(true, Ordering::Release);
        }
        Ok(continues)
    }

    /// Refuses everything once another history was found.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        if self.is_another.load(Ordering::Acquire) { Err(StoreError::AnotherHistory) } else { Ok(()) }
    }
}

/// Begins a new history if this is not the continuation of the one that was written here.
pub(super) async fn check(session: &Session) -> Result<(), Fault> {
    let rows = session.query(FIND, &[]).await?;
    let Some(row) = rows.first() else { return Ok(()) };
    let (place, here): (&str, &str) = (row.try_get("place")?, row.try_get("here")?);
    let (boot, started): (Option<&str>, &str) = (row.try_get("boot")?, row.try_get("started")?);
    let machine = if row.try_get("may_read_boot")? { session.query(BOOT, &[]).await? } else { Vec::new() };
    let machine: Option<&str> = machine.first().map(|row| row.try_get(0)).transpose()?.flatten();
    let booted = machine.unwrap_or(started);
    let fsync: bool = row.try_get("fsync")?;
    let moved = !place.is_empty() && place != here;
    let lost = boot.is_some_and(|boot| boot != booted);
    // A note of this start stays: what was written without fsync may still be lost.
    let noted = if !fsync || (boot == Some(booted) && !moved) { Some(booted) } else { None };
    if place == here && noted == boot {
        return Ok(());
    }
    if moved || lost {
        let (epoch, left_out) = new();
        session.query(BEGIN_HERE, &[&place, &boot, &here, &noted, &epoch, &left_out]).await?;
    } else {
        session.query(NOTE, &[&place, &boot, &here, &noted]).await?;
    }
    if moved {
        tracing::warn!("the database was put back, or a standby took over; beginning a new history");
    } else if lost {
        tracing::warn!("the server was started anew after messages were stored without fsync; beginning a new history");
    }
    Ok(())
}
