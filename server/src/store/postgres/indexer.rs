//! The indexer: a task that brings the index for searching up to date in quiet moments, as the one of the SQLite store
//! does. It has a connection of its own, so that nothing waits behind it.
//!
//! All nodes do this. Whoever comes second writes nothing twice.

use super::history::Opened;
use super::link::Link;
use super::rows::{Columns, Plain};
use super::session::Role;
use super::settings::Settings;
use crate::search::{INDEX, STEP, is_time, place, terms};
use crate::store::fault::{Fault, Trouble};
use crate::store::{Durability, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;
use trunkline_protocol::ConversationId;

/// How often it looks whether there is something to do. Looking reads a row of each conversation.
const EVERY: Duration = Duration::from_secs(5);
/// Those who may wait for an answer of [`Indexer::run`]: nobody asks often.
const REQUESTS: usize = 16;

/// Somebody who waits until everything is indexed.
type Request = oneshot::Sender<Result<(), StoreError>>;

/// The indexer's handle. Dropping it ends the task.
pub(super) struct Indexer {
    requests: mpsc::Sender<Request>,
    _task: AbortOnDropHandle<()>,
}

impl Indexer {
    /// Starts the connection and the task.
    pub(super) fn start(settings: &Arc<Settings>, opened: &Arc<Opened>, durability: Durability) -> Self {
        let link = Link::start(settings.clone(), opened.clone(), Role::Writer, durability);
        let (requests, queue) = mpsc::channel(REQUESTS);
        Self { requests, _task: AbortOnDropHandle::new(tokio::spawn(run(link, queue))) }
    }

    /// Indexes everything that is there now.
    pub(super) async fn run(&self) -> Result<(), StoreError> {
        let closed = || Fault::from(Trouble::Closed).during(INDEX);
        let (reply, answer) = oneshot::channel();
        self.requests.send(reply).await.map_err(|_| closed())?;
        answer.await.unwrap_or_else(|_| Err(closed()))
    }
}

async fn run(link: Link, mut queue: mpsc::Receiver<Request>) {
    let (mut left, mut works) = (0, true);
    loop {
        let request = match timeout(EVERY, queue.recv()).await {
            Ok(None) => return,
            Ok(request) => request,
            Err(_) => None,
        };
        let outcome = round(&link, &mut left, request.is_some()).await;
        if let Err(fault) = &outcome
            && std::mem::replace(&mut works, false)
        {
            tracing::warn!(?fault, "messages can not be indexed; they are searched in the log meanwhile");
        }
        works |= outcome.is_ok();
        if let Some(request) = request {
            // The caller may have gone.
            let _gone = request.send(outcome.map_err(|fault| fault.during(INDEX)));
        }
    }
}

/// Indexes what is new, if this is the time for it.
async fn round(link: &Link, left: &mut u64, is_asked: bool) -> Result<(), Fault> {
    const LEFT: &str = "SELECT coalesce(sum(c.head - coalesce(l.seq, 0)), 0)::bigint AS changes FROM conversations c
        LEFT JOIN search_logs l ON l.conversation = c.id WHERE c.head > coalesce(l.seq, 0)";
    let rows = link.query(LEFT, &[]).await?;
    let now = rows.first().map_or(Ok(0), |row| row.number("changes"))?;
    let before = std::mem::replace(left, now);
    if now == 0 || !(is_asked || is_time(before, now)) {
        return Ok(());
    }
    while step(link).await? {}
    *left = 0;
    Ok(())
}

/// Indexes the next changes. Returns whether there were any.
async fn step(link: &Link) -> Result<bool, Fault> {
    const READ: &str = "WITH logs AS (
            SELECT c.id, coalesce(l.seq, 0) AS indexed FROM conversations c
            LEFT JOIN search_logs l ON l.conversation = c.id WHERE c.head > coalesce(l.seq, 0) ORDER BY c.id LIMIT $1
        )
        SELECT g.id AS conversation, x.seq, x.at, x.text FROM logs g
        CROSS JOIN LATERAL (
            SELECT seq, at, text FROM changes WHERE conversation = g.id AND seq > g.indexed ORDER BY seq LIMIT $1
        ) x ORDER BY g.id, x.seq LIMIT $1";
    // In one order for all nodes, so that none of them waits for one that waits for it.
    const WRITE: &str = "WITH input AS MATERIALIZED (
            SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[]) AS i (conversation, seq, at, terms)
        ), put AS (
            INSERT INTO search_terms (conversation, seq, at, terms)
            SELECT conversation, seq, at, terms::tsvector FROM input WHERE terms IS NOT NULL ORDER BY conversation, seq
            ON CONFLICT (conversation, seq) DO NOTHING
        )
        INSERT INTO search_logs (conversation, seq)
        SELECT conversation, max(seq) FROM input GROUP BY conversation ORDER BY conversation
        ON CONFLICT (conversation) DO UPDATE SET seq = greatest(search_logs.seq, excluded.seq)";
    let rows = link.query(READ, &[&i64::try_from(STEP).unwrap_or(i64::MAX)]).await?;
    let (mut conversations, mut seqs, mut times, mut texts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for row in &rows {
        let conversation: i64 = row.try_get("conversation")?;
        let text: Option<Plain> = row.try_get("text")?;
        conversations.push(conversation);
        seqs.push(row.try_get::<_, i64>("seq")?);
        times.push(row.try_get::<_, i64>("at")?);
        texts.push(text.map(|Plain(text)| vector(ConversationId(conversation.unsigned_abs()), &text)));
    }
    if !rows.is_empty() {
        link.query(WRITE, &[&conversations, &seqs, &times, &texts]).await?;
    }
    Ok(!rows.is_empty())
}

/// A message's terms as a `tsvector` is written. They are letters and digits, and none of them is a quotation mark.
fn vector(conversation: ConversationId, text: &str) -> String {
    let mut terms = terms(text);
    terms.push(place(conversation));
    let quoted: Vec<_> = terms.into_iter().map(|term| format!("'{term}'")).collect();
    quoted.join(" ")
}
