//! What a device knows and was shown.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use trunkline_protocol::client::outbox::Entry;
use trunkline_protocol::client::{Action, Client, Event, Link};
use trunkline_protocol::{Change, ConversationId, ErrorCode, Millis, Presence, SendKey, Seq, UserId};

/// What a device knows and was shown. See [`super::Device::until`].
pub(crate) struct View {
    /// The state machine.
    pub(crate) client: Client,
    /// What was applied, in order.
    pub(crate) shown: BTreeMap<ConversationId, Vec<Change>>,
    /// Conversations it was told to have left, in order.
    pub(crate) left: Vec<ConversationId>,
    /// The last it was told of those it watches.
    pub(crate) presence: BTreeMap<UserId, Presence>,
    /// Who was told to be gone, in order.
    pub(crate) absences: Vec<UserId>,
    /// How it stood with its node, in order.
    pub(crate) links: Vec<Link>,
    /// What was written as a send, as often as it was.
    pub(crate) transmitted: Vec<SendKey>,
    /// Who was told to be writing where, in order.
    pub(crate) typing: Vec<(ConversationId, UserId)>,
    /// What was refused besides sends, in order.
    pub(crate) refused: Vec<(ErrorCode, String)>,
    /// How often the history was another one.
    pub(crate) resets: usize,
    /// How often it was welcomed.
    pub(crate) welcomes: usize,
    /// Delays it was told to move after, in order.
    pub(crate) moving: Vec<u32>,
    /// Whether it was ever told that its node is cut off.
    pub(crate) was_degraded: bool,
    /// The outbox as a browser keeps it.
    pub(super) kept: BTreeMap<SendKey, Entry>,
    /// What was acknowledged.
    pub(super) acked: Vec<SendKey>,
    pub(super) nodes: Vec<SocketAddr>,
    pub(super) cookie: String,
    /// Whether it holds every conversation as soon as it knows it.
    pub(super) holds: bool,
    /// What the socket's task has to do.
    pub(super) orders: VecDeque<Action>,
}

impl View {
    /// Of a device that was shown nothing yet, with what is left of its outbox.
    pub(super) fn new(client: Client, nodes: &[SocketAddr], cookie: &str, kept: BTreeMap<SendKey, Entry>) -> Self {
        Self {
            client,
            shown: BTreeMap::new(),
            left: Vec::new(),
            presence: BTreeMap::new(),
            absences: Vec::new(),
            links: Vec::new(),
            transmitted: Vec::new(),
            typing: Vec::new(),
            refused: Vec::new(),
            resets: 0,
            welcomes: 0,
            moving: Vec::new(),
            was_degraded: false,
            kept,
            acked: Vec::new(),
            nodes: nodes.to_vec(),
            cookie: cookie.to_owned(),
            holds: true,
            orders: VecDeque::new(),
        }
    }

    /// The texts shown of a conversation, in order.
    pub(crate) fn texts(&self, conversation: ConversationId) -> Vec<&str> {
        self.shown(conversation).iter().filter_map(|change| change.body.text()).collect()
    }

    /// Everything shown of a conversation, in order.
    pub(crate) fn shown(&self, conversation: ConversationId) -> &[Change] {
        self.shown.get(&conversation).map_or(&[], Vec::as_slice)
    }

    /// How many messages of others are unread here.
    pub(crate) fn unread(&self, conversation: ConversationId) -> Option<u64> {
        self.client.replica(conversation).map(|replica| replica.conversation().unread)
    }

    /// Where a member's cursors stand, as (delivered, read).
    pub(crate) fn cursors(&self, conversation: ConversationId, user: UserId) -> Option<(Seq, Seq)> {
        let member = self.client.replica(conversation)?.conversation().member(user)?;
        Some((member.delivered, member.read))
    }

    /// Carries out what needs no socket at once, as a browser does, and keeps the rest for the task.
    pub(super) fn carry_out(&mut self, now: Millis) {
        loop {
            let actions = self.client.take_actions();
            if actions.is_empty() {
                return;
            }
            for action in actions {
                match action {
                    Action::Keep(entry) => drop(self.kept.insert(entry.key, entry)),
                    Action::Forget(key) => drop(self.kept.remove(&key)),
                    Action::Notify(event) => self.record(event, now),
                    Action::Connect(_) | Action::Disconnect(_) | Action::Transmit(..) => self.orders.push_back(action),
                }
            }
        }
    }

    fn record(&mut self, event: Event, now: Millis) {
        match event {
            Event::Applied(conversation, changes) => {
                let shown = self.shown.entry(conversation).or_default();
                for change in changes {
                    let before = shown.last().map(|last| last.seq);
                    assert!(before.is_none_or(|seq| seq.next() == change.seq), "after {before:?} came {change:?}");
                    shown.push(change);
                }
            }
            Event::Conversation(conversation) => {
                let fresh = self.client.replica(conversation).filter(|replica| self.holds && !replica.is_held());
                if let Some(since) = fresh.map(|replica| replica.conversation().since.max(Seq(1))) {
                    self.client.hold(now, conversation, since, Vec::new());
                }
            }
            Event::Left(conversation) => {
                self.left.push(conversation);
                self.shown.remove(&conversation);
            }
            Event::Presence(users) => {
                self.absences.extend(users.iter().filter(|presence| !presence.online).map(|presence| presence.user));
                self.presence.extend(users.into_iter().map(|presence| (presence.user, presence)));
            }
            Event::Typing(conversation, user) => self.typing.push((conversation, user)),
            Event::Refused(code, message) => self.refused.push((code, message)),
            Event::Reset => {
                self.resets += 1;
                self.shown.clear();
            }
            Event::Health => self.was_degraded |= self.client.is_degraded(),
            Event::Link => self.links.push(self.client.link()),
            Event::Outbox(_) => {}
        }
    }
}
