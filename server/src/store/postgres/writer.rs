//! The writer: one connection that writes, and its group commit.
//!
//! Messages and moves of cursors that come while a statement is on its way are collected and sent as one: one round trip,
//! one transaction, one fsync of the server's for all of them. Everything else that is written is one statement each, on
//! the same connection. So nothing that this node writes is ever open while the node does something else, and a node that
//! is stopped in its tracks holds no lock.
//!
//! A caller that goes away while it waits is not missed: its write happens all the same.

use super::append;
use super::cursors::{self, Move};
use super::fault::EngineError;
use super::history::Opened;
use super::link::Link;
use super::session::Role;
use super::settings::Settings;
use super::uses::{self, Use};
use crate::store::fault::{Fault, Trouble};
use crate::store::{Append, AppendError, Appended, CursorState, Durability, StoreError};
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use tokio_util::task::AbortOnDropHandle;

/// Jobs that may wait. A caller that finds the queue full waits too.
const QUEUE: usize = 1024;
/// Messages, and moves, in one transaction. More would save no fsync worth having, but make the first wait for the last.
const GROUP: usize = 512;

type Answers = Result<Vec<Result<Appended, AppendError>>, StoreError>;
type Standing = Result<CursorState, StoreError>;

/// What is written in groups.
enum Job {
    Append(Vec<Append>, oneshot::Sender<Answers>),
    Move(Move, oneshot::Sender<Standing>),
    Use(Use),
}

/// The writer's handle. Dropping it closes the connection.
pub(super) struct Writer {
    jobs: mpsc::Sender<Job>,
    link: Arc<Link>,
    works: watch::Sender<bool>,
    _task: AbortOnDropHandle<()>,
}

impl Writer {
    /// Starts the connection and the group commit.
    pub(super) fn start(settings: &Arc<Settings>, opened: &Arc<Opened>, durability: Durability) -> Self {
        let link = Arc::new(Link::start(settings.clone(), opened.clone(), Role::Writer, durability));
        let (jobs, queue) = mpsc::channel(QUEUE);
        let works = watch::Sender::new(true);
        let task = AbortOnDropHandle::new(tokio::spawn(run(link.clone(), queue, works.clone())));
        Self { jobs, link, works, _task: task }
    }

    /// Whether the last write could be committed, and there is a connection for the next one.
    pub(super) fn works(&self) -> watch::Receiver<bool> {
        self.works.subscribe()
    }

    /// Writes by one statement, which is one transaction.
    pub(super) async fn query(&self, sql: &'static str, params: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Fault> {
        tell(&self.works, self.link.query(sql, params).await)
    }

