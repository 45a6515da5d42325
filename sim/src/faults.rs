//! How the steps of a script are carried out.

use crate::bus::Manners;
use crate::history::Event;
use crate::lock;
use crate::rest::Era;
use crate::script::Step;
use crate::world::{BASE, USUAL_DELAY, World, log_in};
use crate::{registry, store};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use trunkline_protocol::{ConversationId, Epoch, SendKey, Seq, limits};
use trunkline_server::node::Node;
use trunkline_server::store::{Amendment, Credential, Store, StoreError};

/// Within this time both ends of a connection that was cut know it, if anybody does.
const NOTICED_WITHIN: u64 = 200;

impl World {
    /// Carries a step out.
    pub async fn take(self: &Arc<Self>, number: usize, step: &Step) {
        self.history.note(Event::Step(format!("{step:?}")));
        match *step {
            Step::Cut { device, silent } => self.cut(device, silent),
            Step::SlowReader { device, millis } => {
                lock(&self.devices[device]).slow_until = self.schedule.now() + millis;
            }
            Step::SlowNetwork { most, millis } => {
                self.most_delay.store(most, Ordering::Relaxed);
                self.later(millis, |world| world.most_delay.store(USUAL_DELAY, Ordering::Relaxed));
            }
            Step::Kill { slot, noticed } => self.kill_node(slot, "killed", noticed),
            Step::KillAll => (0..self.slots.len()).for_each(|at| self.kill_node(at, "killed with all others", true)),
            Step::KillAfterCommit { slot } => self.stores.kill_after_commit(Some(slot)),
            Step::Freeze { slot, millis } => {
                self.freeze(slot, true);
                self.later(millis, move |world| world.freeze(slot, false));
            }
            Step::Replace { slot, window } => self.replace_node(slot, Duration::from_millis(window)),
            Step::Bus { manners, millis } => {
                self.ether.set(manners);
                self.later(millis, |world| world.ether.set(Manners::default()));
            }
            Step::Deaf { slot } => self.ether.set_deaf(slot, true),
            Step::RegistryLost => self.registry.lose_all(),
            Step::Registry { trouble, millis } => {
                self.registry.set(trouble);
                self.later(millis, |world| world.registry.set(registry::Trouble::None));
            }
            Step::Store { trouble, millis } => {
                self.stores.set(trouble);
                self.later(millis, |world| world.stores.set(store::Trouble::None));
            }
            Step::Clock { slot, by } => drop(self.slots[slot].skew.fetch_add(by, Ordering::Relaxed)),
            Step::RollBack { steps } => {
                for at in 0..self.slots.len() {
                    self.kill_node(at, "stopped, so that a backup can be put back", true);
                }
                self.roll_back(number.saturating_sub(steps)).await;
            }
            Step::TakeOver { steps } => self.roll_back(number.saturating_sub(steps)).await,
            _ => self.deed(step).await,
        }
    }

    /// Ends all faults. What they have done takes its time to heal.
    pub fn heal(self: &Arc<Self>) {
        self.history.note(Event::Healed);
        self.most_delay.store(USUAL_DELAY, Ordering::Relaxed);
        self.ether.set(Manners::default());
        self.registry.set(registry::Trouble::None);
        self.stores.set(store::Trouble::None);
        self.stores.kill_after_commit(None);
        for slot in 0..self.slots.len() {
            self.freeze(slot, false);
        }
        for device in &self.devices {
            lock(device).slow_until = 0;
        }
        let lines: Vec<_> = lock(&self.lines).values().cloned().collect();
        for line in lines {
            self.device_reads(&line);
        }
    }

    fn later(self: &Arc<Self>, millis: u64, event: impl FnOnce(&Arc<Self>) + Send + 'static) {
        let world = self.clone();
        self.schedule.after(millis, move || event(&world));
    }

    fn cut(self: &Arc<Self>, device: usize, silent: bool) {
        let lines = lock(&self.devices[device]).lines();
        for line in lines {
            line.cut();
            let noticed = {
                let mut random = lock(&self.random);
                [random.below(NOTICED_WITHIN), random.below(NOTICED_WITHIN)]
            };
            let ended = line.clone();
            if silent {
                continue;
            }
            self.schedule.after(noticed[0], move || ended.end_at_node());
            self.later(noticed[1], move |world| world.device_loses(&line, None));
        }
    }

    async fn roll_back(self: &Arc<Self>, step: usize) {
        let Some(backup) = lock(&self.backups).get(&step).cloned() else { return };
        let epoch = Epoch(lock(&self.random).uuid());
        let era = Era::read(&self.stores.direct(), self).await;
        lock(&self.eras).push(era);
        match backup.copy_in_memory(epoch) {
            Ok(store) => {
                self.stores.replace(Arc::new(store), epoch);
                self.history.note(Event::RolledBack { epoch });
                for device in &self.devices {
                    let session = lock(device).session;
                    let is_good = self.stores.direct().is_valid(Credential::Session(session), BASE).await;
                    self.stores.set_ended(session, !matches!(is_good, Ok(true)));
                }
            }
            Err(error) => self.history.note(Event::Violation { invariant: 10, what: error.to_string() }),
        }
    }

    // ---- what people do --------------------------------------------------------------------------------------

    fn conversation_at(&self, at: usize) -> ConversationId {
        let conversations = lock(&self.conversations);
        conversations[at % conversations.len()]
    }

