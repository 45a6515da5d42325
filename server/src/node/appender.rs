//! Group commit: whatever is in flight when the store is free goes into one transaction; after the commit each
//! sender is answered and the changes go their way. No timer fills a batch: while one commits, the next collects.

use super::Node;
use super::frames;
use super::hub::Delivery;
use super::router::Outbound;
use super::trace::MessageId;
use crate::bus::envelope::{ChangeEnvelope, Envelope};
use crate::clock::Micros;
use crate::connection::gate::{Postponed, Turn};
use crate::connection::handle::Handle;
use crate::store::{Append, AppendError, Appended, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tracing::{Instrument, field};
use trunkline_protocol::{Change, ChangeBody, CloseCode, ErrorCode, SendKey, ServerFrame};

/// Messages that may wait for the store on this node; beyond that senders are told to wait. With the longest messages they
/// take 64 MiB.
pub const QUEUE: usize = 4_096;
/// Messages in one transaction: long enough to make the fsync cheap, short enough to keep others waiting little.
const BATCH: usize = 512;
/// When a sender may try again after the store refused a batch.
const STORE_RETRY: Duration = Duration::from_secs(1);
/// When a sender may try again after the queue was full.
const BUSY_RETRY: Duration = Duration::from_millis(500);

/// A message on its way into the store.
pub struct Submission {
    /// What to store.
    pub append: Append,
    /// Who is answered.
    pub origin: Origin,
}

/// Who is answered, and how.
pub enum Origin {
    /// A connection, by frames; and when the message arrived there.
    Connection(Arc<Handle>, Turn),
    /// A call of the HTTP API.
    Call(oneshot::Sender<Result<Appended, Refused>>),
}

/// Why a message was not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The store said no to this one.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The store could not write.
    #[error("the store can not write at the moment; nothing was stored")]
    Unavailable,
    /// Too much in hand.
    #[error("the node has too much in hand")]
    Busy,
}

impl Refused {
    /// The code that clients see.
    #[must_use]
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::Append(AppendError::SessionEnded) => ErrorCode::Unauthorized,
            Self::Append(AppendError::UnknownConversation) => ErrorCode::UnknownConversation,
            Self::Append(AppendError::NotAMember) => ErrorCode::NotAMember,
            Self::Append(AppendError::KeyConflict) => ErrorCode::KeyConflict,
            Self::Unavailable => ErrorCode::StoreUnavailable,
            Self::Busy => ErrorCode::Busy,
        }
    }

    /// When to try again, if that can help.
    #[must_use]
    pub const fn retry_after(self) -> Option<Duration> {
        match self {
            Self::Append(_) => None,
            Self::Unavailable => Some(STORE_RETRY),
            Self::Busy => Some(BUSY_RETRY),
        }
    }
}

impl Node {
    /// Takes a connection's message in; it is answered by frames. Too many of one connection, or of all together, are told
    /// to come again.
    pub fn submit(&self, append: Append, handle: &Arc<Handle>, turn: Turn) {
        if !handle.take_in() {
            return refuse(self, handle, turn, append.key, Refused::Busy);
        }
        let submission = Submission { append, origin: Origin::Connection(handle.clone(), turn) };
        if let Err(refused) = self.submissions.try_send(submission) {
            let submission = refused.into_inner();
            answer(self, submission, Err(Refused::Busy));
        }
    }

    /// Takes a message in and waits until it is stored.
    ///
    /// # Errors
    /// As [`Refused`] says.
    pub async fn append(&self, append: Append) -> Result<Appended, Refused> {
        let (answer, answered) = oneshot::channel();
        let submission = Submission { append, origin: Origin::Call(answer) };
        self.submissions.try_send(submission).map_err(|_| Refused::Busy)?;
        answered.await.unwrap_or(Err(Refused::Unavailable))
    }
}

/// Runs until the node stops and all that was taken in is answered.
pub async fn run(node: Arc<Node>, mut submitted: mpsc::Receiver<Submission>) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        tokio::select! {
            biased;
            count = submitted.recv_many(&mut batch, BATCH) => if count == 0 { return },
            () = node.stop.cancelled() => {
                submitted.close();
                if submitted.recv_many(&mut batch, BATCH).await == 0 {
                    return;
                }
            }
        }
        // Whoever was heard at the same time as the first comes along: this task is woken by the first of them, and would
        // otherwise run before the others are read.
        tokio::task::yield_now().await;
        while batch.len() < BATCH
            && let Ok(next) = submitted.try_recv()
        {
            batch.push(next);
        }
        commit(&node, std::mem::take(&mut batch)).await;
    }
}

