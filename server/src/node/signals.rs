//! What members tell each other besides messages and cursors, and how often they may.

use super::Node;
use super::frames;
use crate::bus::envelope::Signal;
use crate::store::StoreError;
use std::time::Duration;
use tokio::time::Instant;
use trunkline_protocol::{ConversationId, ServerFrame, UserId};

impl Node {
    /// Counts a send against the user's rate.
    ///
    /// # Errors
    /// The time to wait.
    pub fn admit_send(&self, user: UserId) -> Result<(), Duration> {
        self.sends.take(user, Instant::now())
    }

    /// Counts a new conversation or a change to one against the user's rate.
    ///
    /// # Errors
    /// The time to wait.
    pub fn admit_amendment(&self, user: UserId) -> Result<(), Duration> {
        self.amendments.take(user, Instant::now())
    }

    /// Counts a search against the user's rate.
    ///
    /// # Errors
    /// The time to wait.
    pub fn admit_search(&self, user: UserId) -> Result<(), Duration> {
        self.searches.take(user, Instant::now())
    }

    /// Changes what a user is called. All nodes find that by following the store, and are told to look now.
    ///
    /// # Errors
    /// As [`crate::store::Store::set_display_name`].
    pub async fn rename(&self, user: UserId, display_name: &str) -> Result<(), StoreError> {
        self.store.set_display_name(user, display_name).await?;
        self.follow.notify_one();
        self.signal_all(Signal::Renamed);
        Ok(())
    }

    /// Tells the others in a conversation that a user writes; only from somebody who is in it.
    pub fn pass_typing(&self, conversation: ConversationId, user: UserId) {
        if self.hub.user_hears(user, conversation) {
            self.tell_typing(conversation, user);
            self.route_signal(conversation, Signal::Typing { conversation, user });
        }
    }

    /// Tells those who hear the conversation here that a member writes.
    pub(super) fn tell_typing(&self, conversation: ConversationId, user: UserId) {
        self.hub.tell(conversation, user, None, &frames::encode(&ServerFrame::Typing { conversation, user }));
    }
}
