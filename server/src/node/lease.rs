//! This incarnation's lease, and the presence of users.
//!
//! The registry may lose everything or be down: then the node goes on and enters its users again as soon as it
//! can. Only a node that did not run for longer than its lease (stopped, suspended) must start over, because the
//! others have taken its users for gone.

use super::Node;
use super::frames;
use super::inbox;
use crate::bus::envelope::Signal;
use crate::connection::handle::Handle;
use crate::presence::{LEASE, RENEW_EVERY, Renewal};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::time::{Instant, MissedTickBehavior};
use trunkline_protocol::{CloseCode, NodeId, Presence, ServerFrame, UserId};

/// How long a user counts as here after their last connection: a page reload is no absence.
const ABSENT_AFTER: Duration = Duration::from_secs(3);

/// How often it is noted who is here, for the case that this node dies without saying so: what others then read as
/// "last seen" is off by this at most.
const NOTE_EVERY: Duration = Duration::from_secs(60);

/// What the watchers here were told last.
#[derive(Debug, Default)]
pub struct Presences {
    told: Mutex<HashMap<UserId, bool>>,
    enter_again: AtomicBool,
}

impl Presences {
    /// The registry lacks some of our users: enter all of them with the next renewal.
    pub(super) fn enter_again(&self) {
        self.enter_again.store(true, Ordering::Relaxed);
    }

    /// Held while something is told, so that what is remembered is what was told last.
    fn told(&self) -> MutexGuard<'_, HashMap<UserId, bool>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn retain(&self, watched: &[UserId]) {
        let watched: std::collections::HashSet<_> = watched.iter().collect();
        self.told().retain(|user, _| watched.contains(user));
    }
}

/// Keeps the lease and looks after those who are watched, until the node stops. Apart: what the store holds up would
/// otherwise look as if this process had not run.
pub async fn run(node: Arc<Node>) {
    let work = async { tokio::join!(keep(&node), look(&node)) };
    tokio::select! {
        () = node.stop.cancelled() => {}
        _ = work => {}
    }
}

