//! Delivered and read cursors, and the count of what is unread.

use rusqlite::OptionalExtension;
use trunkline_protocol::{ConversationId, Seq, UserId};

use super::writer::Write;
use crate::store::fault::Fault;
use crate::store::rules::unread;
use crate::store::sql::Sql;
use crate::store::{CursorState, MovedCursor, StoreError};

/// A member's row together with what it is measured against.
struct Standing {
    head: Seq,
    messages: u64,
    delivered: Seq,
    read: Seq,
    own: u64,
    counted: u64,
}

impl Standing {
    fn unread(&self) -> u64 {
        unread(self.messages, self.own, self.counted)
    }
}

/// [`crate::store::Store::advance`].
pub(super) fn advance(
    write: &Write<'_>,
    user: UserId,
    conversation: ConversationId,
    delivered: Seq,
    read: Seq,
) -> Result<CursorState, Fault> {
    let mut standing = standing(write, user, conversation)?;
    if delivered.max(read) > standing.head {
        return Err(StoreError::CursorBeyondHead.into());
    }
    let read = read.max(standing.read);
    let delivered = delivered.max(standing.delivered).max(read);
    let moved = delivered > standing.delivered || read > standing.read;
    if moved {
        if read > standing.read {
            standing.counted += newly_read(write, user, conversation, &standing, read)?;
        }
        standing.delivered = delivered;
        standing.read = read;
        store(write, user, conversation, &standing)?;
    }
    Ok(CursorState {
        cursor: MovedCursor { conversation, user, delivered, read },
        moved,
        unread: standing.unread(),
        head: standing.head,
    })
}

fn standing(write: &Write<'_>, user: UserId, conversation: ConversationId) -> Result<Standing, Fault> {
    const SQL: &str = "SELECT c.head, c.messages, m.delivered, m.read, m.own, m.counted FROM conversations c
        LEFT JOIN members m ON m.conversation = c.id AND m.user = ?2 AND m.left IS NULL WHERE c.id = ?1";
    let found = write
        .prepare_cached(SQL)?
        .query_row((conversation.sql(), user.sql()), |row| {
            let Some(delivered) = row.get(2)? else { return Ok(None) };
            Ok(Some(Standing {
                head: Seq(row.get(0)?),
                messages: row.get(1)?,
                delivered: Seq(delivered),
                read: Seq(row.get(3)?),
                own: row.get(4)?,
                counted: row.get(5)?,
            }))
        })
        .optional()?;
    Ok(found.ok_or(StoreError::UnknownConversation)?.ok_or(StoreError::NotAMember)?)
}

/// Messages by others between the read cursor and where it goes.
fn newly_read(
    write: &Write<'_>,
    user: UserId,
    conversation: ConversationId,
    standing: &Standing,
    read: Seq,
) -> Result<u64, Fault> {
    const SQL: &str = "SELECT count(*) FROM changes
        WHERE conversation = ?1 AND seq > ?2 AND seq <= ?3 AND text IS NOT NULL AND author <> ?4";
    // By far the most frequent move goes to the end, where nothing is left to count. Any other counts each
    // message once in a member's life.
    if read == standing.head {
        return Ok(standing.unread());
    }
    let range = (conversation.sql(), standing.read.sql(), read.sql(), user.sql());
    Ok(write.prepare_cached(SQL)?.query_row(range, |row| row.get(0))?)
}

fn store(write: &Write<'_>, user: UserId, conversation: ConversationId, standing: &Standing) -> Result<(), Fault> {
    const MEMBER: &str = "UPDATE members SET delivered = ?3, read = ?4, counted = ?5, moved = ?6
        WHERE conversation = ?1 AND user = ?2";
    let position = write.position().sql();
    let Standing { delivered, read, counted, .. } = standing;
    let row = (conversation.sql(), user.sql(), delivered.sql(), read.sql(), counted, position);
    write.prepare_cached(MEMBER)?.execute(row)?;
    touch(write, conversation)
}

/// Marks a conversation as one that its members' devices should hear of when they come back.
pub(super) fn touch(write: &Write<'_>, conversation: ConversationId) -> Result<(), Fault> {
    const SQL: &str = "UPDATE conversations SET touched = ?2 WHERE id = ?1";
    write.prepare_cached(SQL)?.execute((conversation.sql(), write.position().sql()))?;
    Ok(())
}
