//! Conversations as their members see them, and the direct ones.

use super::readers::Readers;
use super::rows::{self, Columns};
use super::writer::Writer;
use crate::store::fault::{Fault, Trouble};
use crate::store::sql::Sql;
use crate::store::{Joined, Membership, Resume, StoreError, rules};
use tokio_postgres::Row;
use trunkline_protocol::{
    Conversation, ConversationId, ConversationKind, Epoch, Member, Millis, Position, Seq, UserId, limits,
};

/// One row for each conversation `c` of the member `m` that `$from` finds, with everything that describes it as they see
/// it where `$told` holds (or is NULL), and its head alone elsewhere. $1 is the user, $2 how many former members are named.
macro_rules! views {
    ($columns:literal, $told:literal, $from:literal, $rest:literal) => {
        concat!(
            "SELECT ", $columns, " coalesce(", $told, ", true) AS told,
                c.id AS conversation, c.head, c.kind, c.name AS title, c.owner, c.messages, m.since, m.own, m.counted,
                ms.*, fs.*, x.seq, x.at, x.author, x.key, x.text, x.event ",
            $from,
            " LEFT JOIN LATERAL (
                SELECT array_agg(u.id ORDER BY u.id) AS ids, array_agg(u.name ORDER BY u.id) AS names,
                    array_agg(u.display_name ORDER BY u.id) AS shown, array_agg(o.delivered ORDER BY u.id) AS delivered,
                    array_agg(o.read ORDER BY u.id) AS read, array_agg(o.since ORDER BY u.id) AS sinces
                FROM members o JOIN users u ON u.id = o.user_id
                WHERE o.conversation = c.id AND o.left_at IS NULL AND coalesce(", $told, ", true)
            ) ms ON true
            LEFT JOIN LATERAL (
                SELECT array_agg(g.id ORDER BY g.n) AS former_ids, array_agg(g.name ORDER BY g.n) AS former_names,
                    array_agg(g.display_name ORDER BY g.n) AS former_shown
                FROM (
                    SELECT u.id, u.name, u.display_name, row_number() OVER (ORDER BY o.left_at DESC, u.id DESC) AS n
                    FROM members o JOIN users u ON u.id = o.user_id
                    WHERE o.conversation = c.id AND o.left_at IS NOT NULL AND c.kind = 'group'
                        AND coalesce(", $told, ", true)
                    ORDER BY n LIMIT $2
                ) g
            ) fs ON true
            LEFT JOIN changes x ON x.conversation = c.id AND x.seq = c.last_message AND c.last_message >= m.since
                AND coalesce(", $told, ", true) ",
            $rest
        )
    };
}

/// [`crate::store::Store::conversation`].
pub(super) async fn conversation(
    readers: &Readers,
    user: UserId,
    conversation: ConversationId,
) -> Result<Conversation, Fault> {
    const SQL: &str = views!(
        "",
        "m.user_id IS NOT NULL",
        "FROM conversations c
         LEFT JOIN members m ON m.conversation = c.id AND m.user_id = $1 AND m.left_at IS NULL",
        "WHERE c.id = $3"
    );
    let rows = readers.query(SQL, &[&user.sql(), &FORMER, &conversation.sql()]).await?;
    let row = rows.first().ok_or(StoreError::UnknownConversation)?;
    if !row.try_get::<_, bool>("told")? {
        return Err(StoreError::NotAMember.into());
    }
    view(row)
}

/// [`crate::store::Store::conversations`].
pub(super) async fn conversations(readers: &Readers, user: UserId) -> Result<Vec<Conversation>, Fault> {
    const SQL: &str = views!(
        "",
        "true",
        "FROM members m JOIN conversations c ON c.id = m.conversation",
        "WHERE m.user_id = $1 AND m.left_at IS NULL ORDER BY c.changed DESC, c.id DESC"
    );
    readers.query(SQL, &[&user.sql(), &FORMER]).await?.iter().map(view).collect()
}

