//! Reading the log: ranges for people and for nodes, and what was new since a position.

use super::readers::Readers;
use super::rows::{self, Columns};
use crate::store::fault::{Fault, Trouble};
use crate::store::rules;
use crate::store::sql::Sql;
use crate::store::{Credential, CursorState, Followed, Grown, MovedCursor, Range, StoreError};
use tokio_postgres::Row;
use trunkline_protocol::limits::FETCH_CHANGES;
use trunkline_protocol::{Change, ConversationId, Epoch, Position, Seq, SessionId, UserId};

/// [`crate::store::Store::range`].
pub(super) async fn range(
    readers: &Readers,
    reader: UserId,
    conversation: ConversationId,
    from: Seq,
    to: Seq,
) -> Result<Range, Fault> {
    const SQL: &str = "SELECT c.head, m.since, x.seq, x.at, x.author, x.key, x.text, x.event FROM conversations c
        LEFT JOIN members m ON m.conversation = c.id AND m.user_id = $1 AND m.left_at IS NULL
        LEFT JOIN LATERAL (
            SELECT * FROM changes WHERE conversation = c.id AND seq BETWEEN greatest($3, m.since) AND $4
                AND m.since IS NOT NULL ORDER BY seq LIMIT $5
        ) x ON true
        WHERE c.id = $2 ORDER BY x.seq";
    let limit = FETCH_CHANGES.sql();
    let rows = readers.query(SQL, &[&reader.sql(), &conversation.sql(), &from.sql(), &to.sql(), &limit]).await?;
    let first = rows.first().ok_or(StoreError::UnknownConversation)?;
    let since = Seq(first.number_if_any("since")?.ok_or(StoreError::NotAMember)?);
    let mut changes = Vec::new();
    for row in &rows {
        if row.number_if_any("seq")?.is_some() {
            changes.push(rows::change(row, conversation)?);
        }
    }
    Ok(Range { from: from.max(since), changes, head: Seq(first.number("head")?) })
}

/// [`crate::store::Store::changes`].
pub(super) async fn changes(
    readers: &Readers,
    conversation: ConversationId,
    from: Seq,
    to: Seq,
) -> Result<Vec<Change>, Fault> {
    const SQL: &str = "SELECT seq, at, author, key, text, event FROM changes
        WHERE conversation = $1 AND seq BETWEEN $2 AND $3 ORDER BY seq";
    let rows = readers.query(SQL, &[&conversation.sql(), &from.sql(), &to.sql()]).await?;
    rows.iter().map(|row| rows::change(row, conversation)).collect()
}

/// Where the store stands, and, of everything that happened after $1, what it was: found by `$news`, told by the same
/// statement. `oldest` is the first commit that `commits` still has.
macro_rules! follow {
    ($news:literal) => {
        concat!(
            "WITH here AS (
                SELECT epoch, (SELECT coalesce(max(position), 0) FROM commits) AS position,
                    (SELECT coalesce(min(position), 0) FROM commits) AS oldest FROM meta
            ), ",
            $news,
            "
            SELECT 0 AS kind, epoch AS id, position AS a, oldest AS b, NULL::bigint AS c, NULL::bigint AS d,
                NULL::bigint AS e, NULL::bigint AS f, NULL::bigint AS g, NULL::bigint AS h, 0 AS sort FROM here
            UNION ALL
            SELECT 1, NULL, c.id, coalesce(x.seq, 0) + 1, c.head, c.members_at, NULL, NULL, NULL, NULL, c.changed
            FROM changed JOIN conversations c ON c.id = changed.id
            LEFT JOIN LATERAL (
                -- Walks back over what is new, which is about to be read anyway.
                SELECT seq FROM changes WHERE conversation = c.id AND position <= $1 ORDER BY seq DESC LIMIT 1
            ) x ON true
            UNION ALL
            SELECT 2, NULL, m.conversation, m.user_id, m.delivered, m.read, c.messages, m.own, m.counted, c.head, m.moved
            FROM moved JOIN members m ON m.conversation = moved.conversation AND m.user_id = moved.user_id
            JOIN conversations c ON c.id = m.conversation
            WHERE m.left_at IS NULL AND m.moved > $1
            UNION ALL
            SELECT 3, id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0 FROM ended_sessions
            UNION ALL
            SELECT 4, NULL, id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, id FROM ended_tokens
            UNION ALL
            SELECT DISTINCT 5, NULL::uuid, m.conversation, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint,
                NULL::bigint, NULL::bigint, NULL::bigint, m.conversation
            FROM renamed JOIN members m ON m.user_id = renamed.id
            ORDER BY kind, sort, a"
        )
    };
}

