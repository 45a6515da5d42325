//! Making and changing conversations, and telling everybody concerned.

use super::Node;
use crate::store::{Amendment, StoreError};
use std::sync::Arc;
use trunkline_protocol::{ConversationId, UserId};

impl Node {
    /// The direct conversation of two people; made if it does not exist.
    ///
    /// # Errors
    /// As [`crate::store::Store::direct`].
    pub async fn open_direct(self: &Arc<Self>, user: UserId, peer: UserId) -> Result<ConversationId, StoreError> {
        let (conversation, is_new) = self.store.direct(user, peer, self.now()).await?;
        if is_new {
            self.announce_conversation(conversation).await;
        }
        Ok(conversation)
    }

    /// A new group.
    ///
    /// # Errors
    /// As [`crate::store::Store::create_group`].
    pub async fn create_group(
        self: &Arc<Self>,
        owner: UserId,
        name: &str,
        members: &[UserId],
    ) -> Result<ConversationId, StoreError> {
        let (conversation, changes) = self.store.create_group(owner, name, members, self.now()).await?;
        self.announce_changes(changes).await;
        Ok(conversation)
    }

    /// Changes a group.
    ///
    /// # Errors
    /// As [`crate::store::Store::amend`].
    pub async fn amend(
        self: &Arc<Self>,
        actor: UserId,
        conversation: ConversationId,
        amendment: Amendment,
    ) -> Result<(), StoreError> {
        let changes = self.store.amend(actor, conversation, amendment, self.now()).await?;
        self.announce_changes(changes).await;
        Ok(())
    }
}