/// [`crate::store::Store::resume`].
pub(super) async fn resume(readers: &Readers, user: UserId, since: Option<Position>) -> Result<Resume, Fault> {
    // A position that was never given out belongs to another history: it says nothing about this one.
    const SQL: &str = views!(
        "here.epoch, here.position, here.since IS NULL AS complete,
            ARRAY(SELECT conversation FROM members WHERE user_id = $1 AND left_at > here.since ORDER BY 1) AS gone,",
        "c.touched > here.since",
        "FROM (
            SELECT epoch, p.position, CASE WHEN $3 <= p.position THEN $3 END AS since
            FROM meta, (SELECT coalesce(max(position), 0) AS position FROM commits) p
         ) here
         LEFT JOIN (members m JOIN conversations c ON c.id = m.conversation)
             ON m.user_id = $1 AND m.left_at IS NULL",
        "ORDER BY c.id"
    );
    let rows = readers.query(SQL, &[&user.sql(), &FORMER, &since.map(Sql::sql)]).await?;
    let here = rows.first().ok_or(Trouble::Inconsistent("a database without a history"))?;
    let mut resume = Resume {
        epoch: Epoch(here.try_get("epoch")?),
        position: Position(here.number("position")?),
        complete: here.try_get("complete")?,
        conversations: Vec::new(),
        left: here.numbers("gone")?.into_iter().map(ConversationId).collect(),
        joined: Vec::new(),
    };
    for row in &rows {
        // Who is in no conversation has one row, without one.
        let Some(conversation) = row.number_if_any("conversation")?.map(ConversationId) else { continue };
        resume.joined.push(Joined { conversation, head: Seq(row.number("head")?) });
        if row.try_get("told")? {
            resume.conversations.push(view(row)?);
        }
    }
    Ok(resume)
}

/// [`crate::store::Store::epoch`].
pub(super) async fn epoch(readers: &Readers) -> Result<Epoch, Fault> {
    let rows = readers.query("SELECT epoch FROM meta", &[]).await?;
    let row = rows.first().ok_or(Trouble::Inconsistent("a database without a history"))?;
    Ok(Epoch(row.try_get(0)?))
}

/// [`crate::store::Store::membership`].
pub(super) async fn membership(readers: &Readers, conversation: ConversationId) -> Result<Membership, Fault> {
    const SQL: &str = "SELECT c.members_at, c.head, ARRAY(
            SELECT user_id FROM members WHERE conversation = c.id AND left_at IS NULL
        ) AS users FROM conversations c WHERE c.id = $1";
    let rows = readers.query(SQL, &[&conversation.sql()]).await?;
    let Some(row) = rows.first() else {
        return Ok(Membership { members_at: Seq(0), head: Seq(0), users: [].into() });
    };
    let users = row.numbers("users")?.into_iter().map(UserId).collect();
    Ok(Membership { members_at: Seq(row.number("members_at")?), head: Seq(row.number("head")?), users })
}

/// [`crate::store::Store::direct`].
pub(super) async fn direct(
    readers: &Readers,
    writer: &Writer,
    user: UserId,
    peer: UserId,
    at: Millis,
) -> Result<(ConversationId, bool), Fault> {
    const FIND: &str = "SELECT conversation FROM direct_pairs WHERE low = $1 AND high = $2";
    const USERS: &str = "SELECT count(*) AS count FROM users WHERE id IN ($1, $2) AND NOT disabled";
    const OPEN: &str = "SELECT id, fresh FROM open_direct($1, $2, $3)";
    if user == peer {
        return Err(StoreError::Forbidden.into());
    }
    let (low, high) = (user.min(peer).sql(), user.max(peer).sql());
    if let Some(row) = readers.query(FIND, &[&low, &high]).await?.first() {
        return Ok((ConversationId(row.number("conversation")?), false));
    }
    let users = readers.query(USERS, &[&low, &high]).await?;
    if users.first().map(|row| row.number("count")).transpose()? != Some(2) {
        return Err(StoreError::UnknownUser.into());
    }
    let rows = writer.query(OPEN, &[&low, &high, &at]).await?;
    let row = rows.first().ok_or(Trouble::Inconsistent("nothing where a conversation was made"))?;
    Ok((ConversationId(row.number("id")?), row.try_get("fresh")?))
}

const FORMER: i64 = limits::FORMER_MEMBERS as i64;

/// A conversation from a row of `views!` that tells all.
fn view(row: &Row) -> Result<Conversation, Fault> {
    let id = ConversationId(row.number("conversation")?);
    let users = rows::users(row, ["ids", "names", "shown"])?.into_iter();
    let cursors = row.numbers("delivered")?.into_iter().zip(row.numbers("read")?).zip(row.numbers("sinces")?);
    let members = users.zip(cursors).map(|(user, ((delivered, read), since))| Member {
        user,
        delivered: Seq(delivered),
        read: Seq(read),
        since: Seq(since),
    });
    let kind = rules::kind(row.try_get("kind")?);
    let name = row.try_get::<_, Option<rows::Plain>>("title")?.map(|name| name.0);
    Ok(Conversation {
        id,
        kind,
        name: name.filter(|_| kind == ConversationKind::Group),
        owner: row.number_if_any("owner")?.map(UserId),
        members: members.collect(),
        head: Seq(row.number("head")?),
        since: Seq(row.number("since")?),
        unread: rules::unread(row.number("messages")?, row.number("own")?, row.number("counted")?),
        last_message: row.number_if_any("seq")?.map(|_| rows::change(row, id)).transpose()?,
        former: rows::users(row, ["former_ids", "former_names", "former_shown"])?,
    })
}
