//! Making groups and amending them: read, decided by the plan that every store shares, and written by one statement if
//! nobody amended the group in between.

use super::readers::Readers;
use super::rows::{self, Columns, Text};
use super::writer::Writer;
use crate::store::fault::{Fault, Trouble};
use crate::store::plan::{self, Group, Plan};
use crate::store::sql::Sql;
use crate::store::{Amendment, StoreError, rules};
use std::collections::{BTreeMap, BTreeSet};
use trunkline_protocol::{Change, ChangeBody, ConversationId, Millis, Seq, User, UserId};

/// How often a group is read again that others keep amending: each time, somebody's amendment was stored.
const ATTEMPTS: usize = 64;

/// [`crate::store::Store::create_group`].
pub(super) async fn create(
    readers: &Readers,
    writer: &Writer,
    owner: UserId,
    name: &str,
    members: &[UserId],
    at: Millis,
) -> Result<(ConversationId, Vec<Change>), Fault> {
    const SQL: &str = "SELECT make_group($1, $2, $3, $4, $5) AS id";
    let everyone = plan::first_members(owner, members)?;
    let mut active = active_users(readers, &everyone).await?;
    let users = everyone.iter().map(|user| active.remove(user).ok_or(StoreError::UnknownUser));
    let bodies = plan::creation(name, users.collect::<Result<_, _>>()?);
    let (ids, events) = (numbers(&everyone), events(&bodies)?);
    let events: Vec<Text<'_>> = events.iter().map(|event| event.as_str().into()).collect();
    let rows = writer.query(SQL, &[&owner.sql(), &Text::from(name), &ids, &at, &events]).await?;
    let row = rows.first().ok_or(Trouble::Inconsistent("nothing where a group was made"))?;
    let conversation = ConversationId(row.number("id")?);
    let head = Seq(bodies.len() as u64);
    Ok((conversation, changes(conversation, owner, at, head, bodies)))
}

/// [`crate::store::Store::amend`].
pub(super) async fn amend(
    readers: &Readers,
    writer: &Writer,
    actor: UserId,
    conversation: ConversationId,
    amendment: Amendment,
    at: Millis,
) -> Result<Vec<Change>, Fault> {
    const SQL: &str = "SELECT amend_group($1, $2, $3, $4, $5, $6, $7, $8, $9) AS head";
    for _ in 0..ATTEMPTS {
        let (group, amended_at) = load(readers, conversation).await?;
        let wanted = match &amendment {
            Amendment::AddMembers(users) => users.iter().copied().collect(),
            _ => BTreeSet::new(),
        };
        let active = if wanted.is_empty() { BTreeMap::new() } else { active_users(readers, &wanted).await? };
        let found = |user| Ok::<_, Fault>(active.get(&user).cloned());
        let Plan { bodies, name, owner, joined, left } = group.plan(actor, amendment.clone(), found)?;
        if bodies.is_empty() {
            return Ok(Vec::new());
        }
        let events = events(&bodies)?;
        let events: Vec<Text<'_>> = events.iter().map(|event| event.as_str().into()).collect();
        let (name, joined) = (name.as_deref().map(Text::from), numbers(&joined));
        let (owner, left) = (owner.map(Sql::sql), left.map(Sql::sql));
        let rows = writer
            .query(SQL, &[&conversation.sql(), &amended_at, &actor.sql(), &at, &events, &name, &owner, &joined, &left])
            .await?;
        let head = rows.first().map(|row| row.number_if_any("head")).transpose()?.flatten();
        if let Some(head) = head {
            return Ok(changes(conversation, actor, at, Seq(head), bodies));
        }
    }
    Err(Trouble::Busy.into())
}

/// The conversation as an amendment needs it, and the seq of its last change that is no message.
async fn load(readers: &Readers, conversation: ConversationId) -> Result<(Group, i64), Fault> {
    const SQL: &str = "SELECT c.kind, c.name, c.owner, c.amended_at, m.ids, m.sinces FROM conversations c
        LEFT JOIN LATERAL (
            SELECT array_agg(user_id ORDER BY user_id) AS ids, array_agg(since ORDER BY user_id) AS sinces
            FROM members WHERE conversation = c.id AND left_at IS NULL
        ) m ON true
        WHERE c.id = $1";
    let rows = readers.query(SQL, &[&conversation.sql()]).await?;
    let row = rows.first().ok_or(StoreError::UnknownConversation)?;
    let members = row.numbers("ids")?.into_iter().map(UserId).zip(row.numbers("sinces")?.into_iter().map(Seq));
    let group = Group {
        kind: rules::kind(row.try_get("kind")?),
        name: row.try_get::<_, Option<rows::Plain>>("name")?.map(|name| name.0),
        owner: row.number_if_any("owner")?.map(UserId),
        members: members.collect(),
    };
    Ok((group, row.try_get("amended_at")?))
}

/// Those of these users who may be written to.
async fn active_users(readers: &Readers, ids: &BTreeSet<UserId>) -> Result<BTreeMap<UserId, User>, Fault> {
    const SQL: &str = "SELECT id, name, display_name FROM users WHERE id = ANY ($1) AND NOT disabled";
    let rows = readers.query(SQL, &[&numbers(ids)]).await?;
    rows.iter().map(|row| rows::user(row).map(|user| (user.id, user))).collect()
}

fn numbers<'a>(ids: impl IntoIterator<Item = &'a UserId>) -> Vec<i64> {
    ids.into_iter().map(|id| id.sql()).collect()
}

fn events(bodies: &[ChangeBody]) -> Result<Vec<String>, Fault> {
    Ok(bodies.iter().map(serde_json::to_string).collect::<Result<_, _>>()?)
}

/// What was written, the last of it at `head`.
fn changes(
    conversation: ConversationId,
    author: UserId,
    at: Millis,
    head: Seq,
    bodies: Vec<ChangeBody>,
) -> Vec<Change> {
    let before = head.0.saturating_sub(bodies.len() as u64);
    let change = |(seq, body)| Change { conversation, seq: Seq(seq), at, author, key: None, body };
    (before + 1..).zip(bodies).map(change).collect()
}
