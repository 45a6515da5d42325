//! Searching: what the index proposes, and what is in the log and not yet in the index, each read from one snapshot
//! and compared with the question.

use rusqlite::{Connection, Row};
use std::collections::HashMap;
use trunkline_protocol::{ConversationId, Millis, Seq, UserId};

use super::log;
use crate::search::{EXAMINED, Found, Hit, Mark, NAMED, Search, Term, place};
use crate::store::fault::Fault;
use crate::store::sql::Sql;

/// Bits of an id of `search_rows` below the time.
const ID_BITS: u32 = 20;
/// The latest time that an id can hold, some 280 years from 1970.
const LATEST: Millis = (1 << (63 - ID_BITS)) - 1;

/// The first id of a moment. Ids of a later one are all higher.
pub(super) fn first_id(at: Millis) -> i64 {
    at.clamp(0, LATEST) << ID_BITS
}

/// The first id behind a moment.
pub(super) fn id_after(at: Millis) -> i64 {
    first_id(at).saturating_add(1 << ID_BITS)
}

/// A log that the reader may see a part of.
struct Visible {
    since: Seq,
    head: Seq,
    /// How far it is indexed.
    indexed: Seq,
}

/// [`crate::store::Store::search`].
pub(super) fn search(connection: &Connection, user: UserId, search: &Search) -> Result<Found, Fault> {
    if let Some(conversation) = search.conversation {
        log::sight(connection, user, conversation)?;
    }
    let logs = visible(connection, user, search.conversation)?;
    let mut hits = Vec::new();
    for (conversation, visible) in &logs {
        read_log(connection, search, *conversation, visible, &mut hits)?;
    }
    let until = read_index(connection, search, &logs, &mut hits)?;
    Ok(Found::page(hits, until, search.limit))
}

fn visible(
    connection: &Connection,
    user: UserId,
    only: Option<ConversationId>,
) -> rusqlite::Result<HashMap<ConversationId, Visible>> {
    const SQL: &str = "SELECT m.conversation, m.since, c.head, coalesce(l.seq, 0) FROM members m
        JOIN conversations c ON c.id = m.conversation LEFT JOIN search_logs l ON l.conversation = m.conversation
        WHERE m.user = ?1 AND m.left IS NULL AND (?2 IS NULL OR m.conversation = ?2)";
    let mut statement = connection.prepare_cached(SQL)?;
    let rows = statement.query_map((user.sql(), only.map(Sql::sql)), |row| {
        let visible = Visible { since: Seq(row.get(1)?), head: Seq(row.get(2)?), indexed: Seq(row.get(3)?) };
        Ok((ConversationId(row.get(0)?), visible))
    })?;
    rows.collect()
}

/// What is not indexed yet, which is little: see `indexer`.
fn read_log(
    connection: &Connection,
    search: &Search,
    conversation: ConversationId,
    visible: &Visible,
    hits: &mut Vec<Hit>,
) -> rusqlite::Result<()> {
    const SQL: &str = "SELECT ?1, seq, at, author, text FROM changes
        WHERE conversation = ?1 AND seq BETWEEN ?2 AND ?3 AND text IS NOT NULL";
    let from = visible.since.max(visible.indexed.next());
    if from > visible.head {
        return Ok(());
    }
    let mut statement = connection.prepare_cached(SQL)?;
    let mut rows = statement.query((conversation.sql(), from.sql(), visible.head.sql()))?;
    while let Some(row) = rows.next()? {
        hits.extend(check(search, row)?.1);
    }
    Ok(())
}

/// What the index proposes, until there is enough for a page. Returns where it stopped, if there may be more.
fn read_index(
    connection: &Connection,
    search: &Search,
    logs: &HashMap<ConversationId, Visible>,
    hits: &mut Vec<Hit>,
) -> rusqlite::Result<Option<Mark>> {
    // The cross joins keep the order of the first table, from which nothing is read that is not needed.
    const SQL: &str = "SELECT r.conversation, r.seq, c.at, c.author, c.text FROM search_terms s
        CROSS JOIN search_rows r ON r.id = s.rowid
        CROSS JOIN changes c ON c.conversation = r.conversation AND c.seq = r.seq
        WHERE s.search_terms MATCH ?1 AND s.rowid < ?2 ORDER BY s.rowid DESC";
    if logs.is_empty() {
        return Ok(None);
    }
    let before = search.before.map_or(i64::MAX, |before| id_after(before.at));
    let mut statement = connection.prepare_cached(SQL)?;
    let mut rows = statement.query((expression(search, logs.keys()), before))?;
    let (mut examined, mut found, mut last) = (0, 0, None::<Mark>);
    while let Some(row) = rows.next()? {
        let (mark, hit) = check(search, row)?;
        // Within a millisecond the index has an order of its own, so it is read to its end.
        let is_full = found > search.limit || examined >= EXAMINED;
        if let Some(last) = last.filter(|last| is_full && mark.at < last.at) {
            let beginning = Mark { at: last.at, conversation: ConversationId(0), seq: Seq(0) };
            return Ok(Some(beginning));
        }
        examined += 1;
        last = Some(mark);
        let is_visible = logs.get(&mark.conversation).is_some_and(|visible| mark.seq >= visible.since);
        if let Some(hit) = hit.filter(|_| is_visible) {
            hits.push(hit);
            found += 1;
        }
    }
    Ok(None)
}

