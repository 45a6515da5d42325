//! Searching: what the index proposes, and what is in the log and not yet in the index, compared with the question.

use super::readers::Readers;
use super::rows::{Columns, Plain};
use crate::search::{EXAMINED, Found, Hit, Mark, NAMED, Search, Term, place};
use crate::store::StoreError;
use crate::store::fault::Fault;
use crate::store::sql::Sql;
use tokio_postgres::Row;
use trunkline_protocol::{ConversationId, Millis, Seq, UserId};

/// Messages that are asked of the index at once: a few pages, since most of what it proposes is found.
const PROPOSED: i64 = 200;

/// [`crate::store::Store::search`]. Several statements, of which each finds out for itself what the reader may see.
pub(super) async fn search(readers: &Readers, user: UserId, search: &Search) -> Result<Found, Fault> {
    if let Some(conversation) = search.conversation {
        check_member(readers, user, conversation).await?;
    }
    // The log before the index: what moves from the one into the other meanwhile is seen twice, and not missed.
    let mut hits = unindexed(readers, user, search).await?;
    let (mut examined, mut found, mut before) = (0, 0, search.before);
    let until = loop {
        let rows = propose(readers, user, search, before).await?;
        for row in &rows {
            let (mark, hit) = check(search, row)?;
            before = Some(mark);
            found += usize::from(hit.is_some());
            hits.extend(hit);
        }
        examined += rows.len();
        if i64::try_from(rows.len()).unwrap_or(PROPOSED) < PROPOSED {
            break None;
        }
        if found > search.limit || examined >= EXAMINED {
            break before;
        }
    };
    Ok(Found::page(hits, until, search.limit))
}

async fn check_member(readers: &Readers, user: UserId, conversation: ConversationId) -> Result<(), Fault> {
    const SQL: &str =
        "SELECT EXISTS (SELECT FROM members WHERE conversation = c.id AND user_id = $2 AND left_at IS NULL)
        AS member FROM conversations c WHERE c.id = $1";
    let rows = readers.query(SQL, &[&conversation.sql(), &user.sql()]).await?;
    let row = rows.first().ok_or(StoreError::UnknownConversation)?;
    if row.try_get("member")? { Ok(()) } else { Err(StoreError::NotAMember.into()) }
}

/// What answers the question and is not indexed yet, which is little: see `indexer`.
async fn unindexed(readers: &Readers, user: UserId, search: &Search) -> Result<Vec<Hit>, Fault> {
    const SQL: &str = "SELECT x.conversation, x.seq, x.at, x.author, x.text FROM members m
        JOIN conversations c ON c.id = m.conversation
        LEFT JOIN search_logs l ON l.conversation = m.conversation
        JOIN changes x ON x.conversation = m.conversation AND x.seq >= m.since AND x.seq > coalesce(l.seq, 0)
        WHERE m.user_id = $1 AND m.left_at IS NULL AND ($2::bigint IS NULL OR m.conversation = $2)
            AND c.head > coalesce(l.seq, 0) AND x.text IS NOT NULL";
    let rows = readers.query(SQL, &[&user.sql(), &search.conversation.map(Sql::sql)]).await?;
    let hits = rows.iter().map(|row| check(search, row).map(|(_, hit)| hit));
    hits.filter_map(Result::transpose).collect()
}

/// The next messages that the index proposes, newest first.
async fn propose(readers: &Readers, user: UserId, search: &Search, before: Option<Mark>) -> Result<Vec<Row>, Fault> {
    // The conversations are named to the index unless they are too many. Without any, nothing is proposed.
    const SQL: &str = "WITH visible AS MATERIALIZED (
            SELECT m.conversation, m.since FROM members m
            WHERE m.user_id = $1 AND m.left_at IS NULL AND ($2::bigint IS NULL OR m.conversation = $2)
        ), question AS MATERIALIZED (
            SELECT CASE WHEN count(*) > $9
                THEN $3::text
                ELSE $3::text || ' & (' || string_agg('''' || $4::text || conversation || '''', ' | ') || ')'
            END::tsquery AS asked FROM visible
        ), proposed AS (
            SELECT s.conversation, s.seq FROM search_terms s
            JOIN visible v ON v.conversation = s.conversation AND s.seq >= v.since
            WHERE s.terms @@ (SELECT asked FROM question) AND (s.at, s.conversation, s.seq) < ($5, $6, $7)
            ORDER BY s.at DESC, s.conversation DESC, s.seq DESC LIMIT $8
        )
        SELECT x.conversation, x.seq, x.at, x.author, x.text FROM proposed p JOIN changes x USING (conversation, seq)
        ORDER BY x.at DESC, x.conversation DESC, x.seq DESC";
    let last = Mark { at: Millis::MAX, conversation: ConversationId(u64::MAX), seq: Seq(u64::MAX) };
    let before = before.unwrap_or(last);
    let mark = place(ConversationId(0)).replace('0', "");
    let named = i64::try_from(NAMED).unwrap_or(i64::MAX);
    readers
        .search(
            SQL,
            &[
                &user.sql(),
                &search.conversation.map(Sql::sql),
                &expression(search),
                &mark,
                &before.at,
                &before.conversation.sql(),
                &before.seq.sql(),
                &PROPOSED,
                &named,
            ],
        )
        .await
}

/// A row of conversation, seq, time, author and text.
fn check(search: &Search, row: &Row) -> Result<(Mark, Option<Hit>), Fault> {
    let conversation = ConversationId(row.number("conversation")?);
    let mark = Mark { at: row.try_get("at")?, conversation, seq: Seq(row.number("seq")?) };
    let text = row.try_get::<_, Option<Plain>>("text")?;
    let text = text.filter(|_| search.before.is_none_or(|before| mark < before));
    let author = UserId(row.number("author")?);
    Ok((mark, text.and_then(|Plain(text)| Hit::check(&search.query, mark, author, &text))))
}

/// The question in the index's language. Terms are letters and digits, and none of them is a quotation mark.
fn expression(search: &Search) -> String {
    let part = |term| match term {
        Term::Is(term) => format!("'{term}'"),
        Term::Begins(start) => format!("'{start}':*"),
    };
    let parts: Vec<_> = search.query.terms().into_iter().map(part).collect();
    parts.join(" & ")
}
