//! Appending messages: the path that everything else makes room for.
//!
//! A batch costs one statement a message, because whatever several messages of a batch ask for (the right to
//! post, the head of a conversation) is read once, kept up in memory, and written once at the end.

use rusqlite::{CachedStatement, OptionalExtension};
use std::collections::HashMap;
use trunkline_protocol::{ConversationId, Millis, SendKey, Seq, UserId};

use super::sessions;
use super::writer::Write;
use crate::store::fault::{Fault, Trouble};
use crate::store::sql::Sql;
use crate::store::{Append, AppendError, Appended, Credential};

/// [`crate::store::Store::append`].
pub(super) fn append(write: &Write<'_>, messages: &[Append]) -> Result<Vec<Result<Appended, AppendError>>, Fault> {
    let mut batch = Batch::new(write)?;
    let answers = messages.iter().map(|message| batch.append(message)).collect::<Result<_, _>>()?;
    batch.finish()?;
    Ok(answers)
}

/// What is known of a conversation while a batch runs.
struct Log {
    head: Seq,
    members_at: Seq,
    /// How many messages this batch has added.
    fresh: u64,
}

struct Batch<'w> {
    write: &'w Write<'w>,
    insert: CachedStatement<'w>,
    /// Until when each may post; `None` if not at all.
    credentials: HashMap<(Credential, UserId), Option<Millis>>,
    logs: HashMap<ConversationId, Option<Log>>,
    /// How many messages each member has posted in this batch; `None` for who is no member.
    members: HashMap<(ConversationId, UserId), Option<u64>>,
}

impl<'w> Batch<'w> {
    fn new(write: &'w Write<'w>) -> Result<Self, Fault> {
        // A key that is there already inserts nothing: the usual case, a new key, needs no look-up of its own.
        const INSERT: &str = "INSERT INTO changes (conversation, seq, position, at, author, key, text)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (key) WHERE key IS NOT NULL DO NOTHING";
        Ok(Self {
            write,
            insert: write.prepare_cached(INSERT)?,
            credentials: HashMap::new(),
            logs: HashMap::new(),
            members: HashMap::new(),
        })
    }

    /// The outer error means that the engine failed, the inner one that this message is refused.
    fn append(&mut self, message: &Append) -> Result<Result<Appended, AppendError>, Fault> {
        if !self.may_post(message)? {
            return Ok(Err(AppendError::SessionEnded));
        }
        let (conversation, author) = (message.conversation, message.author);
        if !self.find_log(conversation)? {
            return Ok(Err(AppendError::UnknownConversation));
        }
        if !self.find_member(conversation, author)? {
            // The answer to a key is the same for ever, so also after its author was removed.
            return self.repeated(message, AppendError::NotAMember);
        }
        let Some(Some(log)) = self.logs.get_mut(&conversation) else {
            return Err(Trouble::Inconsistent("a conversation that was found is gone").into());
        };
        let position = self.write.next_position();
        let seq = log.head.next();
        let Append { at, key, text, .. } = message;
        let row = (conversation.sql(), seq.sql(), position.sql(), at, author.sql(), key.0, text);
        if self.insert.execute(row)? == 0 {
            return self.repeated(message, AppendError::KeyConflict);
        }
        log.head = seq;
        log.fresh += 1;
        let members_at = log.members_at;
        if let Some(Some(posted)) = self.members.get_mut(&(conversation, author)) {
            *posted += 1;
        }
        Ok(Ok(Appended { seq, at: message.at, fresh: true, members_at }))
    }

    fn may_post(&mut self, message: &Append) -> Result<bool, Fault> {
        let who = (message.credential, message.author);
        let until = match self.credentials.get(&who) {
            Some(known) => *known,
            None => {
                let until = sessions::good_until(self.write, message.credential, message.author)?;
                self.credentials.insert(who, until);
                until
            }
        };
        Ok(until.is_some_and(|until| message.at < until))
    }

    fn find_log(&mut self, conversation: ConversationId) -> Result<bool, Fault> {
        const SQL: &str = "SELECT head, members_at FROM conversations WHERE id = ?1";
        if let Some(known) = self.logs.get(&conversation) {
            return Ok(known.is_some());
        }
        let log = self
            .write
            .prepare_cached(SQL)?
            .query_row([conversation.sql()], |row| {
                Ok(Log { head: Seq(row.get(0)?), members_at: Seq(row.get(1)?), fresh: 0 })
            })
            .optional()?;
        let exists = log.is_some();
        self.logs.insert(conversation, log);
        Ok(exists)
    }

    fn find_member(&mut self, conversation: ConversationId, user: UserId) -> Result<bool, Fault> {
        const SQL: &str = "SELECT 1 FROM members WHERE conversation = ?1 AND user = ?2 AND left IS NULL";
        if let Some(known) = self.members.get(&(conversation, user)) {
            return Ok(known.is_some());
        }
        let found = self.write.prepare_cached(SQL)?.exists((conversation.sql(), user.sql()))?;
        self.members.insert((conversation, user), found.then_some(0));
        Ok(found)
    }

    /// The answer to a key that may have been used before; `otherwise` if it was not.
    fn repeated(&self, message: &Append, otherwise: AppendError) -> Result<Result<Appended, AppendError>, Fault> {
        let Some(first) = find_key(self.write, message.key)? else { return Ok(Err(otherwise)) };
        let same = first.author == message.author
            && first.conversation == message.conversation
            && first.text.as_deref() == Some(&message.text);
        let Some(Some(log)) = self.logs.get(&message.conversation).filter(|_| same) else {
            return Ok(Err(AppendError::KeyConflict));
        };
        Ok(Ok(Appended { seq: first.seq, at: first.at, fresh: false, members_at: log.members_at }))
    }

    fn finish(self) -> Result<(), Fault> {
        const GROWN: &str = "UPDATE conversations SET head = ?2, last_message = ?2, messages = messages + ?3,
            changed = ?4, touched = ?4 WHERE id = ?1";
        const POSTED: &str = "UPDATE members SET own = own + ?3 WHERE conversation = ?1 AND user = ?2";
        let mut grown = self.write.prepare_cached(GROWN)?;
        for (conversation, log) in &self.logs {
            if let Some(Log { head, fresh: fresh @ 1.., .. }) = log {
                grown.execute((conversation.sql(), head.sql(), fresh, self.write.position().sql()))?;
            }
        }
        let mut posted = self.write.prepare_cached(POSTED)?;
        for ((conversation, user), count) in &self.members {
            if let Some(count @ 1..) = count {
                posted.execute((conversation.sql(), user.sql(), count))?;
            }
        }
        Ok(())
    }
}

/// What a key was first used for.
struct First {
    conversation: ConversationId,
    seq: Seq,
    at: Millis,
    author: UserId,
    text: Option<String>,
}

fn find_key(write: &Write<'_>, key: SendKey) -> rusqlite::Result<Option<First>> {
    const SQL: &str = "SELECT conversation, seq, at, author, text FROM changes WHERE key = ?1";
    write
        .prepare_cached(SQL)?
        .query_row([key.0], |row| {
            Ok(First {
                conversation: ConversationId(row.get(0)?),
                seq: Seq(row.get(1)?),
                at: row.get(2)?,
                author: UserId(row.get(3)?),
                text: row.get(4)?,
            })
        })
        .optional()
}
