//! The indexer: a thread that brings the index for searching up to date in quiet moments.
//!
//! Appending a message costs nothing for it: what is not indexed yet is searched in the log itself. In steps of some
//! hundred messages the indexer reads what is new, cuts it into terms, and hands the writer the finished rows. While
//! messages come fast it leaves the machine to them, until too much is waiting. The same way a file is indexed that
//! was made before there was an index.
//!
//! Several processes may share the file; whoever comes first writes a step, and the other finds it done.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use std::collections::HashMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::sync::oneshot;
use trunkline_protocol::{ConversationId, Millis, Position, Seq};

use super::readers::Readers;
use super::search::{first_id, id_after};
use super::writer::{Blocking, Write, Writer};
use crate::search::{INDEX, STEP, is_time, place, terms};
use crate::store::StoreError;
use crate::store::fault::{Fault, Trouble};
use crate::store::sql::Sql;

/// How often it looks whether there is something to do.
const EVERY: Duration = Duration::from_secs(1);
/// Those who may wait for an answer of [`Indexer::run`]: more only if many ask at once, which nobody does.
const REQUESTS: usize = 16;

/// Somebody who waits until everything is indexed.
type Request = oneshot::Sender<Result<(), StoreError>>;

/// The indexer's handle. Dropping it ends the thread after the step it is at.
pub(super) struct Indexer {
    requests: Option<SyncSender<Request>>,
    thread: Option<JoinHandle<()>>,
}

impl Indexer {
    /// Starts the thread, with a connection that reads.
    pub(super) fn start(connection: Connection, writer: Blocking) -> std::io::Result<Self> {
        let (requests, queue) = sync_channel(REQUESTS);
        let worker = Worker { connection, writer, queue, waiting: Vec::new(), left: 0 };
        let thread = thread::Builder::new().name("store-indexer".into()).spawn(move || worker.run())?;
        Ok(Self { requests: Some(requests), thread: Some(thread) })
    }

    /// Indexes everything that is there now.
    pub(super) async fn run(&self) -> Result<(), StoreError> {
        let closed = || Fault::from(Trouble::Closed).during(INDEX);
        let (reply, answer) = oneshot::channel();
        match self.requests.as_ref().ok_or_else(closed)?.try_send(reply) {
            Ok(()) => answer.await.unwrap_or_else(|_| Err(closed())),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Err(closed()),
        }
    }
}

impl Drop for Indexer {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

/// Indexes everything that is there now, for a store that has no thread for it.
pub(super) async fn catch_up(readers: &Readers, writer: &Writer) -> Result<(), StoreError> {
    while let Some(step) = readers.read(INDEX, |read| Ok(Step::next(read)?)).await? {
        writer.write(INDEX, move |write| step.write(write)).await?;
    }
    Ok(())
}

struct Worker {
    connection: Connection,
    writer: Blocking,
    queue: Receiver<Request>,
    waiting: Vec<Request>,
    /// Changes that were not indexed when it looked last.
    left: u64,
}

impl Worker {
    fn run(mut self) {
        let mut works = true;
        loop {
            match self.queue.recv_timeout(EVERY) {
                Ok(request) => self.waiting.push(request),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let outcome = self.round();
            if let Err(error) = &outcome
                && std::mem::replace(&mut works, false)
            {
                tracing::warn!(%error, "messages can not be indexed; they are searched in the log meanwhile");
            }
            works |= outcome.is_ok();
            if let Some(request) = self.waiting.pop() {
                // The others wait for the next round, which has nothing to do and is over at once.
                let _gone = request.send(outcome);
            }
        }
    }

    /// Indexes what is new, if this is the time for it.
    fn round(&mut self) -> Result<(), StoreError> {
        let left = snapshot(&mut self.connection, unindexed)?;
        let before = std::mem::replace(&mut self.left, left);
        if self.waiting.is_empty() && !is_time(before, left) {
            return Ok(());
        }
        while let Some(step) = snapshot(&mut self.connection, Step::next)? {
            self.writer.write(INDEX, move |write| step.write(write))?;
            match self.queue.try_recv() {
                Ok(request) => self.waiting.push(request),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => break,
            }
        }
        self.left = 0;
        Ok(())
    }
}

fn snapshot<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> Result<T, StoreError> {
    let read = || {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Deferred)?;
        work(&transaction)
    };
    read().map_err(|error| Fault::from(error).during(INDEX))
}

/// How many changes are not indexed.
fn unindexed(connection: &Connection) -> rusqlite::Result<u64> {
    const SQL: &str = "SELECT coalesce(sum(c.head - coalesce(l.seq, 0)), 0) FROM conversations c
        LEFT JOIN search_logs l ON l.conversation = c.id
        WHERE (c.changed, c.id) > (SELECT changed, conversation FROM search_state)";
    connection.prepare_cached(SQL)?.query_row([], |row| row.get(0))
}

/// How far the index is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    changed: Position,
    conversation: ConversationId,
}