/// A row of conversation, seq, time, author and text.
fn check(search: &Search, row: &Row<'_>) -> rusqlite::Result<(Mark, Option<Hit>)> {
    let mark = Mark { at: row.get(2)?, conversation: ConversationId(row.get(0)?), seq: Seq(row.get(1)?) };
    let text = row.get_ref(4)?.as_str_or_null()?;
    let is_before = search.before.is_none_or(|before| mark < before);
    let author = UserId(row.get(3)?);
    Ok((mark, text.filter(|_| is_before).and_then(|text| Hit::check(&search.query, mark, author, text))))
}

/// The question in the index's language. Terms are letters and digits, and none of them is a quotation mark.
fn expression<'a>(search: &Search, logs: impl ExactSizeIterator<Item = &'a ConversationId>) -> String {
    let mut parts: Vec<_> = search
        .query
        .terms()
        .into_iter()
        .map(|term| match term {
            Term::Is(term) => format!("\"{term}\""),
            Term::Begins(start) => format!("\"{start}\" *"),
        })
        .collect();
    if logs.len() <= NAMED {
        let places: Vec<_> = logs.map(|conversation| format!("\"{}\"", place(*conversation))).collect();
        parts.push(format!("({})", places.join(" OR ")));
    }
    parts.join(" AND ")
}

#[cfg(test)]
mod tests {
    use super::super::indexer::index;
    use super::super::migrations;
    use super::*;
    use crate::search::Query;
    use proptest::prelude::*;

    /// A file in which user 1 is in conversation 1, and these were said there; all of it is indexed.
    fn database(texts: &[String]) -> Result<Connection, Fault> {
        let mut connection = Connection::open_in_memory()?;
        migrations::migrate(&mut connection)?;
        connection.execute_batch(
            "PRAGMA foreign_keys = OFF;
             INSERT INTO conversations (id, kind, created, head, changed, touched) VALUES (1, 'direct', 0, 0, 1, 1);
             INSERT INTO members (conversation, user, since, delivered, read, counted) VALUES (1, 1, 1, 0, 0, 0)",
        )?;
        for (seq, text) in (1_u64..).zip(texts) {
            let change =
                "INSERT INTO changes (conversation, seq, position, at, author, text) VALUES (1, ?1, 1, ?1, 1, ?2)";
            connection.execute(change, (seq, text))?;
            connection.execute("UPDATE conversations SET head = ?1", [seq])?;
        }
        index(&mut connection)?;
        Ok(connection)
    }

    fn anything() -> impl Strategy<Value = String> {
        let letters = "abAB é \"*():^-+'“中文字日かガ한글🎉\u{301}\u{e000}\0".chars().collect::<Vec<_>>();
        let letter = prop_oneof![4 => proptest::sample::select(letters), 1 => any::<char>()];
        proptest::collection::vec(letter, 0..12).prop_map(|letters| letters.into_iter().collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_index_finds_what_the_texts_answer_whatever_is_asked(
            texts in proptest::collection::vec(anything(), 1..20),
            questions in proptest::collection::vec(anything(), 20),
        ) {
            let connection = database(&texts).map_err(|fault| TestCaseError::fail(format!("{fault:?}")))?;
            for query in questions.iter().filter_map(|question| Query::parse(question).ok()) {
                let asked = Search { query: query.clone(), conversation: None, before: None, limit: 100 };
                let found = search(&connection, UserId(1), &asked);
                let found = found.map_err(|fault| TestCaseError::fail(format!("{query:?}: {fault:?}")))?;
                let found: Vec<_> = found.hits.iter().map(|hit| hit.mark.seq.0).collect();
                let expected = (1_u64..).zip(&texts).filter(|(_, text)| query.find(text).is_some());
                let expected: Vec<_> = expected.map(|(seq, _)| seq).collect::<Vec<_>>().into_iter().rev().collect();
                prop_assert_eq!(found, expected, "{:?} in {:?}", query, texts);
            }
        }
    }
}
