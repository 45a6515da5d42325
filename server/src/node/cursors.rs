//! Moves of cursors: written together, a moment after the first of them came, and told together.
//!
//! Messages never wait for company. What somebody has read may: nobody sees a fiftieth of a second, and a thousand people
//! who read along would cost as many transactions as a thousand who write.

use super::Node;
use super::frames;
use super::router::Outbound;
use crate::bus::envelope::{Envelope, Signal};
use crate::store::{CursorState, StoreError};
use futures_util::future::join_all;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use trunkline_protocol::{ConversationId, Seq, UserId};

/// Moves that may wait for the store on this node; whoever comes then waits for room.
pub const QUEUE: usize = 1_024;
/// How long the first of them waits for others.
const GATHERED_FOR: Duration = Duration::from_millis(20);
/// What the caller was doing when it failed.
const OPERATION: &str = "move a cursor";

/// Where a user's cursors in a conversation should be at least.
#[derive(Debug)]
pub struct Move {
    user: UserId,
    conversation: ConversationId,
    delivered: Seq,
    read: Seq,
    /// Who is told where they stand; may be gone.
    answer: oneshot::Sender<Result<CursorState, StoreError>>,
}

impl Node {
    /// Moves a user's cursors forward and tells everybody in the conversation. Happens also if the caller goes away.
    ///
    /// # Errors
    /// As [`crate::store::Store::advance`].
    pub async fn move_cursor(
        &self,
        user: UserId,
        conversation: ConversationId,
        delivered: Seq,
        read: Seq,
    ) -> Result<CursorState, StoreError> {
        let (answer, standing) = oneshot::channel();
        let stops = || StoreError::Unavailable { operation: OPERATION, source: "the node stops".into() };
        self.moves.send(Move { user, conversation, delivered, read, answer }).await.map_err(|_| stops())?;
        standing.await.unwrap_or_else(|_| Err(stops()))
    }

    async fn write_moves(&self, moves: Vec<Move>) {
        // All of them wait at the store's writer before any is written, in the order in which they came.
        let standings = moves.iter().map(|&Move { user, conversation, delivered, read, .. }| {
            self.store.advance(user, conversation, delivered, read)
        });
        let standings = join_all(standings).await;
        let moved = standings.iter().flatten().filter(|state| state.moved);
        self.hand_to_router(moved.map(|state| self.tell_moved(state)).collect());
        for (moved, standing) in moves.into_iter().zip(standings) {
            let _ = moved.answer.send(standing);
        }
    }

    /// Tells everybody here, and gives what others are to hear.
    fn tell_moved(&self, state: &CursorState) -> Outbound {
        self.hub.is_news(state);
        self.tell_cursor(state);
        let CursorState { unread, head, .. } = *state;
        let (conversation, user) = (state.cursor.conversation, state.cursor.user);
        let (delivered, read) = (state.cursor.delivered, state.cursor.read);
        let signal = Signal::Cursor { conversation, user, delivered, read, unread, head };
        Outbound { conversation, members_at: None, removed: None, envelope: Envelope::Signal(signal) }
    }

    /// Tells those who hear the conversation here where a member's cursors stand.
    pub(super) fn tell_cursor(&self, state: &CursorState) {
        let (cursor, own) = (&state.cursor, frames::own_cursor(state));
        self.hub.tell(cursor.conversation, cursor.user, Some(&own), &frames::cursor(cursor));
    }
}

/// Runs until the node stops and all that was taken in is written.
pub async fn run(node: Arc<Node>, mut moves: mpsc::Receiver<Move>) {
    let mut gathered = Vec::new();
    loop {
        tokio::select! {
            biased;
            () = node.stop.cancelled() => moves.close(),
            count = moves.recv_many(&mut gathered, QUEUE) => if count > 0 {
                tokio::select! {
                    () = node.stop.cancelled() => {}
                    () = tokio::time::sleep(GATHERED_FOR) => {}
                }
            },
        }
        while gathered.len() < QUEUE
            && let Ok(next) = moves.try_recv()
        {
            gathered.push(next);
        }
        if gathered.is_empty() {
            return;
        }
        node.write_moves(std::mem::take(&mut gathered)).await;
    }
}