impl State {
    fn read(connection: &Connection) -> rusqlite::Result<Self> {
        const SQL: &str = "SELECT changed, conversation FROM search_state";
        connection
            .prepare_cached(SQL)?
            .query_row([], |row| Ok(Self { changed: Position(row.get(0)?), conversation: ConversationId(row.get(1)?) }))
    }
}

/// A message as it is indexed.
struct Row {
    at: Millis,
    conversation: ConversationId,
    seq: Seq,
    terms: String,
}

/// A part of the log, ready to be written into the index.
struct Step {
    from: State,
    to: State,
    /// How far each of these logs is indexed with this.
    logs: Vec<(ConversationId, Seq)>,
    rows: Vec<Row>,
}

impl Step {
    /// The next one; `None` if everything is indexed.
    fn next(connection: &Connection) -> rusqlite::Result<Option<Self>> {
        const LOGS: &str = "SELECT c.id, c.changed, c.head, coalesce(l.seq, 0) FROM conversations c
            LEFT JOIN search_logs l ON l.conversation = c.id
            WHERE (c.changed, c.id) > (?1, ?2) ORDER BY c.changed, c.id";
        let from = State::read(connection)?;
        let mut step = Self { from, to: from, logs: Vec::new(), rows: Vec::new() };
        let mut statement = connection.prepare_cached(LOGS)?;
        let mut logs = statement.query((from.changed.sql(), from.conversation.sql()))?;
        let mut room = STEP;
        while let Some(row) = logs.next()? {
            let (conversation, changed) = (ConversationId(row.get(0)?), Position(row.get(1)?));
            let (head, indexed) = (Seq(row.get(2)?), Seq(row.get(3)?));
            let end = head.min(Seq(indexed.0 + room as u64));
            step.read(connection, conversation, indexed.next(), end)?;
            room -= usize::try_from(end.0.saturating_sub(indexed.0)).unwrap_or(room);
            step.logs.push((conversation, end));
            if end == head {
                step.to = State { changed, conversation };
            }
            if room == 0 || step.logs.len() == STEP {
                break;
            }
        }
        step.rows.sort_unstable_by_key(|row| (row.at, row.conversation, row.seq));
        Ok((!step.logs.is_empty()).then_some(step))
    }

    fn read(&mut self, connection: &Connection, log: ConversationId, from: Seq, to: Seq) -> rusqlite::Result<()> {
        const SQL: &str = "SELECT seq, at, text FROM changes
            WHERE conversation = ?1 AND seq BETWEEN ?2 AND ?3 AND text IS NOT NULL";
        let mut statement = connection.prepare_cached(SQL)?;
        let rows = statement.query_map((log.sql(), from.sql(), to.sql()), |row| {
            let mut terms = terms(row.get_ref(2)?.as_str()?);
            terms.push(place(log));
            Ok(Row { conversation: log, seq: Seq(row.get(0)?), at: row.get(1)?, terms: terms.join(" ") })
        })?;
        for row in rows {
            self.rows.push(row?);
        }
        Ok(())
    }

    fn write(self, write: &Write<'_>) -> Result<(), Fault> {
        const TERMS: &str = "INSERT INTO search_terms (rowid, terms) VALUES (?1, ?2)";
        const ROW: &str = "INSERT INTO search_rows (id, conversation, seq) VALUES (?1, ?2, ?3)";
        const LOG: &str = "INSERT INTO search_logs (conversation, seq) VALUES (?1, ?2)
            ON CONFLICT (conversation) DO UPDATE SET seq = excluded.seq";
        const STATE: &str = "UPDATE search_state SET changed = ?1, conversation = ?2";
        // Another process may have been faster: of logs that it has taken further, nothing is written twice.
        let mut done = HashMap::new();
        for (conversation, _) in &self.logs {
            done.insert(*conversation, indexed(write, *conversation)?);
        }
        let (mut put_terms, mut put_row) = (write.prepare_cached(TERMS)?, write.prepare_cached(ROW)?);
        for row in &self.rows {
            if row.seq <= done.get(&row.conversation).copied().unwrap_or_default() {
                continue;
            }
            let id = free_id(write, row.at)?;
            put_terms.execute((id, &row.terms))?;
            put_row.execute((id, row.conversation.sql(), row.seq.sql()))?;
        }
        let mut put_log = write.prepare_cached(LOG)?;
        for (conversation, seq) in self.logs {
            if done.get(&conversation).is_none_or(|done| *done < seq) {
                put_log.execute((conversation.sql(), seq.sql()))?;
            }
        }
        if State::read(write)? == self.from {
            write.prepare_cached(STATE)?.execute((self.to.changed.sql(), self.to.conversation.sql()))?;
        }
        Ok(())
    }
}

