//! Appending messages: a batch as columns, and its answers. The work is done by `append_batch` in the schema.

use super::rows::{Columns as _, Text};
use crate::store::fault::{Fault, Trouble};
use crate::store::sql::Sql;
use crate::store::{Append, AppendError, Appended, Credential};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use trunkline_protocol::{Millis, Seq};
use uuid::Uuid;

/// What the caller was doing when it failed.
pub(super) const OPERATION: &str = "append messages";

/// A batch, column by column.
#[derive(Default)]
pub(super) struct Columns<'a> {
    conversations: Vec<i64>,
    authors: Vec<i64>,
    sessions: Vec<Option<Uuid>>,
    tokens: Vec<Option<i64>>,
    keys: Vec<Uuid>,
    texts: Vec<Text<'a>>,
    times: Vec<Millis>,
}

impl<'a> Columns<'a> {
    pub(super) fn of(messages: &'a [Append]) -> Self {
        let mut columns = Self::default();
        for message in messages {
            let (session, token) = match message.credential {
                Credential::Session(session) => (Some(session.0), None),
                Credential::Token(token) => (None, Some(token.sql())),
            };
            columns.conversations.push(message.conversation.sql());
            columns.authors.push(message.author.sql());
            columns.sessions.push(session);
            columns.tokens.push(token);
            columns.keys.push(message.key.0);
            columns.texts.push(message.text.as_str().into());
            columns.times.push(message.at);
        }
        columns
    }

    /// As `append_batch` takes them.
    pub(super) fn params(&self) -> [&(dyn ToSql + Sync); 7] {
        [&self.conversations, &self.authors, &self.sessions, &self.tokens, &self.keys, &self.texts, &self.times]
    }
}

/// The answers to a batch, each to its message.
pub(super) fn answers(messages: &[Append], rows: &[Row]) -> Result<Vec<Result<Appended, AppendError>>, Fault> {
    const MISSING: Trouble = Trouble::Inconsistent("an answer to another batch");
    let mut found: Vec<Option<Answer>> = messages.iter().map(|_| None).collect();
    for row in rows {
        let number = place(row.number("n")?);
        *found.get_mut(number).ok_or(MISSING)? = Some(Answer::read(row)?);
    }
    let answer = |number: usize| found.get(number).and_then(Option::as_ref).ok_or(MISSING);
    let mut answers = Vec::with_capacity(messages.len());
    for (number, message) in messages.iter().enumerate() {
        answers.push(match answer(number)? {
            Answer::Stored(appended) => Ok(appended.at(message.at)),
            Answer::Before(appended) => Ok(*appended),
            Answer::Refused(error) => Err(*error),
            Answer::SameKeyAs(first) => {
                let Answer::Stored(appended) = answer(*first)? else { return Err(MISSING.into()) };
                let first = messages.get(*first).ok_or(MISSING)?;
                if is_same(first, message) {
                    Ok(Appended { fresh: false, ..appended.at(first.at) })
                } else {
                    Err(AppendError::KeyConflict)
                }
            }
        });
    }
    Ok(answers)
}

/// Numbers in answers begin at 1.
fn place(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX).wrapping_sub(1)
}

fn is_same(first: &Append, second: &Append) -> bool {
    (first.author, first.conversation, &first.text) == (second.author, second.conversation, &second.text)
}

/// What `append_batch` says of one message.
enum Answer {
    Stored(Appended),
    /// Stored by an earlier batch.
    Before(Appended),
    /// The key was used by an earlier message of this batch.
    SameKeyAs(usize),
    Refused(AppendError),
}

impl Answer {
    fn read(row: &Row) -> Result<Self, Fault> {
        let appended = |fresh| -> Result<Appended, Fault> {
            let at: Option<Millis> = row.try_get("b")?;
            Ok(Appended {
                seq: Seq(row.number("a")?),
                at: at.unwrap_or_default(),
                fresh,
                members_at: Seq(row.number("c")?),
            })
        };
        let state: i32 = row.try_get("state")?;
        Ok(match state {
            0 => Self::Stored(appended(true)?),
            1 => Self::Refused(AppendError::SessionEnded),
            2 => Self::Refused(AppendError::UnknownConversation),
            3 => Self::Refused(AppendError::NotAMember),
            4 => Self::SameKeyAs(place(row.number("a")?)),
            5 => Self::Before(appended(false)?),
            6 => Self::Refused(AppendError::KeyConflict),
            _ => return Err(Trouble::Inconsistent("an unknown answer").into()),
        })
    }
}

impl Appended {
    /// The same with the time that the message itself brought.
    fn at(self, at: Millis) -> Self {
        Self { at, ..self }
    }
}
