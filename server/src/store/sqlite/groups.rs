//! Making groups and amending them. Each amendment is a change in the log, and its effect on the other tables.

use rusqlite::OptionalExtension;
use std::collections::{BTreeMap, BTreeSet};
use trunkline_protocol::{Change, ChangeBody, ConversationId, Millis, Seq, User, UserId};

use super::conversations::{insert, join};
use super::rows;
use super::writer::Write;
use crate::store::fault::Fault;
use crate::store::plan::{self, Group};
use crate::store::sql::Sql;
use crate::store::{Amendment, StoreError, rules};

/// [`crate::store::Store::create_group`].
pub(super) fn create(
    write: &Write<'_>,
    owner: UserId,
    name: &str,
    members: &[UserId],
    at: Millis,
) -> Result<(ConversationId, Vec<Change>), Fault> {
    const SQL: &str = "INSERT INTO conversations (kind, name, owner, created, changed, touched)
        VALUES ('group', ?1, ?2, ?3, ?4, ?4)";
    let everyone = plan::first_members(owner, members)?;
    let users = active_users(write, &everyone)?;
    let mut statement = write.prepare_cached(SQL)?;
    let conversation = insert(write, &mut statement, (name, owner.sql(), at, write.position().sql()))?;
    let mut log = Log { write, conversation, author: owner, at, head: Seq(0), changes: Vec::new() };
    for body in plan::creation(name, users) {
        log.write(body)?;
    }
    for user in everyone {
        // The first members see the group from its beginning.
        join(write, conversation, user, Seq(1))?;
    }
    Ok((conversation, log.changes))
}

/// [`crate::store::Store::amend`].
pub(super) fn amend(
    write: &Write<'_>,
    actor: UserId,
    conversation: ConversationId,
    amendment: Amendment,
    at: Millis,
) -> Result<Vec<Change>, Fault> {
    const NAME: &str = "UPDATE conversations SET name = ?2 WHERE id = ?1";
    const OWNER: &str = "UPDATE conversations SET owner = ?2 WHERE id = ?1";
    const LEFT: &str = "UPDATE members SET left = ?3 WHERE conversation = ?1 AND user = ?2";
    let (group, head) = load(write, conversation)?;
    let plan = group.plan(actor, amendment, |user| Ok::<_, Fault>(rows::active_user(write, user)?))?;
    let id = conversation.sql();
    if let Some(name) = &plan.name {
        write.prepare_cached(NAME)?.execute((id, name))?;
    }
    if let Some(owner) = plan.owner {
        write.prepare_cached(OWNER)?.execute((id, owner.sql()))?;
    }
    let mut log = Log { write, conversation, author: actor, at, head, changes: Vec::new() };
    for body in plan.bodies {
        log.write(body)?;
    }
    for user in plan.joined {
        join(write, conversation, user, log.head)?;
    }
    if let Some(user) = plan.left {
        write.prepare_cached(LEFT)?.execute((id, user.sql(), write.position().sql()))?;
    }
    Ok(log.changes)
}

/// The conversation as an amendment needs it, and its head.
fn load(write: &Write<'_>, conversation: ConversationId) -> Result<(Group, Seq), Fault> {
    const GROUP: &str = "SELECT kind, name, owner, head FROM conversations WHERE id = ?1";
    const MEMBERS: &str = "SELECT user, since FROM members WHERE conversation = ?1 AND left IS NULL";
    let (mut group, head) = write
        .prepare_cached(GROUP)?
        .query_row([conversation.sql()], |row| {
            let (kind, owner) = (rules::kind(row.get_ref(0)?.as_str()?), row.get::<_, Option<u64>>(2)?.map(UserId));
            Ok((Group { kind, name: row.get(1)?, owner, members: BTreeMap::new() }, Seq(row.get(3)?)))
        })
        .optional()?
        .ok_or(StoreError::UnknownConversation)?;
    let mut statement = write.prepare_cached(MEMBERS)?;
    let members = statement.query_map([conversation.sql()], |row| Ok((UserId(row.get(0)?), Seq(row.get(1)?))))?;
    group.members = members.collect::<Result<_, _>>()?;
    Ok((group, head))
}

fn active_users(write: &Write<'_>, ids: &BTreeSet<UserId>) -> Result<Vec<User>, Fault> {
    ids.iter().map(|id| Ok(rows::active_user(write, *id)?.ok_or(StoreError::UnknownUser)?)).collect()
}

/// Writes one author's changes to one log.
struct Log<'w> {
    write: &'w Write<'w>,
    conversation: ConversationId,
    author: UserId,
    at: Millis,
    head: Seq,
    changes: Vec<Change>,
}

impl Log<'_> {
    fn write(&mut self, body: ChangeBody) -> Result<Seq, Fault> {
        const INSERT: &str = "INSERT INTO changes (conversation, seq, position, at, author, event)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        const GROWN: &str = "UPDATE conversations SET head = ?2, changed = ?3, touched = ?3,
            members_at = iif(?4, ?2, members_at) WHERE id = ?1";
        let (conversation, seq, position) = (self.conversation.sql(), self.head.next(), self.write.position().sql());
        let event = serde_json::to_string(&body)?;
        let row = (conversation, seq.sql(), position, self.at, self.author.sql(), event);
        self.write.prepare_cached(INSERT)?.execute(row)?;
        self.write.prepare_cached(GROWN)?.execute((conversation, seq.sql(), position, body.changes_members()))?;
        self.head = seq;
        let (conversation, author, at) = (self.conversation, self.author, self.at);
        self.changes.push(Change { conversation, seq, at, author, key: None, body });
        Ok(seq)
    }
}
