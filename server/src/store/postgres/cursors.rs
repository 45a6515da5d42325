//! Moving cursors: a batch as columns, and its answers. The work is done by `advance_batch` in the schema.

use super::rows::Columns as _;
use crate::store::fault::{Fault, Trouble};
use crate::store::sql::Sql;
use crate::store::{CursorState, MovedCursor, StoreError};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use trunkline_protocol::{ConversationId, Seq, UserId};

/// What the caller was doing when it failed.
pub(super) const OPERATION: &str = "move a cursor";

/// Where a member's cursors should be at least.
#[derive(Clone, Copy)]
pub(super) struct Move {
    pub(super) user: UserId,
    pub(super) conversation: ConversationId,
    pub(super) delivered: Seq,
    pub(super) read: Seq,
}

impl Move {
    /// Whose cursors.
    pub(super) fn member(&self) -> (ConversationId, UserId) {
        (self.conversation, self.user)
    }
}

/// A batch, column by column.
pub(super) struct Columns([Vec<i64>; 4]);

impl Columns {
    pub(super) fn of(moves: &[Move]) -> Self {
        let column = |of: fn(&Move) -> i64| moves.iter().map(of).collect();
        Self([
            column(|wanted| wanted.conversation.sql()),
            column(|wanted| wanted.user.sql()),
            column(|wanted| wanted.delivered.sql()),
            column(|wanted| wanted.read.sql()),
        ])
    }

    /// As `advance_batch` takes them.
    pub(super) fn params(&self) -> [&(dyn ToSql + Sync); 4] {
        self.0.each_ref().map(|column| column as _)
    }
}

/// The answers to a batch, each to its move.
pub(super) fn standings(moves: &[Move], rows: &[Row]) -> Result<Vec<Result<CursorState, StoreError>>, Fault> {
    let mut rows: Vec<_> = rows.iter().map(|row| Ok((row.number("n")?, row))).collect::<Result<_, Fault>>()?;
    rows.sort_by_key(|(number, _)| *number);
    if rows.len() != moves.len() {
        return Err(Trouble::Inconsistent("an answer to another batch").into());
    }
    moves.iter().zip(rows).map(|(wanted, (_, row))| standing(*wanted, row)).collect()
}

/// The outer error means that the answer makes no sense, the inner one that the move is refused.
fn standing(wanted: Move, row: &Row) -> Result<Result<CursorState, StoreError>, Fault> {
    let state: i32 = row.try_get("state")?;
    let Move { user, conversation, .. } = wanted;
    Ok(match state {
        0 | 1 => {
            let (delivered, read) = (Seq(row.number("a")?), Seq(row.number("b")?));
            let cursor = MovedCursor { conversation, user, delivered, read };
            Ok(CursorState { cursor, moved: state == 1, unread: row.number("c")?, head: Seq(row.number("d")?) })
        }
        2 => Err(StoreError::UnknownConversation),
        3 => Err(StoreError::NotAMember),
        4 => Err(StoreError::CursorBeyondHead),
        _ => return Err(Trouble::Inconsistent("an unknown answer").into()),
    })
}
