//! At rest: nobody says anything any more, everything sent is answered, every device knows everything, and what each
//! knows is what a fresh load gives (I9, I11, I17).

use super::check::log::Log;
use super::cluster::Cluster;
use super::device::{Device, Holds};
use super::town::{EVERYBODY, Town};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use trunkline_protocol::client::replica::Replica;
use trunkline_protocol::{Conversation, ConversationId, Seq, UserId};

/// How long a fresh load may take.
const LOADED_WITHIN: Duration = Duration::from_secs(15);
/// How often it is looked.
const LOOK: Duration = Duration::from_millis(50);
/// How long cursors may take to be told: coalesced to one a second, and read from the store every two.
const CURSORS_WITHIN: Duration = Duration::from_secs(6);
/// What is compared of a conversation besides its description: its newest changes.
const TAIL: u64 = 20;

/// Waits until every device knows all that it can know. What is not so in time is described.
pub(crate) async fn settled(town: &Town, until: Instant) -> Result<(), Vec<String>> {
    loop {
        let heads = heads(town);
        let waits: Vec<_> = town.devices().into_iter().filter(|device| !is_done(device, &heads)).collect();
        if waits.is_empty() {
            return Ok(());
        }
        if Instant::now() >= until {
            return Err(waits.iter().map(|device| device.describe()).collect());
        }
        sleep(LOOK).await;
    }
}

/// A device knows all that some device knows of its conversations.
fn is_done(device: &Device, heads: &BTreeMap<ConversationId, Seq>) -> bool {
    device.is_at_rest() && {
        let view = device.view();
        view.client.replicas().all(|replica| heads.get(&replica.conversation().id) == Some(&replica.applied()))
    }
}

/// The highest seq that some device knows of each conversation.
fn heads(town: &Town) -> BTreeMap<ConversationId, Seq> {
    let mut heads: BTreeMap<ConversationId, Seq> = BTreeMap::new();
    for device in town.devices() {
        for replica in device.view().client.replicas() {
            let head = heads.entry(replica.conversation().id).or_default();
            *head = (*head).max(replica.conversation().head);
        }
    }
    heads
}

/// What somebody finds who knows nothing.
#[derive(Debug, Default)]
pub(crate) struct Fresh {
    /// All logs, each from its beginning.
    pub(crate) logs: BTreeMap<ConversationId, Log>,
    /// What each user sees.
    views: BTreeMap<UserId, BTreeMap<ConversationId, (Conversation, Vec<Seq>)>>,
}

impl Fresh {
    /// Loads everything anew, as each user, of one node or another.
    ///
    /// # Errors
    /// If a load is not done in time.
    pub(crate) async fn load(town: &Town, cluster: &Cluster) -> anyhow::Result<Self> {
        let mut fresh = Self::default();
        let whole = whole(town);
        // Whoever has no device would receive something by it, and so change what is compared.
        let loading: Vec<_> = (0..EVERYBODY)
            .filter(|user| town.device_of(*user).is_some())
            .map(|user| {
                let door = cluster.nodes[user % cluster.nodes.len()].address;
                let holds = whole.get(&user).cloned().unwrap_or_default();
                (user, town.visitor(town.people.owner(user, door), Holds::AllOf(holds, TAIL)))
            })
            .collect();
        let until = Instant::now() + LOADED_WITHIN;
        for (user, device) in &loading {
            while !device.is_at_rest() {
                anyhow::ensure!(Instant::now() < until, "a fresh load is not done in time: {}", device.describe());
                sleep(LOOK).await;
            }
            let view = device.view();
            for replica in view.client.replicas() {
                let (conversation, held) = (replica.conversation(), replica.held());
                if whole.get(user).is_some_and(|whole| whole.contains(&conversation.id)) {
                    fresh.logs.insert(conversation.id, Log::new(conversation, held.to_vec()));
                }
                let seqs = held.iter().map(|change| change.seq).collect();
                let views = fresh.views.entry(device.owner.user).or_default();
                views.insert(conversation.id, (conversation.clone(), seqs));
            }
        }
        Ok(fresh)
    }

