//! Making groups and amending them. Each amendment is a change in the log, and its effect on the other tables.

use rusqlite::OptionalExtension;
use std::collections::BTreeSet;
use trunkline_protocol::limits::GROUP_MEMBERS;
use trunkline_protocol::{Change, ChangeBody, ConversationId, Millis, Seq, User, UserId};

use super::conversations::{insert, join};
use super::fault::Fault;
use super::rows::{self, Sql};
use super::writer::Write;
use crate::store::{Amendment, StoreError};

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
    let everyone: BTreeSet<UserId> = members.iter().copied().chain([owner]).collect();
    if everyone.len() > GROUP_MEMBERS {
        return Err(StoreError::GroupFull.into());
    }
    let users = active_users(write, &everyone)?;
    let mut statement = write.prepare_cached(SQL)?;
    let conversation = insert(write, &mut statement, (name, owner.sql(), at, write.position().sql()))?;
    let mut log = Log { write, conversation, author: owner, at, head: Seq(0), changes: Vec::new() };
    log.write(ChangeBody::Created { name: name.to_owned() })?;
    log.write(ChangeBody::MembersAdded { members: users })?;
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
    let group = Group::load(write, actor, conversation)?;
    let mut log = Log { write, conversation, author: actor, at, head: group.head, changes: Vec::new() };
    match amendment {
        Amendment::AddMembers(users) => add(&mut log, &users)?,
        Amendment::RemoveMember(user) if user == actor => leave(&mut log, &group)?,
        Amendment::RemoveMember(user) => {
            group.demand_owner(actor)?;
            if is_member(write, conversation, user)? {
                remove(&mut log, user)?;
            }
        }
        Amendment::Rename(name) => {
            group.demand_owner(actor)?;
            rename(&mut log, &group, name)?;
        }
        Amendment::ChangeOwner(owner) => {
            group.demand_owner(actor)?;
            if !is_member(write, conversation, owner)? {
                return Err(StoreError::UnknownUser.into());
            }
            if owner != actor {
                hand_over(&mut log, owner)?;
            }
        }
    }
    Ok(log.changes)
}

/// What an amendment must know.
struct Group {
    name: Option<String>,
    owner: Option<UserId>,
    head: Seq,
}

impl Group {
    /// The group, if there is one, the actor is in it, and it is one.
    fn load(write: &Write<'_>, actor: UserId, conversation: ConversationId) -> Result<Self, Fault> {
        const SQL: &str = "SELECT kind = 'group', name, owner, head FROM conversations WHERE id = ?1";
        let (is_group, group) = write
            .prepare_cached(SQL)?
            .query_row([conversation.sql()], |row| {
                let owner = row.get::<_, Option<u64>>(2)?.map(UserId);
                Ok((row.get(0)?, Self { name: row.get(1)?, owner, head: Seq(row.get(3)?) }))
            })
            .optional()?
            .ok_or(StoreError::UnknownConversation)?;
        if !is_member(write, conversation, actor)? {
            return Err(StoreError::NotAMember.into());
        }
        if is_group { Ok(group) } else { Err(StoreError::Forbidden.into()) }
    }

    fn demand_owner(&self, actor: UserId) -> Result<(), StoreError> {
        if self.owner == Some(actor) { Ok(()) } else { Err(StoreError::Forbidden) }
    }
}

fn add(log: &mut Log<'_>, users: &[UserId]) -> Result<(), Fault> {
    let mut new = BTreeSet::new();
    for user in users {
        if !is_member(log.write, log.conversation, *user)? {
            new.insert(*user);
        }
    }
    if new.is_empty() {
        return Ok(());
    }
    let members = active_users(log.write, &new)?;
    if member_count(log.write, log.conversation)? + new.len() > GROUP_MEMBERS {
        return Err(StoreError::GroupFull.into());
    }
    let since = log.write(ChangeBody::MembersAdded { members })?;
    for user in new {
        join(log.write, log.conversation, user, since)?;
    }
    Ok(())
}

/// The owner hands over first, so that a group with people in it is never without one of them as its owner.
fn leave(log: &mut Log<'_>, group: &Group) -> Result<(), Fault> {
    const HEIR: &str = "SELECT user FROM members WHERE conversation = ?1 AND user <> ?2 AND left IS NULL
        ORDER BY since, user LIMIT 1";
    let user = log.author;
    if group.owner == Some(user) {
        let mut statement = log.write.prepare_cached(HEIR)?;
        let heir = statement.query_row((log.conversation.sql(), user.sql()), |row| row.get(0)).optional()?;
        if let Some(heir) = heir {
            hand_over(log, UserId(heir))?;
        }
    }
    remove(log, user)
}

fn remove(log: &mut Log<'_>, member: UserId) -> Result<(), Fault> {
    const SQL: &str = "UPDATE members SET left = ?3 WHERE conversation = ?1 AND user = ?2";
    log.write(ChangeBody::MemberRemoved { member })?;
    let row = (log.conversation.sql(), member.sql(), log.write.position().sql());
    log.write.prepare_cached(SQL)?.execute(row)?;
    Ok(())
}

fn rename(log: &mut Log<'_>, group: &Group, name: String) -> Result<(), Fault> {
    const SQL: &str = "UPDATE conversations SET name = ?2 WHERE id = ?1";
    if group.name.as_ref() == Some(&name) {
        return Ok(());
    }
    log.write.prepare_cached(SQL)?.execute((log.conversation.sql(), &name))?;
    log.write(ChangeBody::Renamed { name })?;
    Ok(())
}

fn hand_over(log: &mut Log<'_>, owner: UserId) -> Result<(), Fault> {
    const SQL: &str = "UPDATE conversations SET owner = ?2 WHERE id = ?1";
    log.write.prepare_cached(SQL)?.execute((log.conversation.sql(), owner.sql()))?;
    log.write(ChangeBody::OwnerChanged { owner })?;
    Ok(())
}

fn is_member(write: &Write<'_>, conversation: ConversationId, user: UserId) -> Result<bool, Fault> {
    const SQL: &str = "SELECT 1 FROM members WHERE conversation = ?1 AND user = ?2 AND left IS NULL";
    Ok(write.prepare_cached(SQL)?.exists((conversation.sql(), user.sql()))?)
}

fn member_count(write: &Write<'_>, conversation: ConversationId) -> Result<usize, Fault> {
    const SQL: &str = "SELECT count(*) FROM members WHERE conversation = ?1 AND left IS NULL";
    Ok(write.prepare_cached(SQL)?.query_row([conversation.sql()], |row| row.get(0))?)
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
