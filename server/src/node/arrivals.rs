//! Who comes to this node: entered into the presence registry, announced and noted together with whoever comes at the
//! same time. After another node has died thousands come within a second, and a round trip for each would be most of
//! what they cost.

use super::Node;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use trunkline_protocol::UserId;

/// Users who may wait. Whoever finds no room enters with the next renewal of the lease.
pub const QUEUE: usize = 1_024;
/// How long the presence registry may hold up a welcome. Its entry is made good by the next renewal.
const ENTER_WITHIN: Duration = Duration::from_millis(500);

/// A user whose first connection to this node was just made.
#[derive(Debug)]
pub struct Arrival {
    user: UserId,
    /// Told as soon as other nodes can find them here, or will with the next renewal.
    entered: oneshot::Sender<()>,
}

impl Node {
    /// Waits until other nodes can find a user here, or that has taken too long.
    pub(super) async fn enter(&self, user: UserId) {
        let (entered, done) = oneshot::channel();
        let is_waiting = self.arrivals.try_send(Arrival { user, entered }).is_ok();
        if !is_waiting || !matches!(tokio::time::timeout(ENTER_WITHIN, done).await, Ok(Ok(()))) {
            self.presences.enter_again();
        }
    }

    async fn take_arrivals(self: &Arc<Self>, arrivals: Vec<Arrival>) {
        let users: Vec<_> = arrivals.iter().map(|arrival| arrival.user).collect();
        let entered = tokio::time::timeout(ENTER_WITHIN, self.registry.enter(self.id(), &users));
        if !matches!(entered.await, Ok(Ok(()))) {
            self.presences.enter_again();
        }
        self.locator.forget(users.iter().copied());
        for arrival in arrivals {
            // Who waited may have given up, or be gone.
            let _ = arrival.entered.send(());
        }
        self.announce(users.clone(), Vec::new());
        // Should this node die, this is what is known of when they were here last.
        let node = self.clone();
        self.spawn_droppable(async move { node.note_here(&users).await });
    }
}

/// Runs until the node stops.
pub async fn run(node: Arc<Node>, mut arriving: mpsc::Receiver<Arrival>) {
    loop {
        let mut arrivals = Vec::new();
        tokio::select! {
            biased;
            () = node.stop.cancelled() => return,
            count = arriving.recv_many(&mut arrivals, QUEUE) => if count == 0 { return },
        }
        node.take_arrivals(arrivals).await;
    }
}
