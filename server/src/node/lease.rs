//! This incarnation's lease, and the presence of users.
//!
//! The registry may lose everything or be down: then the node goes on and enters its users again as soon as it
//! can, and while nobody can say who is where, watchers are told nothing new. Only a node that did not run for longer than
//! its lease (stopped, suspended) must start over, because the others have taken its users for gone.

use super::Node;
use super::frames;
use super::inbox;
use super::locator::Whereabouts;
use crate::bus::envelope::Signal;
use crate::connection::handle::Handle;
use crate::presence::{LEASE, PresenceError, RENEW_EVERY, Renewal};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior};
use trunkline_protocol::{CloseCode, NodeId, Presence, ServerFrame, UserId};

/// How long a user counts as here after their last connection: a page reload is no absence.
const ABSENT_AFTER: Duration = Duration::from_secs(3);

/// How often it is noted who is here, for the case that this node dies without saying so: what others then read as
/// "last seen" is off by this at most.
const NOTE_EVERY: Duration = Duration::from_secs(60);

/// How long, while nobody can say who is where, users count as what they were told to be. Longer than Redis takes to be
/// started anew, with all nodes entering their users again.
const TOLD_COUNTS: Duration = Duration::from_secs(30);

/// Renewals from one entering of everyone to the next, lost or not: sets right whatever was wrong with single entries.
const ENTER_EVERY: u32 = 10;

/// How soon a lease that was seen to be lost is renewed before its time, so that one that can not be had is not asked
/// for again and again.
const LOST_FOR: Duration = Duration::from_millis(200);

/// What the watchers here were told last, and what the registry does not know yet.
#[derive(Debug, Default)]
pub struct Presences {
    told: Mutex<HashMap<UserId, bool>>,
    enter_again: AtomicBool,
    /// Users who left and may still stand in the registry. At most as many as were here at once during one outage.
    leave_again: Mutex<BTreeSet<UserId>>,
    /// The incarnation that had a lease.
    leased: Mutex<Option<NodeId>>,
    /// A renewal has ended, well or not.
    renewed: Notify,
}

impl Presences {
    /// The registry lacks some of our users: enter all of them with the next renewal.
    pub(super) fn enter_again(&self) {
        self.enter_again.store(true, Ordering::Relaxed);
    }

    /// The registry may still have these users here: take them out with the next renewal.
    fn leave_again(&self, users: impl IntoIterator<Item = UserId>) {
        self.leaving().extend(users);
    }

    /// Notes that this incarnation has a lease now; gives whether it had one before.
    fn has_lease(&self, node: NodeId) -> bool {
        self.leased.lock().unwrap_or_else(PoisonError::into_inner).replace(node) == Some(node)
    }

    fn leaving(&self) -> MutexGuard<'_, BTreeSet<UserId>> {
        self.leave_again.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Held while something is told, so that what is remembered is what was told last.
    fn told(&self) -> MutexGuard<'_, HashMap<UserId, bool>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn retain(&self, watched: &[UserId]) {
        let watched: HashSet<_> = watched.iter().collect();
        self.told().retain(|user, _| watched.contains(user));
    }
}

/// Keeps the lease and looks after those who are watched, until the node stops. Apart: what the store holds up would
/// otherwise look as if this process had not run.
pub async fn run(node: Arc<Node>) {
    let work = async { tokio::join!(keep(&node), look(&node)) };
    tokio::select! {
        biased;
        () = node.stop.cancelled() => {}
        _ = work => {}
    }
}