/// Renews the lease, and starts over after a time in which nothing ran.
async fn keep(node: &Arc<Node>) {
    let mut ticks = tokio::time::interval(RENEW_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = SystemTime::now();
    loop {
        ticks.tick().await;
        // The time of day also goes on while a machine sleeps, which the monotonic clock does not.
        let now = SystemTime::now();
        if now.duration_since(last).unwrap_or_default() > LEASE {
            node.start_over().await;
        }
        last = now;
        node.renew().await;
    }
}

/// Tells watchers what nobody told this node, and notes who is here.
async fn look(node: &Arc<Node>) {
    let mut ticks = tokio::time::interval(RENEW_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut noted = Instant::now();
    loop {
        ticks.tick().await;
        if noted.elapsed() >= NOTE_EVERY {
            noted = Instant::now();
            node.note_here(&node.hub.users()).await;
        }
        let watched = node.hub.watched();
        node.presences.retain(&watched);
        node.tell_presence(watched).await;
    }
}

impl Node {
    async fn renew(&self) {
        let id = self.id();
        let enter_again = self.presences.enter_again.swap(false, Ordering::Relaxed);
        let renewal = async {
            match self.registry.renew(id).await? {
                Renewal::Kept if !enter_again => Ok(()),
                _ => self.registry.enter(id, &self.hub.users()).await,
            }
        };
        // A registry that hangs must not look as if this process had not run either.
        let renewed = tokio::time::timeout(RENEW_EVERY, renewal).await;
        self.metrics.lease_up.set(i64::from(matches!(renewed, Ok(Ok(())))));
        match renewed {
            Ok(Ok(())) => return,
            Ok(Err(error)) => tracing::debug!(error = %error, "could not renew the lease"),
            Err(error) => tracing::debug!(error = %error, "could not renew the lease in time"),
        }
        self.presences.enter_again();
    }

    /// This process did not run for longer than its lease: its users were taken for gone, and what its
    /// connections were told is old. They connect again, to a new incarnation.
    async fn start_over(self: &Arc<Self>) {
        let id = NodeId::random();
        tracing::warn!(node.id = %id, "did not run for longer than the lease; starting over as a new incarnation");
        *self.incarnation.lock().unwrap_or_else(PoisonError::into_inner) = id;
        for handle in self.hub.connections() {
            handle.outbound.close(CloseCode::NewIncarnation);
        }
        let inbox = self.bus.subscribe(id).await;
        self.spawn(inbox::run(self.clone(), inbox));
        self.presences.enter_again();
    }

    /// Notes that users are here now.
    pub(super) async fn note_here(&self, users: &[UserId]) {
        if let Err(error) = self.store.set_last_seen(users, crate::clock::now()).await {
            tracing::warn!(error = %error, "could not note when users were here");
        }
    }

    /// A user's last connection here has ended: unless they are back soon, they are gone from this node.
    pub(super) fn left_soon(self: &Arc<Self>, user: UserId) {
        let node = self.clone();
        self.spawn_droppable(async move {
            node.note_here(&[user]).await;
            tokio::time::sleep(ABSENT_AFTER).await;
            if node.hub.has_user(user) {
                return;
            }
            if let Err(error) = node.registry.leave(node.id(), &[user]).await {
                // The entry ends with the lease at the latest.
                tracing::debug!(error = %error, "could not leave the registry");
            }
            // Back while we were writing: their entry was just taken away.
            if node.hub.has_user(user) {
                node.presences.enter_again();
                return;
            }
            node.announce(Vec::new(), vec![user]);
        });
    }

    /// Tells everybody who came to this node or left it.
    pub(super) fn announce(self: &Arc<Self>, entered: Vec<UserId>, left: Vec<UserId>) {
        self.check_presence(entered.iter().chain(&left).copied().collect());
        self.signal_all(Signal::Presence { node: self.id(), entered, left });
    }

    /// Looks again where users are and tells their watchers here.
    pub(super) fn check_presence(self: &Arc<Self>, users: Vec<UserId>) {
        let node = self.clone();
        self.spawn_droppable(async move { node.tell_presence(users).await });
    }

    /// Tells watchers here of those users whose state is another than was told last.
    async fn tell_presence(&self, users: Vec<UserId>) {
        if users.is_empty() {
            return;
        }
        let presences = self.presence(&users).await;
        let mut told = self.presences.told();
        for presence in presences {
            if told.insert(presence.user, presence.online) != Some(presence.online) {
                self.tell_watchers(presence);
            }
        }
    }

    /// Answers a connection that begins to watch. What it is told counts as told: should it be wrong, the next look
    /// sets it right.
    pub async fn answer_watch(&self, handle: &Handle, users: &[UserId]) {
        let users = self.presence(users).await;
        let mut told = self.presences.told();
        for presence in &users {
            let before = told.insert(presence.user, presence.online);
            if before.is_some_and(|before| before != presence.online) {
                self.tell_watchers(*presence);
            }
        }
        handle.outbound.push(frames::encode(&ServerFrame::Presence { users }));
    }

    fn tell_watchers(&self, presence: Presence) {
        self.hub.tell_watchers(presence.user, &frames::encode(&ServerFrame::Presence { users: vec![presence] }));
    }

    /// Who of these users is here, and when the others were. While the registry does not answer, only this
    /// node's own users count as online.
    pub async fn presence(&self, users: &[UserId]) -> Vec<Presence> {
        let located = self.locator.locate(users).await.unwrap_or_default();
        let online = |user: UserId| self.hub.has_user(user) || located.get(&user).is_some_and(|at| !at.is_empty());
        let absent: Vec<_> = users.iter().copied().filter(|&user| !online(user)).collect();
        let last_seen = if absent.is_empty() { Ok(Vec::new()) } else { self.store.last_seen(&absent).await };
        let last_seen: HashMap<_, _> =
            last_seen.unwrap_or_default().into_iter().map(|seen| (seen.user, seen.last_seen)).collect();
        let state = |&user: &UserId| {
            let online = online(user);
            Presence { user, online, last_seen: if online { None } else { last_seen.get(&user).copied().flatten() } }
        };
        users.iter().map(state).collect()
    }
}
