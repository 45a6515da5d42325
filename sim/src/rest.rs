//! How everything stands when a run is over: what the store has, of this history and of those that ended, and what each
//! device has on screen beside what it would be given if it were loaded now.

use crate::device::Device;
use crate::history::Record;
use crate::lock;
use crate::schedule::Moment;
use crate::world::World;
use std::collections::{BTreeMap, BTreeSet};
use trunkline_protocol::client::Link;
use trunkline_protocol::client::outbox::{Entry, EntryState};
use trunkline_protocol::{Change, ChangeBody, Conversation, ConversationId, Epoch, SendKey, Seq, UserId};
use trunkline_server::store::Store;
use trunkline_server::store::sqlite::SqliteStore;

/// A history of the store, as it was when it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Era {
    /// Which.
    pub epoch: Epoch,
    /// All logs.
    pub logs: BTreeMap<ConversationId, Log>,
}

/// A conversation in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// From the first to the last.
    pub changes: Vec<Change>,
    /// Who is in it.
    pub members: BTreeSet<UserId>,
}

impl Log {
    /// Whether this is the same conversation in another history, and not one that only has its id.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let beginnings = [self, other].map(|log| {
            let first = log.changes.first()?;
            matches!(first.body, ChangeBody::Created { .. }).then_some(first)
        });
        match beginnings {
            // Two people are in a direct one for ever.
            [None, None] => self.members == other.members,
            [one, another] => one == another,
        }
    }

    /// The change with this seq.
    #[must_use]
    pub fn at(&self, seq: Seq) -> Option<&Change> {
        self.changes.get(usize::try_from(seq.0.checked_sub(1)?).ok()?)
    }
}

impl Era {
    /// Reads all that the store has.
    pub async fn read(store: &SqliteStore, world: &World) -> Self {
        let epoch = store.epoch().await.unwrap_or(Epoch(uuid::Uuid::nil()));
        let mut ids: BTreeSet<ConversationId> = lock(&world.conversations).iter().copied().collect();
        for &user in &world.people {
            let theirs = store.conversations(user).await.unwrap_or_default();
            ids.extend(theirs.iter().map(|conversation| conversation.id));
        }
        let mut logs = BTreeMap::new();
        for id in ids {
            let changes = store.changes(id, Seq(1), Seq(u64::from(u32::MAX))).await.unwrap_or_default();
            let members = store.membership(id).await.map(|membership| membership.users).unwrap_or_default();
            if !members.is_empty() || !changes.is_empty() {
                logs.insert(id, Log { changes, members });
            }
        }
        Self { epoch, logs }
    }
}

/// A device in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceAtRest {
    /// Which.
    pub number: usize,
    /// Whose.
    pub user: UserId,
    /// Whether the page is there.
    pub open: bool,
    /// Whether its login was ended at some time.
    pub logged_out: bool,
    /// How it stands with its node.
    pub link: Link,
    /// The epoch that it believes in.
    pub epoch: Option<Epoch>,
    /// What is kept of its outbox.
    pub kept: Vec<Entry>,
    /// Whether nothing waits for an answer.
    pub settled: bool,
    /// What is on screen.
    pub shown: BTreeMap<ConversationId, Shown>,
    /// What it would be if it were loaded now.
    pub fresh: BTreeMap<ConversationId, Conversation>,
    /// What it was told of others.
    pub presence: BTreeMap<UserId, bool>,
}

/// A conversation on a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The description.
    pub conversation: Conversation,
    /// Everything up to here was taken in.
    pub applied: Seq,
    /// The part of the log that is shown; `None` if none is to be.
    pub held: Option<Vec<Change>>,
}

impl DeviceAtRest {
    fn read(device: &Device, logged_out: bool, fresh: Vec<Conversation>) -> Self {
        let shown = device.client.replicas().map(|replica| {
            let held = replica.is_held().then(|| replica.held().to_vec());
            let conversation = replica.conversation().clone();
            (conversation.id, Shown { applied: replica.applied(), conversation, held })
        });
        Self {
            number: device.number,
            user: device.user,
            open: device.open,
            logged_out,
            link: device.client.link(),
            epoch: device.client.position().0,
            kept: device.storage.values().cloned().collect(),
            settled: device.client.is_settled(),
            shown: shown.collect(),
            fresh: fresh.into_iter().map(|conversation| (conversation.id, conversation)).collect(),
            presence: device.presence.clone(),
        }
    }

    /// Whether it is connected.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.open && self.link == Link::Live
    }

    /// Whether it should be.
    #[must_use]
    pub const fn belongs(&self) -> bool {
        self.open && !self.logged_out
    }

    /// Messages of its outbox that are not refused for good.
    pub fn waiting(&self) -> impl Iterator<Item = SendKey> {
        let waits = |entry: &&Entry| !matches!(entry.state, EntryState::Failed { .. });
        self.kept.iter().filter(waits).map(|entry| entry.key)
    }
}

/// A run that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What happened.
    pub history: Vec<Record>,
    /// The store's histories; the last one is the one that goes on.
    pub eras: Vec<Era>,
    /// Everybody's pages.
    pub devices: Vec<DeviceAtRest>,
    /// When some node last had a connection of somebody's, as far as it knew.
    pub connected: BTreeMap<UserId, Moment>,
    /// When that was.
    pub at: Moment,
}

impl Outcome {
    /// Looks at everything.
    pub async fn read(world: &World) -> Self {
        let store = world.stores.direct();
        let mut eras = std::mem::take(&mut *lock(&world.eras));
        eras.push(Era::read(&store, world).await);
        let mut devices = Vec::new();
        for device in &world.devices {
            let user = lock(device).user;
            let fresh = store.conversations(user).await.unwrap_or_default();
            let device = lock(device);
            let logged_out = world.stores.was_ended(device.session);
            devices.push(DeviceAtRest::read(&device, logged_out, fresh));
        }
        world.note_connected();
        let connected = std::mem::take(&mut *lock(&world.connected));
        Self { history: world.history.take(), eras, devices, connected, at: world.schedule.now() }
    }

    /// The history of the store that has this epoch.
    #[must_use]
    pub fn era(&self, epoch: Epoch) -> Option<&Era> {
        self.eras.iter().find(|era| era.epoch == epoch)
    }

    /// The one that goes on.
    #[must_use]
    pub fn now(&self) -> Option<&Era> {
        self.eras.last()
    }
}
