//! Reads from the store what nobody told: the reason why a lost nudge costs seconds and never a message.

use super::Node;
use super::delivery::HOLE_GRACE;
use crate::store::{Followed, Grown, StoreError};
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
            biased;
            () = node.stop.cancelled() => return,
            () = node.follow.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
        let followed = match node.store.follow(Some(node.position())).await {
            Ok(followed) if !node.continues(&followed) => return,
            Ok(followed) => node.take_followed(followed).await,
            Err(StoreError::AnotherHistory) => return node.abandon(),
            Err(error) => Err(error),
        };
        node.metrics.store_up.set(i64::from(followed.is_ok()));
        if let Err(error) = followed {
            tracing::warn!(error = %error, "could not follow the store");
        }
    }
}

impl Node {
    /// Hands out what is new. The position moves only if all of it could be read: it says that everything up to it was
    /// handed out.
    async fn take_followed(self: &Arc<Self>, followed: Followed) -> Result<(), StoreError> {
        let mut taken = Ok(());
        let behind = followed.changed.iter().filter(|grown| self.hub.hear(grown.conversation, grown.to)).count();
        if behind > 0 && !*self.degraded.borrow() {
            // Most of it is on its way: under load the store always knows more than what has come.
            tokio::time::sleep(HOLE_GRACE).await;
        }
        for grown in followed.changed {
            if let Err(error) = self.take_grown(grown).await {
                taken = Err(error);
            }
        }
        for state in followed.cursors.iter().filter(|state| self.hub.is_news(state)) {
            self.tell_cursor(state);
        }
        self.hub.end(&followed.ended);
        for conversation in followed.renamed {
            if let Err(error) = self.describe_again(conversation).await {
                taken = Err(error);
            }
        }
        taken?;
        self.followed();
        let Position(position) = followed.position;
        self.position.store(position, Ordering::Release);
        Ok(())
    }

    async fn take_grown(self: &Arc<Self>, grown: Grown) -> Result<(), StoreError> {
        self.repair(grown.conversation).await?;
        if grown.members_changed || grown.from == Seq(1) {
            self.reconcile(grown.conversation).await?;
        }
        Ok(())
    }
}