    async fn deed(self: &Arc<Self>, step: &Step) {
        match *step {
            Step::Send { device, conversation, count } => {
                for _ in 0..count {
                    self.send(device, conversation, None);
                }
            }
            Step::Flood { device, conversation, count } => {
                // Written as `\u0001`, each character takes six bytes.
                let long = "\u{1}".repeat(limits::MESSAGE_CHARS - 20);
                for _ in 0..count {
                    self.send(device, conversation, Some(&long));
                }
            }
            Step::Read { device, conversation, but } => {
                let id = self.conversation_at(conversation);
                lock(&self.devices[device]).with(self, |client, now| {
                    if let Some(applied) = client.replica(id).map(|replica| replica.applied()) {
                        client.read(now, id, Seq(applied.0.saturating_sub(but)));
                    }
                });
            }
            Step::Typing { device, conversation } => {
                let id = self.conversation_at(conversation);
                lock(&self.devices[device]).with(self, |client, now| client.typing(now, id));
            }
            Step::Hold { device, conversation, count } => {
                let id = self.conversation_at(conversation);
                lock(&self.devices[device]).hold(self, id, count);
            }
            Step::Older { device, conversation, count } => {
                let id = self.conversation_at(conversation);
                lock(&self.devices[device]).with(self, |client, now| client.load_older(now, id, count));
            }
            Step::Retry { device } => {
                let mut device = lock(&self.devices[device]);
                for key in device.failed() {
                    self.history.note(Event::Retried { device: device.number, key });
                    device.with(self, |client, now| client.retry(now, key));
                }
            }
            Step::Reload { device, holds_all } => {
                let seed = lock(&self.random).draw();
                let mut device = lock(&self.devices[device]);
                if device.open {
                    device.load(self, seed, holds_all);
                }
            }
            Step::Close { device } => lock(&self.devices[device]).shut(self),
            Step::Open { device } => self.open(device).await,
            Step::EndSession { device } => self.end_session(device),
            _ => self.amend(step),
        }
    }

    fn send(self: &Arc<Self>, device: usize, conversation: usize, long: Option<&str>) {
        let conversation = self.conversation_at(conversation);
        let mut device = lock(&self.devices[device]);
        // Nobody writes into what is not on their screen.
        if !device.open || device.client.replica(conversation).is_none() {
            return;
        }
        let key = SendKey(lock(&self.random).uuid());
        let text = format!("message {}{}", self.number(), long.unwrap_or_default());
        let (number, user) = (device.number, device.user);
        let epoch = device.client.position().0;
        self.history.note(Event::Sent { device: number, user, key, epoch, conversation, text: text.clone() });
        device.with(self, |client, now| client.send(now, key, conversation, text));
    }

    async fn open(self: &Arc<Self>, at: usize) {
        let (open, user, session) = {
            let device = lock(&self.devices[at]);
            (device.open, device.user, device.session)
        };
        let ended = self.stores.was_ended(session);
        if open && !ended {
            return;
        }
        if ended {
            let mut random = lock(&self.random).fork(self.number());
            let Ok(login) = log_in(&self.stores.direct(), &mut random, user).await else { return };
            let mut device = lock(&self.devices[at]);
            (device.session, device.token) = login;
        }
        let seed = lock(&self.random).draw();
        lock(&self.devices[at]).load(self, seed, true);
    }

    /// A user logs a device out from somewhere else.
    fn end_session(self: &Arc<Self>, device: usize) {
        let (user, session) = {
            let device = lock(&self.devices[device]);
            (device.user, device.session)
        };
        self.somewhere(move |node| async move {
            if let Ok(true) = node.store.end_session(user, session, node.now()).await {
                node.ended(&[Credential::Session(session)]);
            }
        });
    }

    fn amend(self: &Arc<Self>, step: &Step) {
        let (actor, conversation, amendment) = match *step {
            Step::Add { conversation, by, user } => (by, conversation, Amendment::AddMembers(vec![self.people[user]])),
            Step::Remove { conversation, by, user } => (by, conversation, Amendment::RemoveMember(self.people[user])),
            Step::Rename { conversation, by } => {
                (by, conversation, Amendment::Rename(format!("name {}", self.number())))
            }
            Step::HandOver { conversation, by, to } => (by, conversation, Amendment::ChangeOwner(self.people[to])),
            ref other => return self.make(other),
        };
        let (actor, conversation) = (self.people[actor], self.conversation_at(conversation));
        self.somewhere(move |node| async move {
            // Refused for who may not; unanswered where the node or the store is in trouble.
            let _ = node.amend(actor, conversation, amendment).await;
        });
    }

    fn make(self: &Arc<Self>, step: &Step) {
        let world = self.clone();
        let note = move |made: Result<ConversationId, StoreError>| {
            let mut known = lock(&world.conversations);
            if let Ok(made) = made
                && !known.contains(&made)
            {
                known.push(made);
            }
        };
        match step {
            Step::Group { user, others } => {
                let owner = self.people[*user];
                let others: Vec<_> = others.iter().map(|&other| self.people[other]).collect();
                let name = format!("group {}", self.number());
                self.somewhere(move |node| async move { note(node.create_group(owner, &name, &others).await) });
            }
            Step::Direct { user, other } => {
                let (user, other) = (self.people[*user], self.people[*other]);
                self.somewhere(move |node| async move { note(node.open_direct(user, other).await) });
            }
            Step::CallOneself { user } => {
                let (user, name) = (self.people[*user], format!("called {}", self.number()));
                self.somewhere(move |node| async move {
                    // As above.
                    let _ = node.rename(user, &name).await;
                });
            }
            _ => {}
        }
    }

    /// Does something by way of the node that the balancer chooses.
    fn somewhere<F>(self: &Arc<Self>, work: impl FnOnce(Arc<Node>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let at = lock(&self.random).below(self.slots.len() as u64) as usize;
        self.on_node(at, work);
    }
}
