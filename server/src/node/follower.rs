//! Reads from the store what nobody told: the reason why a lost nudge costs seconds and never a message.

use super::Node;
use crate::store::{Followed, Grown, MovedCursor};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use trunkline_protocol::{Position, Seq};

/// How often the store is asked while the bus works: bounds what a lost nudge costs, at three index look-ups.
const EVERY: Duration = Duration::from_secs(2);
/// How often while the bus does not work: then this is the way that messages take.
const EVERY_IN_DOUBT: Duration = Duration::from_millis(300);

/// Runs until the node stops.
pub async fn run(node: Arc<Node>) {
    loop {
        let wait = if *node.degraded.borrow() { EVERY_IN_DOUBT } else { EVERY };
        tokio::select! {
            () = node.stop.cancelled() => return,
            () = node.follow.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
        match node.store.follow(Some(node.position())).await {
            Ok(followed) if !node.continues(&followed) => return,
            Ok(followed) => {
                node.metrics.store_up.set(1);
                node.take_followed(followed).await;
            }
            Err(error) => {
                node.metrics.store_up.set(0);
                tracing::warn!(error = %error, "could not follow the store");
            }
        }
    }
}

impl Node {
    async fn take_followed(self: &Arc<Self>, followed: Followed) {
        for grown in followed.changed {
            self.take_grown(grown).await;
        }
        for cursor in followed.cursors.into_iter().filter(|cursor| self.hub.is_news(cursor)) {
            self.tell_followed_cursor(&cursor).await;
        }
        self.hub.end(&followed.ended);
        // Only now: a position says that everything up to it was handed out.
        let Position(position) = followed.position;
        self.position.store(position, Ordering::Release);
    }

    async fn take_grown(self: &Arc<Self>, grown: Grown) {
        if self.hub.hear(grown.conversation, grown.to) {
            self.repair(grown.conversation).await;
        }
        if grown.members_changed || grown.from == Seq(1) {
            self.reconcile(grown.conversation).await;
        }
    }

    /// Tells where a cursor stands, as read from the store.
    pub(super) async fn tell_followed_cursor(&self, cursor: &MovedCursor) {
        // A cursor that is asked not to move tells where it stands, with what is unread.
        let state = self.store.advance(cursor.user, cursor.conversation, Seq(0), Seq(0)).await;
        self.tell_cursor(cursor, state.ok().map(|state| (state.unread, state.head)));
    }
}
