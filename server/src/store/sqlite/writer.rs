//! The writer: one thread that owns the only connection that writes.
//!
//! It collects the jobs that are waiting, runs them in the order in which they came, each so that it can be undone
//! without the others, in one transaction, commits once, and only then answers each caller. So one fsync serves everybody who
//! waited for the one before, and a caller that has its answer knows that it is on the disk.
//!
//! A caller that goes away while it waits is not missed: its write happens all the same.

use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::cell::Cell;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use tokio::sync::{mpsc, oneshot, watch};
use trunkline_protocol::Position;

use crate::store::StoreError;
use crate::store::fault::{Fault, Trouble};
use crate::store::sql::Sql;

/// Jobs that may wait. A caller that finds the queue full waits too: four full groups are as far behind as a
/// writer should be before whoever feeds it feels it.
const QUEUE: usize = 4 * GROUP;
/// Jobs in one transaction. More would save no fsync worth having, but make the first wait for the last.
const GROUP: usize = 256;

/// The writer's handle. Dropping it finishes what is queued and joins the thread.
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
    /// What writes where there is no thread.
    here: Option<Here>,
    works: watch::Receiver<bool>,
}

/// A connection that writes on its caller's thread, each job in a transaction of its own.
struct Here {
    connection: Arc<Mutex<Connection>>,
    works: watch::Sender<bool>,
}

