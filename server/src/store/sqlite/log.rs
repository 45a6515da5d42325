//! Reading the log: ranges for people and for nodes, and what was new since a position.

use rusqlite::{Connection, OptionalExtension};
use trunkline_protocol::limits::FETCH_CHANGES;
use trunkline_protocol::{Change, ConversationId, Position, Seq, SessionId, UserId};

use super::rows;
use crate::store::fault::Fault;
use crate::store::rules;
use crate::store::sql::Sql;
use crate::store::{Credential, CursorState, Followed, Grown, MovedCursor, Range, StoreError};

/// Where a reader stands towards a conversation.
pub(super) struct Sight {
    /// Highest seq.
    pub(super) head: Seq,
    /// First seq the reader may see.
    pub(super) since: Seq,
}

/// What `reader` may see of a conversation; `UnknownConversation` and `NotAMember` as they say.
pub(super) fn sight(connection: &Connection, reader: UserId, conversation: ConversationId) -> Result<Sight, Fault> {
    const SQL: &str = "SELECT c.head, m.since FROM conversations c
        LEFT JOIN members m ON m.conversation = c.id AND m.user = ?2 AND m.left IS NULL WHERE c.id = ?1";
    let (head, since) = connection
        .prepare_cached(SQL)?
        .query_row((conversation.sql(), reader.sql()), |row| Ok((row.get(0)?, row.get::<_, Option<u64>>(1)?)))
        .optional()?
        .ok_or(StoreError::UnknownConversation)?;
    let since = since.ok_or(StoreError::NotAMember)?;
    Ok(Sight { head: Seq(head), since: Seq(since) })
}

/// [`crate::store::Store::range`].
pub(super) fn range(
    connection: &Connection,
    reader: UserId,
    conversation: ConversationId,
    from: Seq,
    to: Seq,
) -> Result<Range, Fault> {
    let Sight { head, since } = sight(connection, reader, conversation)?;
    let from = from.max(since);
    let limit = FETCH_CHANGES.try_into().unwrap_or(i64::MAX);
    let changes = rows::changes(connection, conversation, from, to, limit)?;
    Ok(Range { from, changes, head })
}

/// [`crate::store::Store::changes`].
pub(super) fn changes(
    connection: &Connection,
    conversation: ConversationId,
    from: Seq,
    to: Seq,
) -> Result<Vec<Change>, Fault> {
    // To SQLite a negative limit is none.
    Ok(rows::changes(connection, conversation, from, to, -1)?)
}

/// [`crate::store::Store::follow`].
pub(super) fn follow(connection: &Connection, after: Option<Position>) -> Result<Followed, Fault> {
    let (epoch, position) = (super::conversations::epoch(connection)?, rows::position(connection)?);
    let mut followed =
        Followed { epoch, position, changed: Vec::new(), cursors: Vec::new(), ended: Vec::new(), renamed: Vec::new() };
    if let Some(after) = after.filter(|after| *after < position) {
        followed.changed = grown(connection, after)?;
        followed.cursors = moved(connection, after)?;
        followed.ended = ended(connection, after)?;
        followed.renamed = renamed(connection, after)?;
    }
    Ok(followed)
}

fn grown(connection: &Connection, after: Position) -> rusqlite::Result<Vec<Grown>> {
    const CHANGED: &str = "SELECT id, head, members_at FROM conversations WHERE changed > ?1 ORDER BY changed, id";
    // Walks back over what is new, which is about to be read anyway. An index on the position would make every
    // append dearer to make this cheaper.
    const LAST_KNOWN: &str = "SELECT seq FROM changes WHERE conversation = ?1 AND position <= ?2
        ORDER BY seq DESC LIMIT 1";
    let mut last_known = connection.prepare_cached(LAST_KNOWN)?;
    let mut changed = connection.prepare_cached(CHANGED)?;
    let mut rows = changed.query([after.sql()])?;
    let mut grown = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, to, members_at): (u64, u64, u64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let conversation = ConversationId(id);
        let last: Option<u64> = last_known.query_row((conversation.sql(), after.sql()), |row| row.get(0)).optional()?;
        let from = last.unwrap_or(0) + 1;
        // A new direct conversation has nothing in its log, and is news all the same.
        if from <= to || to == 0 {
            grown.push(Grown { conversation, from: Seq(from), to: Seq(to), members_changed: members_at >= from });
        }
    }
    Ok(grown)
}

fn moved(connection: &Connection, after: Position) -> rusqlite::Result<Vec<CursorState>> {
    const SQL: &str = "SELECT m.conversation, m.user, m.delivered, m.read, c.messages, m.own, m.counted, c.head
        FROM members m JOIN conversations c ON c.id = m.conversation
        WHERE m.moved > ?1 AND m.left IS NULL ORDER BY m.moved";
    let mut statement = connection.prepare_cached(SQL)?;
    let rows = statement.query_map([after.sql()], |row| {
        let cursor = MovedCursor {
            conversation: ConversationId(row.get(0)?),
            user: UserId(row.get(1)?),
            delivered: Seq(row.get(2)?),
            read: Seq(row.get(3)?),
        };
        let unread = rules::unread(row.get(4)?, row.get(5)?, row.get(6)?);
        Ok(CursorState { cursor, moved: true, unread, head: Seq(row.get(7)?) })
    })?;
    rows.collect()
}

fn renamed(connection: &Connection, after: Position) -> rusqlite::Result<Vec<ConversationId>> {
    const SQL: &str = "SELECT DISTINCT m.conversation FROM users u JOIN members m ON m.user = u.id
        WHERE u.renamed > ?1 ORDER BY m.conversation";
    let mut statement = connection.prepare_cached(SQL)?;
    let rows = statement.query_map([after.sql()], |row| row.get(0).map(ConversationId))?;
    rows.collect()
}

fn ended(connection: &Connection, after: Position) -> rusqlite::Result<Vec<Credential>> {
    const SESSIONS: &str = "SELECT id FROM sessions WHERE ended > ?1";
    const TOKENS: &str = "SELECT id FROM tokens WHERE ended > ?1";
    let mut sessions = connection.prepare_cached(SESSIONS)?;
    let mut tokens = connection.prepare_cached(TOKENS)?;
    let sessions = sessions.query_map([after.sql()], |row| row.get(0).map(|id| Credential::Session(SessionId(id))))?;
    let tokens = tokens.query_map([after.sql()], |row| row.get(0).map(Credential::Token))?;
    sessions.chain(tokens).collect()
}
