//! Everything that there is in a run, and how it begins.

use crate::bus::Ether;
use crate::device::Device;
use crate::history::History;
use crate::line::Line;
use crate::lock;
use crate::node::Slot;
use crate::random::Random;
use crate::registry::SimRegistry;
use crate::rest::Era;
use crate::schedule::{Moment, Schedule};
use crate::script::{OWNERS, SLOTS, Setting};
use crate::store::Stores;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use trunkline_protocol::{ConversationId, Epoch, Millis, SessionId, UserId};
use trunkline_server::node::Routing;
use trunkline_server::store::sqlite::SqliteStore;
use trunkline_server::store::{NewAccount, NewSession, Store, StoreError};

/// The time of day at which every run begins, on a clock that is right.
pub const BASE: Millis = 1_800_000_000_000;
/// How long a login lasts: longer than any clock is off.
const LASTS: Millis = 30 * 24 * 60 * 60 * 1_000;
/// Most milliseconds that a frame takes while nothing is wrong.
pub const USUAL_DELAY: u64 = 30;

/// See the module.
pub struct World {
    /// What everything drawn comes from.
    pub seed: Random,
    /// What will happen when.
    pub schedule: Schedule,
    /// What happened.
    pub history: History,
    /// Chance of the network and of faults.
    pub random: Mutex<Random>,
    /// The bus.
    pub ether: Ether,
    /// The store.
    pub stores: Arc<Stores>,
    /// Who is where.
    pub registry: Arc<SimRegistry>,
    /// Where nodes run.
    pub slots: Vec<Slot>,
    /// Pages.
    pub devices: Vec<Mutex<Device>>,
    /// Connections between them.
    pub lines: Mutex<BTreeMap<u64, Arc<Line>>>,
    /// Everybody.
    pub people: Vec<UserId>,
    /// Every conversation; those made later behind the first ones.
    pub conversations: Mutex<Vec<ConversationId>>,
    /// Histories that a rollback has ended.
    pub eras: Mutex<Vec<Era>>,
    /// Copies of the store, by the number of the step before which they were made.
    pub backups: Mutex<BTreeMap<usize, Arc<SqliteStore>>>,
    /// Which nodes are told.
    pub routing: Routing,
    /// How fast people may send.
    pub sends_per_second: u32,
    /// When some node last had a connection of somebody's, as far as it knew.
    pub connected: Mutex<BTreeMap<UserId, Moment>>,
    /// Most milliseconds that a frame takes.
    pub most_delay: AtomicU64,
    numbers: AtomicU64,
}

impl World {
    /// The beginning: four people with six devices, two groups and a direct conversation, three places for nodes.
    ///
    /// # Errors
    /// If the store can not be made.
    pub async fn begin(seed: &Random, setting: &Setting) -> Result<Arc<Self>, StoreError> {
        let schedule = Schedule::new();
        let history = History::new(schedule.clone());
        let mut random = seed.fork(1);
        let epoch = Epoch(random.uuid());
        let store = Arc::new(SqliteStore::in_memory(epoch)?);
        let mut people = Vec::new();
        for name in ["ann", "ben", "eve", "dan"] {
            let (name, display_name, password) = (name.to_owned(), name.to_owned(), String::new());
            let account = NewAccount { name, display_name, password, at: BASE, invite: None, first_only: false };
            people.push(store.create_account(account).await?.user.id);
        }
        let [ann, ben, eve, dan] = [people[0], people[1], people[2], people[3]];
        let conversations = vec![
            store.create_group(ann, "all", &[ben, eve, dan], BASE).await?.0,
            store.direct(ann, ben, BASE).await?.0,
            store.create_group(ben, "three", &[ann, eve], BASE).await?.0,
        ];
        let mut devices = Vec::new();
        for (number, user) in OWNERS.into_iter().map(|owner| people[owner]).enumerate() {
            let (session, token) = log_in(&store, &mut random, user).await?;
            let skew = random.below(7_200_000) as Millis - 3_600_000;
            devices.push(Mutex::new(Device::new(number, user, session, token, skew)));
        }
        let slots = (0..SLOTS).map(|at| Slot::new(setting.skews[at])).collect();
        let world = Arc::new(Self {
            seed: seed.clone(),
            ether: Ether::new(schedule.clone(), seed.fork(2)),
            stores: Stores::new(store, epoch, seed.fork(3), history.clone()),
            registry: SimRegistry::new(seed.fork(4)),
            schedule,
            history,
            random: Mutex::new(random),
            slots,
            devices,
            lines: Mutex::default(),
            people,
            conversations: Mutex::new(conversations),
            eras: Mutex::default(),
            backups: Mutex::default(),
            routing: setting.routing,
            sends_per_second: setting.sends_per_second,
            connected: Mutex::default(),
            most_delay: AtomicU64::new(USUAL_DELAY),
            numbers: AtomicU64::new(0),
        });
        let weak = Arc::downgrade(&world);
        world.stores.set_killer(Arc::new(move |at| {
            if let Some(world) = weak.upgrade() {
                // Not within the step of the task that is to die.
                let killed = world.clone();
                world.schedule.after(0, move || killed.kill_node(at, "killed between commit and ack", true));
            }
        }));
        Ok(world)
    }

    /// A new number.
    pub fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// How long a frame takes.
    pub fn delay(&self) -> u64 {
        1 + lock(&self.random).below(self.most_delay.load(Ordering::Relaxed))
    }
}

/// A new login.
///
/// # Errors
/// If it can not be stored.
pub async fn log_in(
    store: &SqliteStore,
    random: &mut Random,
    user: UserId,
) -> Result<(SessionId, [u8; 32]), StoreError> {
    let mut token = [0; 32];
    token[..16].copy_from_slice(random.uuid().as_bytes());
    token[16..].copy_from_slice(random.uuid().as_bytes());
    let id = SessionId(random.uuid());
    let session = NewSession { id, user, token, device: "simulated".to_owned(), at: BASE, expires: BASE + LASTS };
    store.create_session(session).await?;
    Ok((id, token))
}
