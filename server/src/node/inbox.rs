//! What comes from other nodes.

use super::Node;
use super::delivery::removed_by;
use super::hub::Delivery;
use super::trace::{By, MessageId};
use crate::bus::envelope::{ChangeEnvelope, Envelope, Signal};
use crate::store::{Credential, CursorState, MovedCursor};
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::mpsc;
use trunkline_protocol::{Seq, ServerFrame};

/// Runs until the node stops or subscribes anew.
pub async fn run(node: Arc<Node>, mut inbox: mpsc::Receiver<Bytes>) {
    loop {
        let bytes = tokio::select! {
            biased;
            () = node.stop.cancelled() => return,
            bytes = inbox.recv() => bytes,
        };
        let Some(bytes) = bytes else { return };
        node.note_dropped();
        for envelope in Envelope::decode_all(&bytes) {
            match envelope {
                Ok(Envelope::Change(change)) => take_change(&node, change),
                Ok(Envelope::Signal(signal)) => take_signal(&node, signal),
                Err(error) => tracing::debug!(error = %error, bytes = bytes.len(), "ignored an envelope"),
            }
        }
    }
}

impl Node {
    /// Counts what the bus could not carry. What did not fit into the inbox is read from the store at once.
    pub(super) fn note_dropped(&self) {
        let dropped = self.bus.dropped();
        let known = self.dropped.fetch_max(dropped, Ordering::Relaxed);
        if dropped > known {
            self.metrics.bus_dropped.inc_by(dropped - known);
            self.follow.notify_one();
        }
    }
}

fn take_change(node: &Arc<Node>, envelope: ChangeEnvelope) {
    let ChangeEnvelope { conversation, seq, members_changed, frame } = envelope;
    node.metrics.nudges_received.inc();
    node.trace.came(conversation, seq, By::Bus);
    tracing::debug!(message.id = %MessageId(conversation, seq), "was told of a message");
    let removed = if members_changed { removed_in(&frame) } else { None };
    node.deliver(Delivery { conversation, seq, frame, origin: None, removed });
    // Somebody here may have come into it just now.
    if members_changed || seq == Seq(1) {
        node.reconcile_soon(conversation);
    }
}

fn removed_in(frame: &str) -> Option<trunkline_protocol::UserId> {
    match serde_json::from_str(frame) {
        Ok(ServerFrame::Change { change }) => removed_by(&change.body),
        _ => None,
    }
}

fn take_signal(node: &Arc<Node>, signal: Signal) {
    match signal {
        Signal::Canary { node: from, number } => node.hear_canary(from, number),
        Signal::Cursor { conversation, user, delivered, read, unread, head } => {
            let cursor = MovedCursor { conversation, user, delivered, read };
            let state = CursorState { cursor, moved: true, unread, head };
            if node.hub.is_news(&state) {
                node.tell_cursor(&state);
            }
        }
        Signal::Typing { conversation, user } => node.tell_typing(conversation, user),
        Signal::Presence { node: from, entered, left } => {
            let users: Vec<_> = entered.into_iter().chain(left).collect();
            node.locator.forget(users.iter().copied());
            if from != node.id() {
                node.check_presence(users);
            }
        }
        Signal::Joined { conversation } => node.reconcile_soon(conversation),
        Signal::Ended { sessions, tokens } => {
            let sessions = sessions.into_iter().map(Credential::Session);
            let ended: Vec<_> = sessions.chain(tokens.into_iter().map(Credential::Token)).collect();
            node.hub.end(&ended);
        }
        Signal::Asked { node: from, number, question } => node.take_question(from, number, question),
        Signal::Answered { node: from, number, answer } => node.take_answer(from, number, answer),
        Signal::Renamed => node.follow.notify_one(),
        Signal::Unknown => {}
    }
}