/// [`crate::store::Store::follow`].
pub(super) async fn follow(readers: &Readers, after: Option<Position>) -> Result<Followed, Fault> {
    /// What the commits themselves say.
    const RECENT: &str = follow!(
        "news AS (SELECT * FROM commits WHERE position > $1),
        changed AS (SELECT DISTINCT unnest(conversations) AS id FROM news),
        moved AS (
            SELECT DISTINCT x.conversation, x.user_id FROM news,
                unnest(news.cursor_conversations, news.cursor_users) AS x (conversation, user_id)
        ),
        ended_sessions AS (SELECT unnest(sessions) AS id FROM news),
        ended_tokens AS (SELECT unnest(tokens) AS id FROM news),
        renamed AS (SELECT DISTINCT unnest(renamed) AS id FROM news)"
    );
    /// The same for a node that slept for so long that some of those commits were removed. Reads tables whole.
    const LONG_AGO: &str = follow!(
        "changed AS (SELECT id FROM conversations WHERE changed > $1),
        moved AS (SELECT conversation, user_id FROM members WHERE moved > $1),
        ended_sessions AS (SELECT id FROM sessions WHERE ended > $1),
        ended_tokens AS (SELECT id FROM tokens WHERE ended > $1),
        renamed AS (SELECT id FROM users WHERE renamed > $1)"
    );
    // With no position to start from, or one that was never given out, nothing is after it.
    let after = after.map_or(i64::MAX, Sql::sql);
    let rows = readers.query(RECENT, &[&after]).await?;
    let (followed, oldest) = told(&rows)?;
    if oldest > after.saturating_add(1) && followed.position.sql() > after {
        let rows = readers.query(LONG_AGO, &[&after]).await?;
        return told(&rows).map(|(followed, _)| followed);
    }
    Ok(followed)
}

fn told(rows: &[Row]) -> Result<(Followed, i64), Fault> {
    let here = rows.first().ok_or(Trouble::Inconsistent("a database without a history"))?;
    let (epoch, position) = (Epoch(here.try_get("id")?), Position(here.number("a")?));
    let mut followed =
        Followed { epoch, position, changed: Vec::new(), cursors: Vec::new(), ended: Vec::new(), renamed: Vec::new() };
    for row in &rows[1..] {
        let kind: i32 = row.try_get("kind")?;
        match kind {
            1 => followed.changed.extend(grown(row)?),
            2 => followed.cursors.push(moved(row)?),
            3 => followed.ended.push(Credential::Session(SessionId(row.try_get("id")?))),
            4 => followed.ended.push(Credential::Token(row.number("a")?)),
            _ => followed.renamed.push(ConversationId(row.number("a")?)),
        }
    }
    Ok((followed, here.try_get("b")?))
}

/// A new direct conversation has nothing in its log, and is news all the same.
fn grown(row: &Row) -> Result<Option<Grown>, Fault> {
    let conversation = ConversationId(row.number("a")?);
    let (from, to, members_at) = (row.number("b")?, row.number("c")?, row.number("d")?);
    let grown = Grown { conversation, from: Seq(from), to: Seq(to), members_changed: members_at >= from };
    Ok((from <= to || to == 0).then_some(grown))
}

fn moved(row: &Row) -> Result<CursorState, Fault> {
    let cursor = MovedCursor {
        conversation: ConversationId(row.number("a")?),
        user: UserId(row.number("b")?),
        delivered: Seq(row.number("c")?),
        read: Seq(row.number("d")?),
    };
    let unread = rules::unread(row.number("e")?, row.number("f")?, row.number("g")?);
    Ok(CursorState { cursor, moved: true, unread, head: Seq(row.number("h")?) })
}
