//! Hands what the client knows to the state that the components show.

use super::{Driver, Touched};
use crate::state::thread::Extent;
use leptos::prelude::*;
use std::rc::Rc;
use trunkline_protocol::client::replica::Replica;
use trunkline_protocol::{Change, ConversationId, ConversationKind, Presence, Seq, UserId};

impl Driver {
    pub(super) fn applied(&self, id: ConversationId, changes: &[Change]) {
        let chat = self.chat;
        let mut said = Vec::new();
        for change in changes {
            let Some(text) = change.body.text().filter(|_| change.author != chat.me) else { continue };
            if chat.typing.with_untracked(|typing| typing.writers(id).any(|writer| writer == change.author)) {
                chat.typing.update(|typing| typing.stopped(id, change.author));
            }
            if self.open.get() == Some(id) && chat.attention.get_untracked() {
                let name = chat.people.with_untracked(|people| people.name(change.author).to_owned());
                said.push(format!("{name}: {text}"));
            }
        }
        if !said.is_empty() {
            let said = said.join("\n");
            // The same words again are no change, and would not be read again.
            let again = chat.announcement.with_untracked(|before| *before == said);
            chat.announcement.set(if again { format!("{said}\u{a0}") } else { said });
        }
    }

    pub(super) fn present(&self, users: Vec<Presence>) {
        self.chat.presence.update(|known| {
            known.extend(users.into_iter().map(|presence| (presence.user, presence)));
        });
    }

    pub(super) fn show(self: &Rc<Self>, touched: Touched) {
        let chat = self.chat;
        if touched.link && !self.leaving.get() {
            let client = self.client.borrow();
            chat.link.set(Some(client.link()));
            chat.degraded.set(client.is_degraded());
        }
        for id in &touched.left {
            chat.remove(*id);
        }
        let touched_any = !touched.conversations.is_empty() || !touched.left.is_empty() || touched.everything;
        if !touched_any {
            return;
        }
        if touched.everything {
            let client = self.client.borrow();
            chat.keep_only(|id| client.replica(id).is_some());
        }
        {
            let client = self.client.borrow();
            for replica in client.replicas() {
                let id = replica.conversation().id;
                if touched.everything || touched.conversations.contains_key(&id) {
                    chat.put(replica.conversation());
                }
            }
        }
        chat.sort();
        let open = self.open.get().filter(|id| touched.everything || touched.conversations.contains_key(id));
        self.show_threads(open);
    }

    /// Shows the lines of a conversation, and watches who matters now.
    pub(super) fn show_threads(self: &Rc<Self>, id: Option<ConversationId>) {
        {
            let client = self.client.borrow();
            if let Some(replica) = id.and_then(|id| client.replica(id)) {
                let conversation = replica.conversation();
                let outbox: Vec<_> = client.outbox(conversation.id).cloned().collect();
                self.chat.show(conversation, replica.held(), &outbox, extent(replica));
            }
        }
        self.strand();
        self.watch();
    }

    /// What was written to a conversation that is gone stays in sight.
    fn strand(&self) {
        let client = self.client.borrow();
        let gone = self.open.get().filter(|id| client.replica(*id).is_none());
        let texts: Vec<_> = gone.into_iter().flat_map(|id| client.outbox(id)).map(|entry| entry.text.clone()).collect();
        if self.chat.stranded.with_untracked(|known| *known != texts) {
            self.chat.stranded.set(texts);
        }
    }

    /// The people in direct conversations, and everyone in the open one.
    fn watch(self: &Rc<Self>) {
        let users: Vec<UserId> = {
            let client = self.client.borrow();
            let of_interest = |replica: &&Replica| {
                let conversation = replica.conversation();
                conversation.kind == ConversationKind::Direct || Some(conversation.id) == self.open.get()
            };
            let members = client.replicas().filter(of_interest).flat_map(|replica| &replica.conversation().members);
            members.map(|member| member.user.id).filter(|&user| user != self.chat.me).collect()
        };
        let actions = {
            let mut client = self.client.borrow_mut();
            client.watch(users);
            client.take_actions()
        };
        let mut nothing = Touched::default();
        for action in actions {
            self.carry_out(action, &mut nothing);
        }
    }
}

/// How far the user has read, on this device or another.
pub(super) fn own_read(replica: &Replica, me: UserId) -> Seq {
    let told = replica.conversation().member(me).map_or(Seq(0), |member| member.read);
    told.max(replica.cursors().1)
}

fn extent(replica: &Replica) -> Extent {
    let caught_up = replica.applied() >= replica.conversation().head;
    Extent {
        loaded: replica.is_held() && (caught_up || !replica.held().is_empty()),
        has_older: replica.has_older(),
        end: replica.applied(),
    }
}
