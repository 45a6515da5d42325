//! The writer: one thread that owns the only connection that writes.
//!
//! It collects the jobs that are waiting, runs them in the order in which they came, each inside a savepoint,
//! in one transaction, commits once, and only then answers each caller. So one fsync serves everybody who
//! waited for the one before, and a caller that has its answer knows that it is on the disk.
//!
//! A caller that goes away while it waits is not missed: its write happens all the same.

use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::cell::Cell;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use tokio::sync::{mpsc, oneshot};
use trunkline_protocol::Position;

use super::fault::{Fault, Trouble};
use super::rows::Sql;
use crate::store::StoreError;

/// Jobs that may wait. A caller that finds the queue full waits too: four full groups are as far behind as a
/// writer should be before whoever feeds it feels it.
const QUEUE: usize = 4 * GROUP;
/// Jobs in one transaction. More would save no fsync worth having, but make the first wait for the last.
const GROUP: usize = 256;

/// The writer's handle. Dropping it finishes what is queued and joins the thread.
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(connection: Connection) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let thread = thread::Builder::new().name("store-writer".into()).spawn(move || run(connection, queue))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Runs `work` in a transaction and returns once that is committed.
    pub(super) async fn write<T, F>(&self, operation: &'static str, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Write<'_>) -> Result<T, Fault> + Send + 'static,
    {
        let closed = || Fault::from(Trouble::Closed).during(operation);
        let (reply, answer) = oneshot::channel();
        let job = Task { operation, work: Some(work), outcome: None, reply: Some(reply) };
        let jobs = self.jobs.as_ref().ok_or_else(closed)?;
        jobs.send(Box::new(job)).await.map_err(|_| closed())?;
        answer.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Has `work` done some time, if there is room: for notes that nobody waits for.
    pub(super) fn note<F>(&self, operation: &'static str, work: F)
    where
        F: FnOnce(&Write<'_>) -> Result<(), Fault> + Send + 'static,
    {
        let job = Task { operation, work: Some(work), outcome: None, reply: None };
        if let Some(jobs) = &self.jobs {
            // Full or closed: the next use of whatever it is will note it again.
            let _unnoted = jobs.try_send(Box::new(job));
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

/// The transaction that a job writes in. Reads as a connection.
pub(super) struct Write<'a> {
    transaction: &'a Transaction<'a>,
    position: Position,
    used: Cell<bool>,
}

impl<'a> Write<'a> {
    fn begin(transaction: &'a Transaction<'a>) -> rusqlite::Result<Self> {
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
        let outcome = match (transaction, self.outcome.take()) {
            // What was refused is refused whatever became of the transaction.
            (_, Some(Err(fault))) => Err(fault),
            (Ok(()), Some(done)) => done,
            (Err(trouble), _) => Err(trouble.into()),
            (Ok(()), None) => Err(Trouble::Closed.into()),
        };
        if let Some(reply) = self.reply.take() {
            // The caller may have gone.
            let _gone = reply.send(outcome.map_err(|fault| fault.during(self.operation)));
        }
    }
}

fn run(mut connection: Connection, mut queue: mpsc::Receiver<Box<dyn Job>>) {
    let mut group = Vec::with_capacity(GROUP);
    while let Some(first) = queue.blocking_recv() {
        group.push(first);
        while group.len() < GROUP
            && let Ok(next) = queue.try_recv()
        {
            group.push(next);
        }
        let committed = commit(&mut connection, &mut group).map_err(|error| Trouble::Transaction(Arc::new(error)));
        for mut job in group.drain(..) {
            job.answer(committed.clone());
        }
    }
    // Leaves one file behind rather than three. Another process that still reads makes this fail, and will do
    // it itself.
    let _busy = connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
}

fn commit(connection: &mut Connection, group: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let write = Write::begin(&transaction)?;
    for job in group {
        transaction.prepare_cached("SAVEPOINT job")?.execute([])?;
        let keep = job.run(&write);
        if !keep {
            // Fails if the engine, for want of disk or memory, has already undone the whole transaction: then
            // nobody's work is in it any more, and this error is everybody's.
            transaction.prepare_cached("ROLLBACK TO job")?.execute([])?;
        }
        transaction.prepare_cached("RELEASE job")?.execute([])?;
    }
    write.finish()?;
    transaction.commit()
}
