//! Rows as the protocol's types, and text as PostgreSQL takes it.

use crate::store::fault::{Fault, Trouble};
use bytes::BytesMut;
use std::borrow::Cow;
use std::error::Error;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use trunkline_protocol::{Change, ChangeBody, ConversationId, SendKey, Seq, User, UserId};
use uuid::Uuid;

/// PostgreSQL's text has no U+0000. It is written as this, which no text has any use for (Unicode says that it never
/// will be a character), and a digit that says which of the two it was.
const DISGUISE: char = '\u{FFFF}';

/// Text of ours on its way into the database.
#[derive(Debug)]
pub(super) struct Text<'a>(Cow<'a, str>);

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self(disguise(text))
    }
}

/// Text as the database takes it.
pub(super) fn disguise(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', DISGUISE]) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace(DISGUISE, "\u{FFFF}1").replace('\0', "\u{FFFF}0"))
}

/// Text as it was.
pub(super) fn reveal(text: &str) -> String {
    if text.contains(DISGUISE) {
        text.replace("\u{FFFF}0", "\0").replace("\u{FFFF}1", "\u{FFFF}")
    } else {
        text.to_owned()
    }
}

impl ToSql for Text<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.0.as_ref().to_sql(ty, out)
    }

    fn accepts(ty: &Type) -> bool {
        <&str as ToSql>::accepts(ty)
    }

    to_sql_checked!();
}

/// Text of ours that came out of the database.
pub(super) struct Plain(pub(super) String);

impl<'a> FromSql<'a> for Plain {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(reveal(<&str>::from_sql(ty, raw)?)))
    }

    fn accepts(ty: &Type) -> bool {
        <&str as FromSql>::accepts(ty)
    }
}

/// What every row can be asked for.
pub(super) trait Columns {
    /// A number that is never negative.
    fn number(&self, column: &str) -> Result<u64, Fault>;
    /// The same where there may be none.
    fn number_if_any(&self, column: &str) -> Result<Option<u64>, Fault>;
    /// Text.
    fn text(&self, column: &str) -> Result<String, Fault>;
    /// Numbers; none where there is no array.
    fn numbers(&self, column: &str) -> Result<Vec<u64>, Fault>;
    /// Texts; none where there is no array.
    fn texts(&self, column: &str) -> Result<Vec<String>, Fault>;
}

impl Columns for Row {
    fn number(&self, column: &str) -> Result<u64, Fault> {
        unsigned(self.try_get(column)?)
    }

    fn number_if_any(&self, column: &str) -> Result<Option<u64>, Fault> {
        self.try_get::<_, Option<i64>>(column)?.map(unsigned).transpose()
    }

    fn text(&self, column: &str) -> Result<String, Fault> {
        Ok(self.try_get::<_, Plain>(column)?.0)
    }

    fn numbers(&self, column: &str) -> Result<Vec<u64>, Fault> {
        let numbers: Option<Vec<i64>> = self.try_get(column)?;
        numbers.unwrap_or_default().into_iter().map(unsigned).collect()
    }

    fn texts(&self, column: &str) -> Result<Vec<String>, Fault> {
        let texts: Option<Vec<Plain>> = self.try_get(column)?;
        Ok(texts.unwrap_or_default().into_iter().map(|text| text.0).collect())
    }
}

fn unsigned(number: i64) -> Result<u64, Fault> {
    u64::try_from(number).map_err(|_| Trouble::Inconsistent("a negative number").into())
}

/// A user from the columns `id`, `name` and `display_name`.
pub(super) fn user(row: &Row) -> Result<User, Fault> {
    Ok(User { id: UserId(row.number("id")?), name: row.text("name")?, display_name: row.text("display_name")? })
}

/// Users from arrays of their ids, names and display names.
pub(super) fn users(row: &Row, [ids, names, shown]: [&str; 3]) -> Result<Vec<User>, Fault> {
    let users = row.numbers(ids)?.into_iter().zip(row.texts(names)?).zip(row.texts(shown)?);
    Ok(users.map(|((id, name), display_name)| User { id: UserId(id), name, display_name }).collect())
}

/// A change from the columns `seq`, `at`, `author`, `key`, `text` and `event`.
pub(super) fn change(row: &Row, conversation: ConversationId) -> Result<Change, Fault> {
    let body = match row.try_get::<_, Option<Plain>>("text")? {
        Some(Plain(text)) => ChangeBody::Posted { text },
        None => serde_json::from_str(row.try_get("event")?)?,
    };
    Ok(Change {
        conversation,
        seq: Seq(row.number("seq")?),
        at: row.try_get("at")?,
        author: UserId(row.number("author")?),
        key: row.try_get::<_, Option<Uuid>>("key")?.map(SendKey),
        body,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_comes_back_as_it_was() {
        for text in ["", "plain", "a\0b", "\u{FFFF}0", "\0\u{FFFF}\0", "\u{FFFF}1\u{FFFF}", "\u{FFFF}\u{FFFF}10"] {
            let mut bytes = BytesMut::new();
            let written = Text::from(text).to_sql(&Type::TEXT, &mut bytes);
            assert!(written.is_ok() && !bytes.contains(&0), "{text:?}");
            let read = Plain::from_sql(&Type::TEXT, &bytes).map(|plain| plain.0).ok();
            assert_eq!(read.as_deref(), Some(text));
        }
    }
}
