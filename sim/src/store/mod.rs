//! The store as a node sees it: the real one, in memory, behind a network that delays, loses questions and answers, and
//! refuses. What was committed goes into the history at the moment of the commit, whether or not anybody hears of it.
//!
//! # Layout
//!
//! - `seam`: the way there and back, for each method of the seam

mod seam;

pub use seam::SimStore;

use crate::history::{Event, History};
use crate::lock;
use crate::random::Random;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use tokio::sync::watch;
use trunkline_protocol::{Epoch, SessionId};
use trunkline_server::store::Credential;
use trunkline_server::store::sqlite::SqliteStore;

/// What is wrong with the way to the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    #[default]
    None,
    /// Everything is refused at once.
    Refuses,
    /// No question arrives.
    Hangs,
    /// So many of a hundred answers are lost, after the commit.
    LosesAnswers(u64),
    /// Everything takes up to so many milliseconds.
    Slow(u64),
}

/// The one store of all nodes, and what it has lived through.
pub struct Stores {
    history: History,
    state: Mutex<State>,
}

struct State {
    store: Arc<SqliteStore>,
    epoch: Epoch,
    random: Random,
    trouble: Trouble,
    /// The next process here whose append is committed dies before it hears of it.
    kills: Option<usize>,
    /// Put in place of the node: what happens to it.
    kill: Arc<dyn Fn(usize) + Send + Sync>,
    /// Sessions that are ended, and since when.
    ended: BTreeMap<SessionId, u64>,
    /// Those that ever were, also in a history that ended.
    ever_ended: BTreeSet<SessionId>,
}

impl Stores {
    /// Around this store, with its history.
    #[must_use]
    pub fn new(store: Arc<SqliteStore>, epoch: Epoch, random: Random, history: History) -> Arc<Self> {
        let state = State {
            store,
            epoch,
            random,
            trouble: Trouble::None,
            kills: None,
            kill: Arc::new(|_| {}),
            ended: BTreeMap::new(),
            ever_ended: BTreeSet::new(),
        };
        Arc::new(Self { history, state: Mutex::new(state) })
    }

    /// Who is asked to kill a process.
    pub fn set_killer(&self, kill: Arc<dyn Fn(usize) + Send + Sync>) {
        lock(&self.state).kill = kill;
    }

    /// From now on this is wrong.
    pub fn set(&self, trouble: Trouble) {
        lock(&self.state).trouble = trouble;
    }

    /// The process in this place dies between its next commit and its answer.
    pub fn kill_after_commit(&self, slot: Option<usize>) {
        lock(&self.state).kills = slot;
    }

    /// The store itself, without any trouble.
    pub fn direct(&self) -> Arc<SqliteStore> {
        lock(&self.state).store.clone()
    }

    /// The history that it has.
    pub fn epoch(&self) -> Epoch {
        lock(&self.state).epoch
    }

    /// Another store is in its place, with another history.
    pub fn replace(&self, store: Arc<SqliteStore>, epoch: Epoch) {
        let mut state = lock(&self.state);
        (state.store, state.epoch) = (store, epoch);
    }

    /// When a session was ended, if it was.
    pub fn ended_at(&self, session: SessionId) -> Option<u64> {
        lock(&self.state).ended.get(&session).copied()
    }

    /// Another store is in its place, in which a login may be good again, or may never have been.
    pub fn set_ended(&self, session: SessionId, ended: bool) {
        if ended {
            self.note_ended(&[Credential::Session(session)]);
        } else {
            lock(&self.state).ended.remove(&session);
        }
    }

    /// Whether a page may have been told that its login is ended.
    pub fn was_ended(&self, session: SessionId) -> bool {
        lock(&self.state).ever_ended.contains(&session)
    }

    fn note_ended(&self, credentials: &[Credential]) {
        let now = self.history.now();
        for credential in credentials {
            if let Credential::Session(session) = credential {
                let mut state = lock(&self.state);
                state.ended.entry(*session).or_insert(now);
                state.ever_ended.insert(*session);
                drop(state);
                self.history.note(Event::SessionEnded { session: *session });
            }
        }
    }

    /// The way of one process to the store.
    #[must_use]
    pub fn seen_from(self: &Arc<Self>, slot: usize) -> SimStore {
        SimStore { stores: self.clone(), slot, opened: lock(&self.state).epoch, works: watch::Sender::new(true) }
    }
}