    /// Appends messages together with whatever else waits.
    pub(super) async fn append(&self, batch: Vec<Append>) -> Answers {
        let closed = || Fault::from(Trouble::Closed).during(append::OPERATION);
        let (reply, answer) = oneshot::channel();
        self.jobs.send(Job::Append(batch, reply)).await.map_err(|_| closed())?;
        answer.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Moves a cursor together with whatever else waits.
    pub(super) async fn advance(&self, wanted: Move) -> Standing {
        let closed = || Fault::from(Trouble::Closed).during(cursors::OPERATION);
        let (reply, answer) = oneshot::channel();
        self.jobs.send(Job::Move(wanted, reply)).await.map_err(|_| closed())?;
        answer.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Notes a use some time, if there is room: nobody waits for it.
    pub(super) fn note(&self, used: Use) {
        // Full or closed: the next use of whatever it is will note it again.
        let _unnoted = self.jobs.try_send(Job::Use(used));
    }
}

/// Passes an outcome on, and tells whether the store can be written to.
fn tell<T>(works: &watch::Sender<bool>, outcome: Result<T, Fault>) -> Result<T, Fault> {
    let fine = match &outcome {
        Ok(_) => true,
        Err(fault) if EngineError::is_outage(fault) => false,
        Err(_) => return outcome,
    };
    works.send_if_modified(|known| std::mem::replace(known, fine) != fine);
    outcome
}

async fn run(link: Arc<Link>, mut queue: mpsc::Receiver<Job>, works: watch::Sender<bool>) {
    let mut session = link.watch();
    let mut waiting = VecDeque::new();
    loop {
        if waiting.is_empty() {
            tokio::select! {
                biased;
                job = queue.recv() => match job {
                    Some(job) => waiting.push_back(job),
                    None => return,
                },
                changed = session.changed() => {
                    // Before anybody has to find out by trying. That it works again is known when something was written.
                    if changed.is_err() || session.borrow_and_update().is_none() {
                        works.send_if_modified(|known| std::mem::replace(known, false));
                    }
                    continue;
                }
            }
        }
        while let Ok(job) = queue.try_recv() {
            waiting.push_back(job);
        }
        Group::take(&mut waiting).commit(&link, &works).await;
    }
}

/// What goes into one transaction.
#[derive(Default)]
struct Group {
    messages: Vec<Append>,
    /// How many of the messages are whose.
    senders: Vec<(usize, oneshot::Sender<Answers>)>,
    moves: Vec<Move>,
    movers: Vec<oneshot::Sender<Standing>>,
    uses: Vec<Use>,
}

impl Group {
    /// As much as fits, in order. A member's second move waits for the next group.
    fn take(waiting: &mut VecDeque<Job>) -> Self {
        let (mut group, mut moving) = (Self::default(), HashSet::new());
        while let Some(job) = waiting.pop_front() {
            match job {
                Job::Append(mut batch, reply) if group.has_room(batch.len()) => {
                    group.senders.push((batch.len(), reply));
                    group.messages.append(&mut batch);
                }
                Job::Move(wanted, reply) if group.moves.len() < GROUP && moving.insert(wanted.member()) => {
                    group.moves.push(wanted);
                    group.movers.push(reply);
                }
                Job::Use(used) if group.uses.len() < GROUP => group.uses.push(used),
                job => {
                    waiting.push_front(job);
                    break;
                }
            }
        }
        group
    }

    fn has_room(&self, messages: usize) -> bool {
        self.messages.is_empty() || self.messages.len() + messages <= GROUP
    }

    async fn commit(self, link: &Link, works: &watch::Sender<bool>) {
        let Self { messages, senders, moves, movers, uses } = self;
        if !uses.is_empty() {
            // Nobody waits for it, and nothing else that it could hold up is on its way.
            let _noted = uses::note(link, &uses).await;
        }
        let written = tell(works, write(link, &messages, &moves).await);
        match written {
            Ok((answers, standings)) => {
                let mut answers = answers.into_iter();
                for (count, reply) in senders {
                    // The caller may have gone.
                    let _gone = reply.send(Ok(answers.by_ref().take(count).collect()));
                }
                for (standing, reply) in standings.into_iter().zip(movers) {
                    let _gone = reply.send(standing);
                }
            }
            Err(fault) => {
                let fault = Arc::new(fault.during("write"));
                let shared = |operation| Fault::from(Trouble::Transaction(fault.clone())).during(operation);
                for (_, reply) in senders {
                    let _gone = reply.send(Err(shared(append::OPERATION)));
                }
                for reply in movers {
                    let _gone = reply.send(Err(shared(cursors::OPERATION)));
                }
            }
        }
    }
}

type Written = (Vec<Result<Appended, AppendError>>, Vec<Standing>);

/// One statement for whatever there is.
async fn write(link: &Link, messages: &[Append], moves: &[Move]) -> Result<Written, Fault> {
    const BOTH: &str = "SELECT 0 AS part, n, state, a, b, c, d FROM append_batch($1, $2, $3, $4, $5, $6, $7)
        UNION ALL SELECT 1, n, state, a, b, c, d FROM advance_batch($8, $9, $10, $11)";
    const MESSAGES: &str = "SELECT 0 AS part, n, state, a, b, c, d FROM append_batch($1, $2, $3, $4, $5, $6, $7)";
    const MOVES: &str = "SELECT 1 AS part, n, state, a, b, c, d FROM advance_batch($1, $2, $3, $4)";
    let (appends, advances) = (append::Columns::of(messages), cursors::Columns::of(moves));
    let rows = match (messages.is_empty(), moves.is_empty()) {
        (true, true) => Vec::new(),
        (false, true) => link.query(MESSAGES, &appends.params()).await?,
        (true, false) => link.query(MOVES, &advances.params()).await?,
        (false, false) => {
            let params: Vec<_> = appends.params().into_iter().chain(advances.params()).collect();
            link.query(BOTH, &params).await?
        }
    };
    let (mut appended, mut moved) = (Vec::new(), Vec::new());
    for row in rows {
        let part: i32 = row.try_get("part")?;
        if part == 0 { appended.push(row) } else { moved.push(row) }
    }
    Ok((append::answers(messages, &appended)?, cursors::standings(moves, &moved)?))
}
