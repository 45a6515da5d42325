//! Handing changes to this node's connections, and reading from the store what is missing between them.

use super::Node;
use super::frames;
use super::hub::{Delivery, Missed};
use super::router::Outbound;
use super::trace::{By, MessageId};
use crate::bus::envelope::{ChangeEnvelope, Envelope};
use crate::connection::handle::{Frame, Handle};
use crate::store::StoreError;
use std::sync::Arc;
use std::time::Duration;
use trunkline_protocol::{Change, ChangeBody, CloseCode, ConversationId, Millis, Seq, ServerFrame, UserId, limits};

/// How long a hole may stand before the store is read: changes of two nodes overtake each other by less.
pub(super) const HOLE_GRACE: Duration = Duration::from_millis(100);
/// How long to wait after the store could not be read.
const READ_AGAIN: Duration = Duration::from_millis(500);

impl Node {
    /// Hands a change to everyone here who hears its conversation.
    pub(super) fn deliver(self: &Arc<Self>, delivery: Delivery) {
        let conversation = delivery.conversation;
        if self.hub.deliver(delivery, || left(conversation)) {
            self.repair_soon(conversation, HOLE_GRACE);
        }
    }

    /// Changes that were stored by other means than the appender: hands them out here and elsewhere.
    pub(super) fn publish(self: &Arc<Self>, changes: Vec<Change>, members_at: Seq) {
        let routed = changes
            .into_iter()
            .map(|change| {
                let (conversation, seq) = (change.conversation, change.seq);
                let members_changed = change.body.changes_members();
                let removed = removed_by(&change.body);
                let frame = frames::encode(&ServerFrame::Change { change });
                self.deliver(Delivery { conversation, seq, frame: frame.clone(), origin: None, removed });
                let envelope = Envelope::Change(ChangeEnvelope { conversation, seq, members_changed, frame });
                Outbound { conversation, members_at: Some(members_at), removed, envelope }
            })
            .collect();
        self.hand_to_router(routed);
    }

    /// Fills the gap of a conversation after a while, unless it has closed by itself.
    pub(super) fn repair_soon(self: &Arc<Self>, conversation: ConversationId, grace: Duration) {
        if !self.hub.begin_repair(conversation) {
            return;
        }
        let node = self.clone();
        self.spawn_droppable(async move {
            tokio::time::sleep(grace).await;
            let helped = node.repair(conversation).await.unwrap_or_else(|error| {
                tracing::warn!(conversation = %conversation, error = %error, "could not read missing changes");
                false
            });
            node.hub.end_repair(conversation);
            // What opened while the last read was under way found a repair running.
            if node.hub.gap(conversation).is_some() {
                node.repair_soon(conversation, if helped { HOLE_GRACE } else { READ_AGAIN });
            }
        });
    }

    /// Reads from the store what is missing of a conversation, until nothing is. Returns whether the store had
    /// anything of it.
    pub(super) async fn repair(self: &Arc<Self>, conversation: ConversationId) -> Result<bool, StoreError> {
        let mut helped = false;
        while let Some((from, to)) = self.hub.gap(conversation) {
            let to = to.min(Seq(from.0 + limits::FETCH_CHANGES - 1));
            let changes = self.store.changes(conversation, from, to).await?;
            if changes.is_empty() {
                break;
            }
            helped = true;
            self.metrics.holes_filled.inc_by(changes.len() as u64);
            for change in changes {
                self.trace.came(conversation, change.seq, By::Store);
                tracing::debug!(message.id = %MessageId(conversation, change.seq), "found a message in the store");
                self.metrics.follow_lag.observe(Duration::from_millis(age(change.at, self.now())).as_secs_f64());
                let delivery = Delivery {
                    conversation,
                    seq: change.seq,
                    origin: None,
                    removed: removed_by(&change.body),
                    frame: frames::encode(&ServerFrame::Change { change }),
                };
                self.hub.deliver(delivery, || left(conversation));
            }
        }
        Ok(helped)
    }

    /// Hands one connection what it lacks.
    pub(super) async fn replay(&self, handle: &Handle, missed: Missed) {
        let Missed { conversation, from, to } = missed;
        match self.store.changes(conversation, from, to).await {
            Ok(changes) => {
                for change in changes {
                    let seq = change.seq;
                    let number = handle.outbound.hand(frames::encode(&ServerFrame::Change { change }));
                    self.trace.hand_out(conversation, seq).to(handle, number);
                }
            }
            // If nothing follows, the connection would never see that it lacks something.
            Err(error) => {
                tracing::warn!(conversation = %conversation, error = %error, "could not replay changes");
                handle.outbound.close(CloseCode::Unavailable);
            }
        }
    }
}

/// Milliseconds since then; none if another node's clock is ahead.
fn age(at: Millis, now: Millis) -> u64 {
    u64::try_from(now.saturating_sub(at)).unwrap_or(0)
}

/// Who is no longer in a conversation after a change.
pub(super) const fn removed_by(body: &ChangeBody) -> Option<UserId> {
    match body {
        ChangeBody::MemberRemoved { member } => Some(*member),
        _ => None,
    }
}

/// Tells a client that it is no longer in a conversation.
pub(super) fn left(conversation: ConversationId) -> Frame {
    frames::encode(&ServerFrame::Left { conversation })
}
