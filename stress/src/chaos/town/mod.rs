//! The people: twenty who talk, with two devices each, and some with a part of their own.
//!
//! # Layout
//!
//! - [`people`]: accounts, logins and conversations
//! - [`talk`]: what those who talk do all the time
//! - [`witness`]: who reads after acks, who comes and goes in a group, whose session is ended

pub(crate) mod people;
pub(crate) mod talk;
pub(crate) mod witness;

use super::cluster::{Cluster, NODES};
use super::device::{Device, Holds, Owner};
use super::history::{History, Life};
use anyhow::Result;
use people::People;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{RwLock, RwLockReadGuard};
use tokio::time::{Instant, sleep};
use trunkline_protocol::{ConversationId, UserId};

/// Who talks.
pub(crate) const TALKERS: usize = 20;
/// Who is on one node and knows no other: one for each.
pub(crate) const PINNED: std::ops::Range<usize> = TALKERS..TALKERS + NODES;
/// Who is removed from a group and added again.
pub(crate) const GUEST: usize = TALKERS + NODES;
/// Who is in no group.
pub(crate) const OUTSIDER: usize = GUEST + 1;
/// Whose sessions are ended.
pub(crate) const REVOKED: usize = GUEST + 2;
/// Who reads slowly.
pub(crate) const SLOW: usize = GUEST + 3;
/// Everybody.
pub(crate) const EVERYBODY: usize = GUEST + 4;
/// How long everybody may take to be connected when nothing is wrong.
const CONNECTED_WITHIN: Duration = Duration::from_secs(20);

/// See the module.
#[derive(Debug)]
pub(crate) struct Town {
    pub(crate) people: People,
    pub(crate) history: History,
    devices: Mutex<Vec<Arc<Device>>>,
    /// Of devices whose page was loaded anew, or that are no more.
    ended: Mutex<Vec<Life>>,
    /// Whether people talk now.
    talking: AtomicBool,
    /// Whoever does something shares this meanwhile.
    doing: RwLock<()>,
    /// The next device's number.
    numbers: Mutex<usize>,
}

impl Town {
    /// Everybody is there and connected.
    ///
    /// # Errors
    /// If that takes too long.
    pub(crate) async fn found(cluster: &Cluster) -> Result<Arc<Self>> {
        let people = People::make(cluster.addresses()).await?;
        let town = Arc::new(Self {
            people,
            history: History::new(),
            devices: Mutex::default(),
            ended: Mutex::default(),
            talking: AtomicBool::new(false),
            doing: RwLock::new(()),
            numbers: Mutex::new(0),
        });
        let door = cluster.door.address;
        for user in (0..TALKERS).flat_map(|user| [user, user]).chain([GUEST, OUTSIDER]) {
            town.join(user, door, Holds::All);
        }
        for (node, user) in PINNED.enumerate() {
            town.join(user, cluster.front_address(node), Holds::All);
        }
        let until = Instant::now() + CONNECTED_WITHIN;
        while let Some(waits) = town.devices().into_iter().find(|device| !device.is_at_rest()) {
            anyhow::ensure!(Instant::now() < until, "not connected in time: {}", waits.describe());
            sleep(Duration::from_millis(20)).await;
        }
        let everybody = town.people.ids();
        town.watcher().act(|client, _| client.watch(everybody));
        Ok(town)
    }

    /// A new device of somebody.
    pub(crate) fn join(&self, user: usize, door: std::net::SocketAddr, holds: Holds) -> Arc<Device> {
        let device = Arc::new(Device::start(self.number(), self.people.owner(user, door), holds, &self.history));
        self.list().push(device.clone());
        device
    }

    /// A new device that is not one of the town's.
    pub(crate) fn visitor(&self, owner: Owner, holds: Holds) -> Device {
        Device::start(self.number(), owner, holds, &self.history)
    }

    /// Loads the page of a device anew.
    pub(crate) fn reload(&self, device: &Device) {
        let ended = device.reload();
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).push(ended);
    }

    /// A device is no more. What it was shown still counts.
    pub(crate) fn leave(&self, device: &Device) {
        self.list().retain(|other| other.number != device.number);
        self.bury(device);
    }

    /// What a visitor was shown counts as well.
    pub(crate) fn bury(&self, device: &Device) {
        let life = Life { goes_on: false, ..device.view().life.clone() };
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).push(life);
    }

    /// Every device of now.
    pub(crate) fn devices(&self) -> Vec<Arc<Device>> {
        self.list().clone()
    }

    /// Those who talk, two for each of them.
    pub(crate) fn talkers(&self) -> Vec<Arc<Device>> {
        self.list()[..2 * TALKERS].to_vec()
    }

    /// The device of somebody who has one.
    pub(crate) fn device_of(&self, user: usize) -> Option<Arc<Device>> {
        let id = self.people.id(user);
        self.list().iter().find(|device| device.owner.user == id).cloned()
    }

    /// The device that watches who is online. Its page is never loaded anew.
    pub(crate) fn watcher(&self) -> Arc<Device> {
        self.list()[0].clone()
    }

    /// Whether a user is online, as far as the watcher knows.
    pub(crate) fn is_online(&self, user: UserId) -> bool {
        self.watcher().view().presence.get(&user).is_some_and(|(online, _)| *online)
    }

    /// What every device was shown.
    pub(crate) fn lives(&self) -> Vec<Life> {
        let mut lives: Vec<_> = self.devices().iter().map(|device| device.view().life.clone()).collect();
        lives.extend(self.ended.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned());
        lives
    }

    /// Lets people talk.
    pub(crate) fn talk(&self) {
        self.talking.store(true, Ordering::SeqCst);
    }

    /// Lets nobody say anything more, and waits until what is being done is done.
    pub(crate) async fn hush(&self) {
        self.talking.store(false, Ordering::SeqCst);
        drop(self.doing.write().await);
    }

    /// Leave to do something, if people talk; for as long as it is kept.
    pub(crate) async fn turn(&self) -> Option<RwLockReadGuard<'_, ()>> {
        let turn = self.doing.read().await;
        self.talking.load(Ordering::SeqCst).then_some(turn)
    }

    /// Whether a device of the town shows this message.
    pub(crate) fn shows(&self, device: &Device, here: ConversationId, key: trunkline_protocol::SendKey) -> bool {
        let view = device.view();
        view.life.shown.get(&here).is_some_and(|shown| shown.iter().rev().any(|shown| shown.change.key == Some(key)))
    }

    fn number(&self) -> usize {
        let mut next = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        *next += 1;
        *next - 1
    }

    fn list(&self) -> MutexGuard<'_, Vec<Arc<Device>>> {
        self.devices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