impl Here {
    fn run(&self, job: Box<dyn Job>) {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        settle(&mut connection, &mut vec![job], &self.works);
    }
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(connection: Connection) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let (tell, works) = watch::channel(true);
        let thread = thread::Builder::new().name("store-writer".into()).spawn(move || run(connection, queue, &tell))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread), here: None, works })
    }

    /// One without a thread: what is to be written is written before the caller goes on.
    pub(super) fn here(connection: Arc<Mutex<Connection>>) -> Self {
        let (tell, works) = watch::channel(true);
        Self { jobs: None, thread: None, here: Some(Here { connection, works: tell }), works }
    }

    /// Whether the last transaction could be committed.
    pub(super) fn works(&self) -> watch::Receiver<bool> {
        self.works.clone()
    }

    /// Runs `work` in a transaction and returns once that is committed.
    pub(super) async fn write<T, F>(&self, operation: &'static str, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Write<'_>) -> Result<T, Fault> + Send + 'static,
    {
        let closed = || Fault::from(Trouble::Closed).during(operation);
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Task { operation, work: Some(work), outcome: None, reply: Some(reply) });
        if let Some(here) = &self.here {
            here.run(job);
        } else {
            let jobs = self.jobs.as_ref().ok_or_else(closed)?;
            jobs.send(job).await.map_err(|_| closed())?;
        }
        answer.await.unwrap_or_else(|_| Err(closed()))
    }

    /// A way to the writer for a thread that may wait. It has to end before the writer can.
    pub(super) fn blocking(&self) -> Result<Blocking, Fault> {
        Ok(Blocking { jobs: self.jobs.clone().ok_or(Trouble::Closed)? })
    }

    /// Has `work` done some time, if there is room: for notes that nobody waits for.
    pub(super) fn note<F>(&self, operation: &'static str, work: F)
    where
        F: FnOnce(&Write<'_>) -> Result<(), Fault> + Send + 'static,
    {
        let job = Box::new(Task { operation, work: Some(work), outcome: None, reply: None });
        if let Some(here) = &self.here {
            here.run(job);
        } else if let Some(jobs) = &self.jobs {
            // Full or closed: the next use of whatever it is will note it again.
            let _unnoted = jobs.try_send(job);
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // The thread ends when its queue is closed and empty.
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

/// A way to the writer for a thread that may wait.
pub(super) struct Blocking {
    jobs: mpsc::Sender<Box<dyn Job>>,
}

impl Blocking {
    /// As [`Writer::write`].
    pub(super) fn write<T, F>(&self, operation: &'static str, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Write<'_>) -> Result<T, Fault> + Send + 'static,
    {
        let closed = || Fault::from(Trouble::Closed).during(operation);
        let (reply, answer) = oneshot::channel();
        let job = Task { operation, work: Some(work), outcome: None, reply: Some(reply) };
        self.jobs.blocking_send(Box::new(job)).map_err(|_| closed())?;
        answer.blocking_recv().unwrap_or_else(|_| Err(closed()))
    }
}

/// The transaction that a job writes in. Reads as a connection.
pub(super) struct Write<'a> {
    transaction: &'a Transaction<'a>,
    position: Position,
    used: Cell<bool>,
}

impl<'a> Write<'a> {
    pub(super) fn begin(transaction: &'a Transaction<'a>) -> rusqlite::Result<Self> {
        let last = super::rows::position(transaction)?;
        Ok(Self { transaction, position: Position(last.0 + 1), used: Cell::new(false) })
    }

    /// The position of this transaction, for rows that nodes or devices must learn of. All jobs of the
    /// transaction share it: they become visible together. There is one writer at a time, so positions become
    /// visible in their order.
    pub(super) fn position(&self) -> Position {
        self.used.set(true);
        self.position
    }

    /// The same, for rows that may turn out to be there already: it counts once [`Write::position`] is called.
    pub(super) fn next_position(&self) -> Position {
        self.position
    }

    fn finish(&self) -> rusqlite::Result<()> {
        if self.used.get() {
            self.prepare_cached("UPDATE meta SET position = ?1")?.execute([self.position.sql()])?;
        }
        Ok(())
    }
}

impl Deref for Write<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.transaction
    }
}

/// Something to be written, of any result type.
trait Job: Send {
    /// Does the work. `false` asks for it to be undone.
    fn run(&mut self, write: &Write<'_>) -> bool;

    /// Answers the caller, when the transaction was committed or has failed.
    fn answer(&mut self, transaction: Result<(), Trouble>);
}

struct Task<T, F> {
    operation: &'static str,
    work: Option<F>,
    outcome: Option<Result<T, Fault>>,
    reply: Option<oneshot::Sender<Result<T, StoreError>>>,
}

impl<T, F> Job for Task<T, F>
where
    T: Send,
    F: FnOnce(&Write<'_>) -> Result<T, Fault> + Send,
{
    fn run(&mut self, write: &Write<'_>) -> bool {
        let Some(work) = self.work.take() else { return false };
        // A defect in one job must not take the writer, and with it every later write, along. Its savepoint is
        // undone, so it leaves nothing half done behind.
        let outcome = catch_unwind(AssertUnwindSafe(|| work(write))).unwrap_or_else(|_| Err(Trouble::Panicked.into()));
        let keep = outcome.is_ok();
        self.outcome = Some(outcome);
        keep
    }

    fn answer(&mut self, transaction: Result<(), Trouble>) {
        // Where the transaction failed, a refusal is void too: it may rest on what another job of it had written.
        let outcome = match (transaction, self.outcome.take()) {
            (Ok(()), Some(outcome)) => outcome,
            (Ok(()), None) => Err(Trouble::Closed.into()),
            (Err(trouble), _) => Err(trouble.into()),
        };
        if let Some(reply) = self.reply.take() {
            // The caller may have gone.
            let _gone = reply.send(outcome.map_err(|fault| fault.during(self.operation)));
        }
    }
}

fn run(mut connection: Connection, mut queue: mpsc::Receiver<Box<dyn Job>>, works: &watch::Sender<bool>) {
    let mut group = Vec::with_capacity(GROUP);
    while let Some(first) = queue.blocking_recv() {
        group.push(first);
        while group.len() < GROUP
            && let Ok(next) = queue.try_recv()
        {
            group.push(next);
        }
        settle(&mut connection, &mut group, works);
    }
    // Leaves one file behind rather than three. Another process that still reads makes this fail, and will do
    // it itself.
    let _busy = connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
}

/// Does the group's work and answers its callers.
fn settle(connection: &mut Connection, group: &mut Vec<Box<dyn Job>>, works: &watch::Sender<bool>) {
    let committed = commit(connection, group).map_err(|error| Trouble::Transaction(Arc::new(error) as Arc<_>));
    // Before the answers: whoever is told that the store can not write finds the node not ready.
    works.send_if_modified(|known| std::mem::replace(known, committed.is_ok()) != committed.is_ok());
    for mut job in group.drain(..) {
        job.answer(committed.clone());
    }
}

fn commit(connection: &mut Connection, group: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let write = Write::begin(&transaction)?;
    if let [only] = group {
        // Nobody else's work is in the transaction. Undoing all of it is cheaper than a savepoint, which keeps a copy of
        // each page that is written.
        if !only.run(&write) {
            return transaction.rollback();
        }
    } else {
        for job in group {
            apart(&write, job.as_mut())?;
        }
    }
    write.finish()?;
    transaction.commit()
}

/// Does a job so that it can be undone without the others.
fn apart(write: &Write<'_>, job: &mut dyn Job) -> rusqlite::Result<()> {
    write.prepare_cached("SAVEPOINT job")?.execute([])?;
    if !job.run(write) {
        // Fails if the engine, for want of disk or memory, has already undone the whole transaction: then
        // nobody's work is in it any more, and this error is everybody's.
        write.prepare_cached("ROLLBACK TO job")?.execute([])?;
    }
    write.prepare_cached("RELEASE job")?.execute([])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs one group of jobs that each write a number. Returns their answers and the sum of what was kept.
    fn commit_all(numbers: &[i64]) -> (Vec<Result<(), StoreError>>, i64) {
        let mut connection = database();
        let (mut group, mut answers) = (Vec::new(), Vec::new());
        for number in numbers.iter().copied() {
            let work = move |write: &Write<'_>| {
                write.position();
                write.execute("INSERT INTO numbers VALUES (?1)", [number])?;
                assert!(number != 13, "what a defect looks like");
                if number == 42 { Err(StoreError::Forbidden.into()) } else { Ok(()) }
            };
            let (reply, answer) = oneshot::channel();
            let task = Task { operation: "count", work: Some(work), outcome: None, reply: Some(reply) };
            group.push(Box::new(task) as Box<dyn Job>);
            answers.push(answer);
        }
        let committed =
            commit(&mut connection, &mut group).map_err(|error| Trouble::Transaction(Arc::new(error) as Arc<_>));
        for mut job in group {
            job.answer(committed.clone());
        }
        let answers = answers.into_iter().map(|answer| answer.blocking_recv().unwrap_or(Ok(()))).collect();
        let sum = connection.query_row("SELECT coalesce(sum(n), 0) FROM numbers", [], |row| row.get(0));
        (answers, sum.unwrap_or(-1))
    }

    /// A table that refuses 1000, and whose disk is full at 999.
    fn database() -> Connection {
        let opened = Connection::open_in_memory().and_then(|connection| {
            connection.execute_batch(
                "CREATE TABLE meta (position INTEGER); INSERT INTO meta VALUES (0);
                 CREATE TABLE numbers (n INTEGER CHECK (n < 1000));
                 CREATE TRIGGER full BEFORE INSERT ON numbers WHEN new.n = 999
                     BEGIN SELECT raise(ROLLBACK, 'the disk is full'); END;",
            )?;
            Ok(connection)
        });
        match opened {
            Ok(connection) => connection,
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn a_job_that_is_refused_fails_or_panics_leaves_nothing_and_takes_nobody_along() {
        let (answers, sum) = commit_all(&[1, 42, 2, 1000, 3, 13, 4]);
        assert_eq!(sum, 1 + 2 + 3 + 4);
        assert!(matches!(answers[1], Err(StoreError::Forbidden)));
        for failed in [&answers[3], &answers[5]] {
            assert!(matches!(failed, Err(StoreError::Unavailable { operation: "count", .. })));
        }
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 4);
    }

    #[test]
    fn where_the_engine_gives_up_the_transaction_nobody_is_told_ok() {
        let (answers, sum) = commit_all(&[1, 42, 999, 2]);
        assert_eq!(sum, 0);
        for answer in answers {
            assert!(matches!(answer, Err(StoreError::Unavailable { .. })));
        }
    }

    #[test]
    fn a_job_that_is_alone_is_undone_with_its_transaction_and_hears_why() {
        let (answers, sum) = commit_all(&[42]);
        assert!(sum == 0 && matches!(answers[..], [Err(StoreError::Forbidden)]));
        for number in [1000, 13, 999] {
            let (answers, sum) = commit_all(&[number]);
            assert!(sum == 0 && matches!(answers[..], [Err(StoreError::Unavailable { .. })]), "{number}");
        }
        let (answers, sum) = commit_all(&[7]);
        assert!(sum == 7 && matches!(answers[..], [Ok(())]));
    }
}
