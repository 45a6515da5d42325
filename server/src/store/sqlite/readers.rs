//! The readers: a few threads, each with a connection that only reads. The write-ahead log lets them work beside
//! the writer, each read on the snapshot of one moment.

use rusqlite::{Connection, TransactionBehavior};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use tokio::sync::{mpsc, oneshot};

use crate::store::StoreError;
use crate::store::fault::{Fault, Trouble};

/// Reads that may wait. When thousands of devices come back at once they wait here for the disk, in order.
const QUEUE: usize = 1024;

/// Something to be read. Answers its caller itself.
type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// The readers' handle. Dropping it finishes what is queued and joins the threads.
pub(super) struct Readers {
    jobs: Option<mpsc::Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
    /// What reads where there are no threads.
    here: Option<Arc<Mutex<Connection>>>,
}

impl Readers {
    /// Starts a thread for each connection.
    pub(super) fn start(connections: Vec<Connection>) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let queue = Arc::new(Mutex::new(queue));
        let spawn = |connection| {
            let queue = Arc::clone(&queue);
            thread::Builder::new().name("store-reader".into()).spawn(move || run(connection, &queue))
        };
        let threads = connections.into_iter().map(spawn).collect::<Result<_, _>>()?;
        Ok(Self { jobs: Some(jobs), threads, here: None })
    }

    /// Readers without a thread: what is to be read is read before the caller goes on.
    pub(super) const fn here(connection: Arc<Mutex<Connection>>) -> Self {
        Self { jobs: None, threads: Vec::new(), here: Some(connection) }
    }

    /// Runs `work` on one snapshot.
    pub(super) async fn read<T, F>(&self, operation: &'static str, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        let closed = || Fault::from(Trouble::Closed).during(operation);
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection: &mut Connection| {
            // A defect in one read must not take the thread along.
            let outcome = catch_unwind(AssertUnwindSafe(|| snapshot(connection, work)))
                .unwrap_or_else(|_| Err(Trouble::Panicked.into()));
            // The caller may have gone.
            let _gone = reply.send(outcome.map_err(|fault| fault.during(operation)));
        });
        if let Some(here) = &self.here {
            job(&mut here.lock().unwrap_or_else(PoisonError::into_inner));
        } else {
            let jobs = self.jobs.as_ref().ok_or_else(closed)?;
            jobs.send(job).await.map_err(|_| closed())?;
        }
        answer.await.unwrap_or_else(|_| Err(closed()))
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        // The threads end when their queue is closed and empty.
        self.jobs = None;
        for thread in self.threads.drain(..) {
            let _panicked = thread.join();
        }
    }
}

fn snapshot<T>(connection: &mut Connection, work: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Deferred)?;
    let outcome = work(&transaction)?;
    transaction.commit()?;
    Ok(outcome)
}

fn run(mut connection: Connection, queue: &Mutex<mpsc::Receiver<Job>>) {
    loop {
        // One idle thread waits in the queue with the lock, the others wait for the lock.
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        match next {
            Some(job) => job(&mut connection),
            None => return,
        }
    }
}
