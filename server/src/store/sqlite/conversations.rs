//! Conversations as their members see them, and the direct ones.

use rusqlite::{CachedStatement, Connection, OptionalExtension, Row};
use std::collections::BTreeSet;
use trunkline_protocol::{
    Change, Conversation, ConversationId, ConversationKind, Epoch, Member, Millis, Position, Seq, User, UserId, limits,
};

use super::log;
use super::rows;
use super::writer::Write;
use crate::store::fault::{Fault, Trouble};
use crate::store::rules;
use crate::store::sql::Sql;
use crate::store::{Joined, Membership, Resume, StoreError};

/// [`crate::store::Store::conversation`].
pub(super) fn conversation(
    connection: &Connection,
    user: UserId,
    conversation: ConversationId,
) -> Result<Conversation, Fault> {
    log::sight(connection, user, conversation)?;
    Views::new(connection, user)?.view(conversation)
}

/// [`crate::store::Store::conversations`].
pub(super) fn conversations(connection: &Connection, user: UserId) -> Result<Vec<Conversation>, Fault> {
    const SQL: &str = "SELECT c.id FROM members m JOIN conversations c ON c.id = m.conversation
        WHERE m.user = ?1 AND m.left IS NULL ORDER BY c.changed DESC, c.id DESC";
    let mut views = Views::new(connection, user)?;
    let mut statement = connection.prepare_cached(SQL)?;
    let ids = statement.query_map([user.sql()], |row| row.get(0).map(ConversationId))?;
    ids.map(|id| views.view(id?)).collect()
}

/// [`crate::store::Store::resume`].
pub(super) fn resume(connection: &Connection, user: UserId, since: Option<Position>) -> Result<Resume, Fault> {
    const JOINED: &str = "SELECT c.id, c.head, c.touched FROM members m JOIN conversations c ON c.id = m.conversation
        WHERE m.user = ?1 AND m.left IS NULL ORDER BY c.id";
    const LEFT: &str = "SELECT conversation FROM members WHERE user = ?1 AND left > ?2";
    let position = rows::position(connection)?;
    // A position that was never given out belongs to another history: it says nothing about this one.
    let since = since.filter(|since| *since <= position);
    let mut views = Views::new(connection, user)?;
    let mut joined = Vec::new();
    let mut conversations = Vec::new();
    let mut statement = connection.prepare_cached(JOINED)?;
    let mut rows = statement.query([user.sql()])?;
    while let Some(row) = rows.next()? {
        let conversation = ConversationId(row.get(0)?);
        joined.push(Joined { conversation, head: Seq(row.get(1)?) });
        let touched = Position(row.get(2)?);
        if since.is_none_or(|since| touched > since) {
            conversations.push(views.view(conversation)?);
        }
    }
    let mut left = Vec::new();
    if let Some(since) = since {
        let mut statement = connection.prepare_cached(LEFT)?;
        let rows = statement.query_map((user.sql(), since.sql()), |row| row.get(0).map(ConversationId))?;
        left = rows.collect::<Result<_, _>>()?;
    }
    Ok(Resume { epoch: epoch(connection)?, position, complete: since.is_none(), conversations, left, joined })
}

/// [`crate::store::Store::epoch`]. Read anew each time: the file may be replaced under a running node.
pub(super) fn epoch(connection: &Connection) -> Result<Epoch, Fault> {
    Ok(connection.prepare_cached("SELECT epoch FROM meta")?.query_row([], |row| row.get(0)).map(Epoch)?)
}

