//! The context of the chat page.

use super::address::Address;
use super::clock::Clock;
use super::lines::{LineId, Source, arrange};
use super::people::{People, conversation_name};
use super::roster;
use super::thread::{Extent, Thread};
use super::typing::Typing;
use crate::backend::{ChatSnapshot, Viewer};
use crate::time;
use leptos::prelude::*;
use trunkline_protocol::client::Link;
use trunkline_protocol::client::outbox::Entry;
use trunkline_protocol::sorted::SortedMap;
use trunkline_protocol::{Change, Conversation, ConversationId, Presence, Seq, UserId};

/// Everything the chat page shows. Built from a snapshot on the server and in the browser alike; from then on the
/// browser's [`crate::realtime`] keeps it up to date.
#[derive(Clone, Copy, Debug)]
pub struct Chat {
    /// Who looks.
    pub me: UserId,
    /// Who looks, in full.
    pub viewer: StoredValue<Viewer>,
    /// The reader's time.
    pub clock: Clock,
    /// The conversation that the URL names.
    pub open: Address,
    /// The line that the address asked for, and in which conversation.
    pub target: Option<(ConversationId, LineId)>,
    /// How the page stands with its node; `None` before the first try.
    pub link: RwSignal<Option<Link>>,
    /// Whether the node is cut off from the others.
    pub degraded: RwSignal<bool>,
    /// Whether the reader looks at this page: it is visible and has the focus.
    pub attention: RwSignal<bool>,
    /// What people are called.
    pub people: RwSignal<People>,
    /// Who is here, as far as it is watched.
    pub presence: RwSignal<SortedMap<UserId, Presence>>,
    /// Who is writing.
    pub typing: RwSignal<Typing>,
    /// What a screen reader is to say next.
    pub announcement: RwSignal<String>,
    /// Something went wrong that is not about one message.
    pub notice: RwSignal<Option<String>>,
    /// Texts that were not sent to the open conversation, which the viewer is not in any more.
    pub stranded: RwSignal<Vec<String>>,
    /// Whether the switcher is open.
    pub switching: RwSignal<bool>,
    conversations: RwSignal<SortedMap<ConversationId, ArcRwSignal<Conversation>>>,
    order: RwSignal<Vec<ConversationId>>,
    threads: StoredValue<SortedMap<ConversationId, Thread>>,
}

impl Chat {
    /// The state that a snapshot describes.
    #[must_use]
    pub fn new(snapshot: &ChatSnapshot, open: Address) -> Self {
        let chat = Self {
            me: snapshot.viewer.user.id,
            viewer: StoredValue::new(snapshot.viewer.clone()),
            clock: Clock::new(),
            open,
            target: target(snapshot),
            link: RwSignal::new(None),
            degraded: RwSignal::new(snapshot.degraded),
            attention: RwSignal::new(false),
            people: RwSignal::new(People::default()),
            presence: RwSignal::new(snapshot.presence.iter().map(|presence| (presence.user, *presence)).collect()),
            typing: RwSignal::new(Typing::default()),
            announcement: RwSignal::new(String::new()),
            notice: RwSignal::new(None),
            stranded: RwSignal::new(Vec::new()),
            switching: RwSignal::new(false),
            conversations: RwSignal::new(SortedMap::new()),
            order: RwSignal::new(Vec::new()),
            threads: StoredValue::new(SortedMap::new()),
        };
        chat.people.update(|people| {
            people.learn(&snapshot.viewer.user);
        });
        for conversation in &snapshot.conversations {
            chat.put(conversation);
        }
        chat.sort();
        if let Some(open) = &snapshot.open
            && let Some(conversation) = chat.conversation_untracked(open.id)
        {
            let conversation = conversation.get_untracked();
            chat.opened(open.id, conversation.member(chat.me).map_or(Seq(0), |member| member.read));
            let extent = Extent {
                loaded: true,
                has_older: open.from > conversation.since.max(Seq(1)),
                end: open.changes.last().map_or(open.from.previous(), |last| last.seq),
            };
            chat.show(&conversation, &open.changes, &[], extent);
        }
        chat
    }

    // ---- what components read --------------------------------------------------------------------------------

    /// The ids of all conversations, last active first. Tracked.
    #[must_use]
    pub fn order(self) -> Vec<ConversationId> {
        self.order.get()
    }

    /// A conversation, if the viewer is in it. Tracks whether they are, not the conversation itself.
    #[must_use]
    pub fn conversation(self, id: ConversationId) -> Option<ArcRwSignal<Conversation>> {
        self.conversations.with(|known| known.get(&id).cloned())
    }