/// Renews the lease, and starts over after a time in which nothing ran.
async fn keep(node: &Arc<Node>) {
    let mut ticks = tokio::time::interval(RENEW_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = node.host.now();
    let mut renewals = 0_u32;
    loop {
        tokio::select! {
            biased;
            _ = ticks.tick() => {}
            () = async { node.locator.lost().await; tokio::time::sleep(LOST_FOR).await } => {}
        }
        // The time of day also goes on while a machine sleeps, which the monotonic clock does not.
        let now = node.host.now();
        if now.duration_since(last).unwrap_or_default() > LEASE {
            node.start_over().await;
        }
        last = now;
        renewals = renewals.wrapping_add(1);
        if renewals.is_multiple_of(ENTER_EVERY) {
            node.presences.enter_again();
        }
        node.renew().await;
        node.presences.renewed.notify_one();
    }
}

/// Tells watchers what nobody told this node, and notes who is here. Behind each renewal and never beside one, whose
/// answers say nothing of who is not found.
async fn look(node: &Arc<Node>) {
    let mut noted = Instant::now();
    loop {
        node.presences.renewed.notified().await;
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
        let left = std::mem::take(&mut *self.presences.leaving());
        let left: Vec<_> = left.into_iter().filter(|&user| !self.hub.has_user(user)).collect();
        let renewal = async {
            let renewing = self.locator.renewing();
            let renewal = self.registry.renew(id).await?;
            let had_one = self.presences.has_lease(id);
            // The others' leases may be lost as well.
            if renewal == Renewal::Fresh && had_one {
                self.metrics.leases_lost.inc();
                drop(renewing);
            } else {
                renewing.kept();
            }
            if renewal == Renewal::Fresh || enter_again {
                self.registry.enter(id, &self.hub.users()).await?;
            }
            if !left.is_empty() {
                self.registry.leave(id, &left).await?;
            }
            Ok::<_, PresenceError>(())
        };
        // A registry that hangs must not look as if this process had not run either.
        let renewed = tokio::time::timeout(RENEW_EVERY, renewal).await;
        self.metrics.lease_up.set(i64::from(matches!(renewed, Ok(Ok(_)))));
        match renewed {
            Ok(Ok(())) => {
                // Back while they were taken out.
                if left.iter().any(|&user| self.hub.has_user(user)) {
                    self.presences.enter_again();
                }
            }
            Ok(Err(error)) => {
                tracing::debug!(error = %error, "could not renew the lease");
                self.not_renewed(left);
            }
            Err(error) => {
                tracing::debug!(error = %error, "could not renew the lease in time");
                self.not_renewed(left);
            }
        }
        self.note_doubt();
    }

    /// Where users are, as far as that is known.
    pub(super) async fn whereabouts(&self, users: &[UserId]) -> Whereabouts {
        let seen = self.locator.locate(self.id(), users).await;
        self.note_doubt();
        seen
    }

    fn note_doubt(&self) {
        self.metrics.presence_in_doubt.set(i64::from(self.locator.in_doubt_since().is_some()));
    }

    fn not_renewed(&self, left: Vec<UserId>) {
        self.locator.doubt();
        self.metrics.lease_failures.inc();
        self.presences.enter_again();
        self.presences.leave_again(left);
    }

    /// This process did not run for longer than its lease: its users were taken for gone, and what its
    /// connections were told is old. They connect again, to a new incarnation.
    async fn start_over(self: &Arc<Self>) {
        let id = self.host.name();
        tracing::warn!(node.id = %id, "did not run for longer than the lease; starting over as a new incarnation");
        self.metrics.incarnations.inc();
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
        if let Err(error) = self.store.set_last_seen(users, self.now()).await {
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
                tracing::debug!(error = %error, "could not leave the registry");
                node.presences.leave_again([user]);
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
        self.check_presence(entered.iter().chain(&left).copied());
        self.signal_all(Signal::Presence { node: self.id(), entered, left });
    }

    /// Looks again where users are and tells their watchers here.
    pub(super) fn check_presence(self: &Arc<Self>, users: impl IntoIterator<Item = UserId>) {
        let users = self.hub.watched_among(users);
        if users.is_empty() {
            return;
        }
        let node = self.clone();
        self.spawn_droppable(async move { node.tell_presence(users).await });
    }

    /// Tells watchers here of those users whose state is another than was told last. Nothing new is told of whom
    /// nobody knows anything.
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

    /// Who of these users is here, and when the others were. While nobody can say, users are what they were told to be
    /// last, for a while; of whom nothing was told, only this node's own count as online.
    pub async fn presence(&self, users: &[UserId]) -> Vec<Presence> {
        let seen = self.whereabouts(users).await;
        let told_counts = seen.in_doubt_since.is_some_and(|since| since.elapsed() < TOLD_COUNTS);
        let was_told: HashSet<UserId> = if told_counts {
            let told = self.presences.told();
            users.iter().copied().filter(|user| told.get(user) == Some(&true)).collect()
        } else {
            HashSet::new()
        };
        let online = |user: UserId| self.hub.has_user(user) || seen.has(user) || was_told.contains(&user);
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
