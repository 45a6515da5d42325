//! A device: the real state machine of the protocol crate over a real WebSocket, as the browser runs it. It holds every
//! conversation and notes everything that it shows, and when.
//!
//! # Layout
//!
//! - `host`: sockets, and carrying out what the machine says
//! - `socket`: one WebSocket
//! - [`view`]: what it knows and was shown

mod host;
mod socket;
mod view;

pub(crate) use view::{View, read_to};

use super::history::{History, Life};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use trunkline_protocol::client::{Client, Link};
use trunkline_protocol::{ConversationId, Millis, SendKey, Seq, UserId};

/// Who a device belongs to, and where it connects.
#[derive(Clone, Debug)]
pub(crate) struct Owner {
    pub(crate) user: UserId,
    pub(crate) name: String,
    /// The `Cookie` header of the session.
    pub(crate) cookie: String,
    /// Where it connects, for ever.
    pub(crate) door: SocketAddr,
}

/// What a device holds of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    /// Everything that its user may see.
    All,
    /// The newest changes, so many.
    Latest(u64),
    /// Everything of these, and of others the newest changes, so many.
    AllOf(Arc<BTreeSet<ConversationId>>, u64),
}

/// See the module. The device ends with it.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) number: usize,
    pub(crate) owner: Owner,
    shared: Arc<Shared>,
    task: AbortHandle,
}

#[derive(Debug)]
struct Shared {
    history: History,
    view: Mutex<View>,
    /// The user has done something.
    wake: Notify,
}

impl Shared {
    fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Device {
    /// A new one, which connects.
    pub(crate) fn start(number: usize, owner: Owner, holds: Holds, history: &History) -> Self {
        let life = Life {
            device: number,
            user: owner.user,
            goes_on: true,
            shown: BTreeMap::new(),
            resets: 0,
            slips: Vec::new(),
        };
        let client = Client::new(owner.user, seed(), Vec::new());
        let mut view = View::new(client, holds, life);
        let now = history.clock.now();
        view.client.connect(now);
        view.carry_out(now);
        let shared = Arc::new(Shared { history: history.clone(), view: Mutex::new(view), wake: Notify::new() });
        let task = tokio::spawn(host::drive(shared.clone(), owner.clone())).abort_handle();
        Self { number, owner, shared, task }
    }

    /// Loads the page anew: everything is gone but the kept outbox. Gives what it was shown before.
    pub(crate) fn reload(&self) -> Life {
        let now = self.shared.history.clock.now();
        let ended = self.view().reload(seed(), now);
        self.shared.wake.notify_one();
        ended
    }

    /// What it knows now. Not to be held across a wait.
    pub(crate) fn view(&self) -> MutexGuard<'_, View> {
        self.shared.view()
    }

    /// Sends a message.
    pub(crate) fn send(&self, conversation: ConversationId, text: String) -> SendKey {
        let key = SendKey::random();
        let (author, device) = (self.owner.user, self.number);
        let sent = super::history::Sent {
            key,
            author,
            device,
            conversation,
            text: text.clone(),
            at: self.shared.history.clock.now(),
        };
        self.shared.history.events().sent.push(sent);
        self.act(|client, now| client.send(now, key, conversation, text));
        key
    }

    /// Reads all that is known of a conversation.
    pub(crate) fn read(&self, conversation: ConversationId) {
        self.act(|client, now| {
            let head = client.replica(conversation).map_or(Seq(0), |replica| replica.applied());
            client.read(now, conversation, head);
        });
    }

    /// Lets the user do something.
    pub(crate) fn act<T>(&self, act: impl FnOnce(&mut Client, Millis) -> T) -> T {
        let now = self.shared.history.clock.now();
        let done = {
            let mut view = self.view();
            let done = act(&mut view.client, now);
            view.carry_out(now);
            done
        };
        self.shared.wake.notify_one();
        done
    }

    /// Whether it is welcomed, and owes and is owed nothing.
    pub(crate) fn is_at_rest(&self) -> bool {
        let view = self.view();
        view.client.link() == Link::Live
            && view.client.is_settled()
            && view.client.replicas().all(|replica| replica.applied() == replica.conversation().head)
    }

    /// How it stands, for somebody who wonders why.
    pub(crate) fn describe(&self) -> String {
        let view = self.view();
        let behind: Vec<_> = view
            .client
            .replicas()
            .filter(|replica| replica.applied() != replica.conversation().head)
            .map(|replica| {
                let (id, head) = (replica.conversation().id, replica.conversation().head);
                format!("{} of {head} in {id}", replica.applied())
            })
            .collect();
        let waiting = if view.client.is_settled() { "" } else { ", waits for acks" };
        let (now, link, last) = (self.shared.history.clock.now(), view.client.link(), view.closes.last());
        let behind = behind.join(", ");
        format!(
            "device {} of {} at {now}: {link:?}{waiting} {behind}; last end: {last:?}",
            self.number, self.owner.name
        )
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn seed() -> u64 {
    SendKey::random().0.as_u64_pair().1
}