async fn commit(node: &Arc<Node>, batch: Vec<Submission>) {
    let batch: Vec<_> = batch.into_iter().filter_map(|submission| admit(node, submission)).collect();
    if batch.is_empty() {
        return;
    }
    node.metrics.append_batch.observe(batch.len() as f64);
    let appends = batch.iter().map(|submission| submission.append.clone()).collect();
    let timer = node.metrics.commit_seconds.start_timer();
    let span = tracing::debug_span!("commit", messages = batch.len());
    let outcome = node.store.append(appends).instrument(span.clone()).await;
    let _in_span = span.enter();
    timer.observe_duration();
    match outcome {
        Ok(results) => {
            let at = crate::clock::micros();
            let stored = batch.into_iter().zip(results);
            let routed = stored.filter_map(|(submission, result)| settle(node, submission, result, at)).collect();
            node.hand_to_router(routed);
        }
        Err(error) => {
            log_unavailable(&error, batch.len());
            for submission in batch {
                answer(node, submission, Err(Refused::Unavailable));
            }
        }
    }
}

/// Drops what would overtake an earlier message of its connection that has to come again.
fn admit(node: &Node, submission: Submission) -> Option<Submission> {
    let Origin::Connection(handle, turn) = &submission.origin else { return Some(submission) };
    let Err(postponed) = handle.gate.pass(*turn) else { return Some(submission) };
    node.metrics.refused.with_label_values(&[postponed.code.as_str()]).inc();
    handle.outbound.push(frames::postponed(submission.append.key, postponed));
    handle.answered();
    None
}

/// Answers one sender and hands a new change to those who are connected here.
fn settle(
    node: &Arc<Node>,
    submission: Submission,
    result: Result<Appended, AppendError>,
    stored: Micros,
) -> Option<Outbound> {
    let routed = result.ok().filter(|appended| appended.fresh).map(|appended| {
        let Append { author, conversation, key, ref text, .. } = submission.append;
        let body = ChangeBody::Posted { text: text.clone() };
        let change = Change { conversation, seq: appended.seq, at: appended.at, author, key: Some(key), body };
        let origin = match &submission.origin {
            Origin::Connection(handle, _) => Some(handle.id),
            Origin::Call(_) => None,
        };
        (change, appended.members_at, origin)
    });
    // The ack first: nothing that happens to the change after this can undo it.
    answer(node, submission, result.map_err(Refused::from));
    let (change, members_at, origin) = routed?;
    node.metrics.appended.inc();
    let (conversation, seq) = (change.conversation, change.seq);
    node.trace.stored(conversation, seq, change.at, stored);
    tracing::debug!(
        message.id = %MessageId(conversation, seq), message.key = change.key.map(field::display), user.id = %change.author,
        "stored a message"
    );
    let frame = frames::encode(&ServerFrame::Change { change });
    node.deliver(Delivery { conversation, seq, frame: frame.clone(), origin, removed: None });
    let envelope = Envelope::Change(ChangeEnvelope { conversation, seq, members_changed: false, frame });
    Some(Outbound { conversation, members_at: Some(members_at), removed: None, envelope })
}

fn answer(node: &Node, submission: Submission, result: Result<Appended, Refused>) {
    let Append { key, conversation, .. } = submission.append;
    let (handle, turn) = match submission.origin {
        Origin::Connection(handle, turn) => (handle, turn),
        Origin::Call(answer) => {
            // Who asked may be gone; the message is stored all the same.
            let _ = answer.send(result);
            return;
        }
    };
    match result {
        Ok(Appended { seq, at, .. }) => {
            handle.outbound.push(frames::encode(&ServerFrame::Ack { key, conversation, seq, at }));
        }
        Err(Refused::Append(AppendError::SessionEnded)) => handle.outbound.close(CloseCode::SessionEnded),
        Err(refused) => refuse(node, &handle, turn, key, refused),
    }
    handle.answered();
}

/// Tells a connection that a message was not stored, and has it come again before what is behind it if that can help.
fn refuse(node: &Node, handle: &Handle, turn: Turn, key: SendKey, refused: Refused) {
    node.metrics.refused.with_label_values(&[refused.code().as_str()]).inc();
    if let Some(retry_after) = refused.retry_after() {
        handle.gate.shut(turn, key, Postponed { code: refused.code(), retry_after });
    }
    let message = crate::text::sentence(&refused.to_string());
    handle.outbound.push(frames::refused(key, refused.code(), &message, refused.retry_after()));
}

fn log_unavailable(error: &StoreError, messages: usize) {
    let source = std::error::Error::source(error).map(ToString::to_string);
    tracing::error!(error = %error, source, messages, "a batch was not stored; its senders will try again");
}