    /// A conversation, without tracking.
    #[must_use]
    pub fn conversation_untracked(self, id: ConversationId) -> Option<ArcRwSignal<Conversation>> {
        self.conversations.with_untracked(|known| known.get(&id).cloned())
    }

    /// What a conversation is called. Tracked.
    #[must_use]
    pub fn name(self, id: ConversationId) -> Option<String> {
        self.conversation(id).map(|conversation| conversation.with(|given| conversation_name(given, self.me)))
    }

    /// What somebody is called. Tracked.
    #[must_use]
    pub fn person(self, user: UserId) -> String {
        self.people.with(|people| people.name(user).to_owned())
    }

    /// Whether somebody is here; `None` if that is not known. Tracked.
    #[must_use]
    pub fn is_online(self, user: UserId) -> Option<bool> {
        self.presence.with(|presence| presence.get(&user).map(|known| known.online))
    }

    /// Unread messages in all conversations. Tracked.
    #[must_use]
    pub fn unread(self) -> u64 {
        self.conversations
            .with(|known| known.values().map(|conversation| conversation.with(|given| given.unread)).sum())
    }

    /// The lines of a conversation; empty until they are loaded.
    #[must_use]
    pub fn thread(self, id: ConversationId) -> Thread {
        self.threads
            .try_update_value(|threads| threads.get_or_insert_with(id, Thread::default).clone())
            .unwrap_or_default()
    }

    // ---- what keeps it up to date ----------------------------------------------------------------------------

    /// A conversation looks like this now. [`Chat::sort`] is to follow.
    pub fn put(self, given: &Conversation) {
        let learned = self.people.try_maybe_update(|people| {
            let new = people.learn_members(given);
            (new, new)
        });
        debug_assert!(learned.is_some(), "the page is gone");
        match self.conversation_untracked(given.id) {
            Some(known) if known.with_untracked(|known| known == given) => {}
            Some(known) => known.set(given.clone()),
            None => self.conversations.update(|known| {
                known.insert(given.id, ArcRwSignal::new(given.clone()));
            }),
        }
    }

    /// The viewer is no longer in a conversation.
    pub fn remove(self, id: ConversationId) {
        self.conversations.update(|known| {
            known.remove(&id);
        });
        self.threads.update_value(|threads| {
            threads.remove(&id);
        });
        self.sort();
    }

    /// The store's history is another one: drops every conversation that is not in it, and all lines.
    pub fn keep_only(self, is_known: impl Fn(ConversationId) -> bool) {
        self.conversations.update(|known| known.retain(|&id, _| is_known(id)));
        self.threads.with_value(|threads| {
            threads.values().for_each(|thread| thread.show(Vec::new(), Extent::default()));
        });
        self.sort();
    }

    /// Puts the list in order.
    pub fn sort(self) {
        let order = self.conversations.with_untracked(|known| {
            let given: Vec<_> = known.values().map(|conversation| conversation.read_untracked()).collect();
            roster::sorted(given.iter().map(|conversation| &**conversation))
        });
        if self.order.with_untracked(|shown| *shown != order) {
            self.order.set(order);
        }
    }

    /// A conversation is opened now; the viewer had read it up to `read`.
    pub fn opened(self, id: ConversationId, read: Seq) {
        let unread =
            self.conversation_untracked(id).is_some_and(|given| given.with_untracked(|given| given.unread > 0));
        self.thread(id).read_until.set(unread.then_some(read));
    }

    /// Shows this part of a conversation's log, and what is on its way.
    pub fn show(self, conversation: &Conversation, changes: &[Change], outbox: &[Entry], extent: Extent) {
        let learned = self.people.try_maybe_update(|people| {
            let new = people.learn_changes(changes);
            (new, new)
        });
        debug_assert!(learned.is_some(), "the page is gone");
        let thread = self.thread(conversation.id);
        let read_until = thread.read_until.get_untracked();
        let source = Source { me: self.me, conversation, changes, outbox, read_until };
        let clock = self.clock;
        let lines = untrack(|| arrange(source, |at| time::day_of(at, clock.offset(at))));
        thread.show(lines, extent);
    }
}

/// The line that a snapshot was made for.
fn target(snapshot: &ChatSnapshot) -> Option<(ConversationId, LineId)> {
    let open = snapshot.open.as_ref()?;
    let change = open.changes.iter().find(|change| Some(change.seq) == open.at)?;
    let own = change.author == snapshot.viewer.user.id && change.body.text().is_some();
    Some((open.id, change.key.filter(|_| own).map_or(LineId::Change(change.seq), LineId::Own)))
}