fn indexed(write: &Write<'_>, conversation: ConversationId) -> rusqlite::Result<Seq> {
    const SQL: &str = "SELECT seq FROM search_logs WHERE conversation = ?1";
    let seq = write.prepare_cached(SQL)?.query_row([conversation.sql()], |row| row.get(0)).optional()?;
    Ok(Seq(seq.unwrap_or(0)))
}

/// The next id of a moment.
fn free_id(write: &Write<'_>, at: Millis) -> rusqlite::Result<i64> {
    const SQL: &str = "SELECT max(id) FROM search_rows WHERE id >= ?1 AND id < ?2";
    let first = first_id(at);
    let last: Option<i64> = write.prepare_cached(SQL)?.query_row((first, id_after(at)), |row| row.get(0))?;
    Ok(last.map_or(first, |last| last + 1))
}

/// Takes steps until there are none. Returns how many it were.
#[cfg(test)]
pub(super) fn index(connection: &mut Connection) -> Result<usize, Fault> {
    let mut steps = 0;
    while let Some(step) = Step::next(connection)? {
        write_alone(connection, step)?;
        steps += 1;
    }
    Ok(steps)
}

#[cfg(test)]
fn write_alone(connection: &mut Connection, step: Step) -> Result<(), Fault> {
    let transaction = connection.transaction()?;
    step.write(&Write::begin(&transaction)?)?;
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::migrations;
    use super::*;

    /// A file with logs of these lengths, of which two share a position, as several of one commit do.
    fn database(heads: &[u64]) -> Result<Connection, Fault> {
        let mut connection = Connection::open_in_memory()?;
        migrations::migrate(&mut connection)?;
        for (conversation, head) in (1_u64..).zip(heads) {
            let changed = conversation.div_ceil(2);
            let log = (conversation, head, changed);
            connection.execute(
                "INSERT INTO conversations (id, kind, created, head, changed, touched) VALUES (?1, 'direct', 0, ?2, ?3, ?3)",
                log,
            )?;
            for seq in 1..=*head {
                connection.execute(
                    "INSERT INTO changes (conversation, seq, position, at, author, text) VALUES (?1, ?2, 1, 7, 1, 'word')",
                    (conversation, seq),
                )?;
            }
        }
        Ok(connection)
    }

    /// Two processes take the same steps.
    fn index_twice(connection: &mut Connection) -> Result<usize, Fault> {
        let mut steps = 0;
        while let (Some(mine), Some(theirs)) = (Step::next(connection)?, Step::next(connection)?) {
            write_alone(connection, mine)?;
            write_alone(connection, theirs)?;
            steps += 1;
        }
        Ok(steps)
    }

    fn rows(connection: &Connection) -> rusqlite::Result<(u64, u64)> {
        let found = "SELECT count(*) FROM search_terms WHERE search_terms MATCH 'word'";
        let all = "SELECT count(DISTINCT conversation * 1000000 + seq) FROM search_rows";
        Ok((connection.query_row(found, [], |row| row.get(0))?, connection.query_row(all, [], |row| row.get(0))?))
    }

    #[test]
    fn each_message_is_indexed_once_in_bounded_steps() -> Result<(), Fault> {
        for index in [index, index_twice] {
            let mut connection = database(&[3, 2 * STEP as u64 + 5, 0, 40, 1])?;
            let total = 3 + 2 * STEP as u64 + 5 + 40 + 1;
            assert_eq!(unindexed(&connection)?, total);
            let steps = index(&mut connection)?;
            assert!((3..=4).contains(&steps), "{steps}");
            assert_eq!(rows(&connection)?, (total, total));
            assert_eq!(unindexed(&connection)?, 0);
            // What comes later is found by the position it moves its conversation to.
            connection.execute_batch(
                "INSERT INTO changes (conversation, seq, position, at, author, text) VALUES (4, 41, 9, 7, 1, 'word');
                 UPDATE conversations SET head = 41, changed = 9 WHERE id = 4",
            )?;
            assert_eq!((unindexed(&connection)?, index(&mut connection)?), (1, 1));
            assert_eq!(rows(&connection)?, (total + 1, total + 1));
        }
        Ok(())
    }
}