    /// What is another thing on a live device, by the invariant that is broken.
    pub(crate) fn differences(&self, town: &Town) -> Vec<(u8, String)> {
        let mut wrong = Vec::new();
        let nothing = BTreeMap::new();
        for device in town.devices() {
            let seen = self.views.get(&device.owner.user).unwrap_or(&nothing);
            let view = device.view();
            let who = format!("device {} of {}", device.number, device.owner.name);
            // Nobody here sends what may be refused for good.
            let refused =
                seen.keys().flat_map(|here| view.client.outbox(*here)).map(|entry| (11, format!("{who}: {entry:?}")));
            wrong.extend(refused);
            let known: BTreeSet<_> = view.client.replicas().map(|replica| replica.conversation().id).collect();
            let all: BTreeSet<_> = seen.keys().copied().collect();
            if known != all {
                wrong.push((17, format!("{who} knows the conversations {known:?}, a fresh load gives {all:?}")));
            }
            for replica in view.client.replicas() {
                if let Some(fresh) = seen.get(&replica.conversation().id) {
                    wrong
                        .extend(compare(replica, fresh).map(|(invariant, what)| (invariant, format!("{who}: {what}"))));
                    wrong.extend(self.miscounted(replica, device.owner.user).map(|what| (9, format!("{who}: {what}"))));
                }
            }
        }
        wrong
    }

    /// Unread is what others have posted after the read cursor.
    fn miscounted(&self, replica: &Replica, user: UserId) -> Option<String> {
        let (given, log) = (replica.conversation(), self.logs.get(&replica.conversation().id)?);
        let read = super::device::read_to(replica, user);
        let later = log.changes.iter().filter(|change| change.seq > read && change.seq >= given.since);
        let unread = later.filter(|change| change.author != user && change.body.text().is_some()).count() as u64;
        (unread != given.unread)
            .then(|| format!("{} unread in {} after {read}: it is {unread}", given.unread, given.id))
    }
}

/// Who loads which logs as a whole.
fn whole(town: &Town) -> BTreeMap<usize, Arc<BTreeSet<ConversationId>>> {
    let people = &town.people;
    let mut whole: BTreeMap<usize, BTreeSet<ConversationId>> = BTreeMap::new();
    for (here, talkers) in &people.talks {
        // Not always the first one: everybody's load is a load.
        let reader = talkers[here.0 as usize % talkers.len()];
        whole.entry(reader).or_default().insert(*here);
    }
    whole.entry(0).or_default().insert(people.pinned);
    whole.entry(4).or_default().insert(people.flooded);
    whole.into_iter().map(|(user, all)| (user, Arc::new(all))).collect()
}

fn compare(replica: &Replica, (fresh, seqs): &(Conversation, Vec<Seq>)) -> Option<(u8, String)> {
    let live = replica.conversation();
    let id = live.id;
    if live.unread != fresh.unread {
        return Some((9, format!("{} unread in {id}, a fresh load gives {}", live.unread, fresh.unread)));
    }
    if live != fresh {
        return Some((17, format!("{id} is {live:?}, a fresh load gives {fresh:?}")));
    }
    let tail: Vec<_> = replica.held().iter().map(|change| change.seq).rev().take(TAIL as usize).collect();
    let expected: Vec<_> = seqs.iter().copied().rev().take(TAIL as usize).collect();
    let short = tail.len().min(expected.len());
    (tail[..short] != expected[..short])
        .then(|| (17, format!("{id} ends with {tail:?}, a fresh load with {expected:?}")))
}

/// Loads everything anew until it is what the devices know, for as long as cursors may take.
///
/// # Errors
/// If it can not be loaded.
pub(crate) async fn compared(town: &Town, cluster: &Cluster) -> anyhow::Result<(Fresh, Vec<(u8, String)>)> {
    let until = Instant::now() + CURSORS_WITHIN;
    loop {
        let fresh = Fresh::load(town, cluster).await?;
        let differences = fresh.differences(town);
        if differences.is_empty() || Instant::now() > until {
            return Ok((fresh, differences));
        }
        sleep(Duration::from_millis(300)).await;
    }
}
