//! A connection's welcome, and who comes into a conversation or leaves it.

use super::Node;
use super::delivery::left;
use super::frames;
use super::hub::{Admission, Entry, Missed};
use crate::connection::handle::Handle;
use crate::store::{Joined, Membership, Resume, StoreError};
use std::sync::Arc;
use std::time::Duration;
use trunkline_protocol::{Change, CloseCode, Conversation, ConversationId, Epoch, Position, ServerFrame, UserId};

/// Why a connection was not welcomed.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// The user has too many connections.
    #[error(transparent)]
    TooMany(#[from] super::hub::TooMany),
    /// The session was ended while the connection was made.
    #[error("the session was ended")]
    SessionEnded,
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl JoinError {
    /// What the connection is closed with.
    #[must_use]
    pub const fn close_code(&self) -> CloseCode {
        match self {
            Self::TooMany(_) => CloseCode::TooManyConnections,
            Self::SessionEnded => CloseCode::SessionEnded,
            Self::Store(_) => CloseCode::Unavailable,
        }
    }
}

impl Node {
    /// Registers a connection that said hello and welcomes it. The order is what makes nothing fall between: heard
    /// by the hub and found by other nodes first, then the store is read, then the welcome goes before
    /// whatever came meanwhile. To be undone by [`Node::leave`], also after an error.
    ///
    /// # Errors
    /// As [`JoinError`] says.
    pub async fn join(
        self: &Arc<Self>,
        handle: &Arc<Handle>,
        epoch: Option<Epoch>,
        position: Position,
    ) -> Result<(), JoinError> {
        if self.hub.register(handle)? {
            self.enter(handle.user).await;
        }
        let listening = self.hub.listening();
        // After registering: an end that comes later is heard by the hub.
        if !self.store.is_valid(handle.credential, self.now()).await? {
            return Err(JoinError::SessionEnded);
        }
        let resume = self.resume(handle.user, epoch, position).await?;
        let welcome = self.welcome(handle.user, &resume);
        let Admission { missed, gaps, unheard, unnamed, cursors } = self.hub.admit(handle, &resume.joined, welcome);
        drop(listening);
        for missed in missed {
            self.replay(handle, missed).await;
        }
        for conversation in unheard {
            self.reconcile_added(conversation).await?;
            if !self.hub.user_hears(handle.user, conversation) {
                // Removed again since the welcome was read.
                handle.outbound.push(left(conversation));
            }
        }
        for conversation in unnamed {
            self.describe_to(handle, conversation).await?;
        }
        for state in &cursors {
            handle.outbound.push(frames::cursor_for(handle.user, state));
        }
        for conversation in gaps {
            self.repair_soon(conversation, Duration::ZERO);
        }
        if *self.draining.borrow() {
            // Came in just before the door was shut, perhaps too late to be told with the others.
            handle.outbound.push(frames::moving(Duration::ZERO));
        }
        self.note_size();
        Ok(())
    }

    /// What a device of this user needs that has seen this much of this history; of another history it has seen nothing.
    async fn resume(&self, user: UserId, epoch: Option<Epoch>, position: Position) -> Result<Resume, StoreError> {
        let since = (epoch == Some(self.epoch) && position > Position(0)).then_some(position);
        let resume = self.store.resume(user, since).await?;
        if since.is_some() && resume.epoch != self.epoch {
            // The store was replaced under this node, which is about to notice.
            return self.store.resume(user, None).await;
        }
        Ok(resume)
    }

    /// Tells a connection of a conversation that its user came into after its welcome was read.
    async fn describe_to(&self, handle: &Handle, conversation: ConversationId) -> Result<(), StoreError> {
        if let Some(description) = self.description(handle.user, conversation).await? {
            let joined = Joined { conversation, head: description.head };
            let frame = frames::encode(&ServerFrame::Conversation { conversation: description });
            if let Some(missed) = self.hub.describe_to(handle, joined, &frame) {
                self.replay(handle, missed).await;
            }
        }
        Ok(())
    }

    /// A conversation as a user sees it; `None` if they are not in it.
    pub(super) async fn description(
        &self,
        user: UserId,
        conversation: ConversationId,
    ) -> Result<Option<Conversation>, StoreError> {
        match self.store.conversation(user, conversation).await {
            Ok(description) => Ok(Some(description)),
            Err(StoreError::NotAMember | StoreError::UnknownConversation) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Lets a connection go.
    pub fn leave(self: &Arc<Self>, handle: &Handle) {
        if self.hub.unregister(handle) {
            self.left_soon(handle.user);
        }
        self.note_size();
    }

    fn note_size(&self) {
        let (connections, users) = self.hub.size();
        self.metrics.connections.set(connections as i64);
        self.metrics.users.set(users as i64);
    }

    fn welcome(&self, user: UserId, resume: &Resume) -> crate::connection::handle::Frame {
        frames::encode(&ServerFrame::Welcome {
            node: self.id(),
            user,
            epoch: resume.epoch,
            position: resume.position,
            complete: resume.complete,
            conversations: resume.conversations.clone(),
            left: resume.left.clone(),
            degraded: *self.degraded.borrow(),
        })
    }

    // ---- who is in a conversation ----------------------------------------------------------------------------

    /// A conversation was made that has no change yet: its members hear it from now on, everywhere.
    pub async fn announce_conversation(self: &Arc<Self>, conversation: ConversationId) {
        // When it fails here, the conversation's first message makes up for it.
        if let Err(error) = self.reconcile(conversation).await {
            not_told(conversation, &error);
        }
        self.signal_all(crate::bus::envelope::Signal::Joined { conversation });
    }

    /// Changes that the store has made to a group: hands them to everybody, those who came and went included.
    pub async fn announce_changes(self: &Arc<Self>, changes: Vec<Change>) {
        let Some(last) = changes.last() else { return };
        let (conversation, members_at) = (last.conversation, last.seq);
        let members_changed = changes.iter().any(|change| change.body.changes_members());
        // Members who came must hear before the change is handed out, or they would miss what follows it.
        if members_changed {
            // When it fails, following the store makes up for it.
            if let Err(error) = self.reconcile_added(conversation).await {
                not_told(conversation, &error);
            }
        }
        self.publish(changes, members_at);
    }

    /// Describes a conversation anew to everybody who hears it here: names of people are not in its log. Called by the
    /// one task that follows the store, so that a description never comes behind a later one.
    pub(super) async fn describe_again(&self, conversation: ConversationId) -> Result<(), StoreError> {
        for user in self.hub.listeners(conversation) {
            // Left meanwhile, if there is none.
            let Some(description) = self.description(user, conversation).await? else { continue };
            let frame = frames::encode(&ServerFrame::Conversation { conversation: description });
            self.hub.tell_listener(user, conversation, &frame);
        }
        Ok(())
    }

    pub(super) fn reconcile_soon(self: &Arc<Self>, conversation: ConversationId) {
        let node = self.clone();
        self.spawn_droppable(async move {
            if let Err(error) = node.reconcile(conversation).await {
                not_told(conversation, &error);
            }
        });
    }

    /// Brings who hears a conversation here in line with who is in it.
    pub(super) async fn reconcile(self: &Arc<Self>, conversation: ConversationId) -> Result<(), StoreError> {
        let membership = self.reconcile_added(conversation).await?;
        self.hub.retain_members(conversation, &membership, &left(conversation));
        Ok(())
    }

    async fn reconcile_added(self: &Arc<Self>, conversation: ConversationId) -> Result<Membership, StoreError> {
        let listening = self.hub.listening();
        let membership = self.store.membership(conversation).await?;
        for user in self.hub.strangers(conversation, membership.users.iter().copied()) {
            // Removed again meanwhile, if there is none.
            let Some(description) = self.description(user, conversation).await? else { continue };
            let joined = Joined { conversation, head: description.head };
            let frame = frames::encode(&ServerFrame::Conversation { conversation: description });
            let Entry { missed, cursors } = self.hub.listen_to(user, joined, &frame);
            if let Some(missed) = missed {
                self.replay_to_user(user, missed).await;
            }
            for state in &cursors {
                self.hub.tell_listener(user, conversation, &frames::cursor_for(user, state));
            }
        }
        drop(listening);
        if self.hub.gap(conversation).is_some() {
            self.repair_soon(conversation, Duration::ZERO);
        }
        Ok(membership)
    }

    async fn replay_to_user(&self, user: UserId, missed: Missed) {
        for handle in self.hub.connections_of(user) {
            self.replay(&handle, missed).await;
        }
    }
}

fn not_told(conversation: ConversationId, error: &StoreError) {
    tracing::warn!(conversation = %conversation, error = %error, "could not tell who came into a conversation");
}