/// [`crate::store::Store::membership`].
pub(super) fn membership(connection: &Connection, conversation: ConversationId) -> Result<Membership, Fault> {
    const LOG: &str = "SELECT members_at, head FROM conversations WHERE id = ?1";
    const USERS: &str = "SELECT user FROM members WHERE conversation = ?1 AND left IS NULL";
    let (members_at, head) = connection
        .prepare_cached(LOG)?
        .query_row([conversation.sql()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?
        .unwrap_or_default();
    let mut statement = connection.prepare_cached(USERS)?;
    let users = statement.query_map([conversation.sql()], |row| row.get(0).map(UserId))?;
    Ok(Membership { members_at: Seq(members_at), head: Seq(head), users: users.collect::<Result<BTreeSet<_>, _>>()? })
}

/// [`crate::store::Store::direct`].
pub(super) fn direct(
    write: &Write<'_>,
    user: UserId,
    peer: UserId,
    at: Millis,
) -> Result<(ConversationId, bool), Fault> {
    const FIND: &str = "SELECT conversation FROM direct_pairs WHERE low = ?1 AND high = ?2";
    const MAKE: &str = "INSERT INTO conversations (kind, created, changed, touched) VALUES ('direct', ?1, ?2, ?2)";
    const PAIR: &str = "INSERT INTO direct_pairs (low, high, conversation) VALUES (?1, ?2, ?3)";
    if user == peer {
        return Err(StoreError::Forbidden.into());
    }
    let pair = (user.min(peer).sql(), user.max(peer).sql());
    let found = write.prepare_cached(FIND)?.query_row(pair, |row| row.get(0)).optional()?;
    if let Some(conversation) = found {
        return Ok((ConversationId(conversation), false));
    }
    for id in [user, peer] {
        rows::active_user(write, id)?.ok_or(StoreError::UnknownUser)?;
    }
    let conversation = insert(write, &mut *write.prepare_cached(MAKE)?, (at, write.position().sql()))?;
    write.prepare_cached(PAIR)?.execute((pair.0, pair.1, conversation.sql()))?;
    for id in [user, peer] {
        join(write, conversation, id, Seq(1))?;
    }
    Ok((conversation, true))
}

/// Runs an insert into `conversations` and returns the new row's id.
pub(super) fn insert(
    write: &Write<'_>,
    statement: &mut rusqlite::Statement<'_>,
    row: impl rusqlite::Params,
) -> Result<ConversationId, Fault> {
    statement.execute(row)?;
    let id = write.last_insert_rowid().try_into().map_err(|_| Trouble::Inconsistent("a negative row number"))?;
    Ok(ConversationId(id))
}

/// Puts a user into a conversation from `since` on, with their cursors before it. Whoever was in it before
/// starts anew, but their cursors still only move forward.
pub(super) fn join(write: &Write<'_>, conversation: ConversationId, user: UserId, since: Seq) -> Result<(), Fault> {
    const SQL: &str = "INSERT INTO members (conversation, user, since, delivered, read, counted)
        SELECT id, ?2, ?3, ?4, ?4, messages FROM conversations WHERE id = ?1
        ON CONFLICT (conversation, user) DO UPDATE SET since = excluded.since, delivered = excluded.delivered,
            read = excluded.read, own = 0, counted = excluded.counted, moved = NULL, left = NULL";
    let row = (conversation.sql(), user.sql(), since.sql(), since.previous().sql());
    write.prepare_cached(SQL)?.execute(row)?;
    Ok(())
}

/// Reads conversations as one user sees them; the statements are looked up once for all of them.
struct Views<'c> {
    connection: &'c Connection,
    user: UserId,
    row: CachedStatement<'c>,
    members: CachedStatement<'c>,
    former: CachedStatement<'c>,
}

impl<'c> Views<'c> {
    fn new(connection: &'c Connection, user: UserId) -> Result<Self, Fault> {
        const ROW: &str =
            "SELECT c.kind, c.name, c.owner, c.head, c.last_message, c.messages, m.since, m.own, m.counted
            FROM conversations c JOIN members m ON m.conversation = c.id WHERE c.id = ?1 AND m.user = ?2";
        const MEMBERS: &str = "SELECT u.id, u.name, u.display_name, m.delivered, m.read, m.since
            FROM members m JOIN users u ON u.id = m.user WHERE m.conversation = ?1 AND m.left IS NULL ORDER BY m.user";
        const FORMER: &str = "SELECT u.id, u.name, u.display_name FROM members m JOIN users u ON u.id = m.user
            WHERE m.conversation = ?1 AND m.left IS NOT NULL ORDER BY m.left DESC, m.user DESC LIMIT ?2";
        let (row, members) = (connection.prepare_cached(ROW)?, connection.prepare_cached(MEMBERS)?);
        Ok(Self { connection, user, row, members, former: connection.prepare_cached(FORMER)? })
    }

    /// A conversation that the user is known to be in.
    fn view(&mut self, id: ConversationId) -> Result<Conversation, Fault> {
        let (mut conversation, last) = self.row.query_row((id.sql(), self.user.sql()), |row| outline(row, id))?;
        let members = self.members.query_map([id.sql()], member)?;
        conversation.members = members.collect::<Result<_, _>>()?;
        if conversation.kind == ConversationKind::Group {
            let former = self.former.query_map((id.sql(), limits::FORMER_MEMBERS), |row| rows::user(row, 0))?;
            conversation.former = former.collect::<Result<_, _>>()?;
        }
        if last >= conversation.since && last > Seq(0) {
            conversation.last_message = self.change(id, last)?;
        }
        Ok(conversation)
    }

    fn change(&self, id: ConversationId, seq: Seq) -> Result<Option<Change>, Fault> {
        Ok(rows::changes(self.connection, id, seq, seq, 1)?.pop())
    }
}

/// A conversation without its members and its preview, and the seq of its last message.
fn outline(row: &Row<'_>, id: ConversationId) -> rusqlite::Result<(Conversation, Seq)> {
    let kind = rules::kind(row.get_ref(0)?.as_str()?);
    let conversation = Conversation {
        id,
        kind,
        name: row.get(1)?,
        owner: row.get::<_, Option<u64>>(2)?.map(UserId),
        members: Vec::new(),
        head: Seq(row.get(3)?),
        since: Seq(row.get(6)?),
        unread: rules::unread(row.get(5)?, row.get(7)?, row.get(8)?),
        last_message: None,
        former: Vec::new(),
    };
    Ok((conversation, Seq(row.get(4)?)))
}

fn member(row: &Row<'_>) -> rusqlite::Result<Member> {
    let user: User = rows::user(row, 0)?;
    Ok(Member { user, delivered: Seq(row.get(3)?), read: Seq(row.get(4)?), since: Seq(row.get(5)?) })
}
