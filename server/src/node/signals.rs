//! Cursors and typing: what members of a conversation tell each other besides messages.

use super::Node;
use super::frames;
use crate::bus::envelope::Signal;
use crate::store::{CursorState, MovedCursor, StoreError};
use std::time::Duration;
use tokio::time::Instant;
use trunkline_protocol::{ConversationId, Seq, ServerFrame, UserId};

impl Node {
    /// Counts a send against the user's rate.
    ///
    /// # Errors
    /// The time to wait.
    pub fn admit_send(&self, user: UserId) -> Result<(), Duration> {
        self.rates.take(user, Instant::now())
    }

    /// Moves a user's cursors forward and tells everybody in the conversation.
    ///
    /// # Errors
    /// As [`crate::store::Store::advance`].
    pub async fn move_cursor(
        &self,
        user: UserId,
        conversation: ConversationId,
        delivered: Seq,
        read: Seq,
    ) -> Result<CursorState, StoreError> {
        let state = self.store.advance(user, conversation, delivered, read).await?;
        if state.moved {
            self.hub.is_news(&state.cursor);
            self.tell_cursor(&state.cursor, Some((state.unread, state.head)));
            self.signal_others(Signal::Cursor {
                conversation,
                user,
                delivered: state.cursor.delivered,
                read: state.cursor.read,
                unread: state.unread,
                head: state.head,
            });
        }
        Ok(state)
    }

    /// Tells the others in a conversation that a user writes; only from somebody who is in it.
    pub fn pass_typing(&self, conversation: ConversationId, user: UserId) {
        if self.hub.user_hears(user, conversation) {
            self.tell_typing(conversation, user);
            self.signal_others(Signal::Typing { conversation, user });
        }
    }

    /// Tells those who hear the conversation here where a member's cursors stand.
    pub(super) fn tell_cursor(&self, cursor: &MovedCursor, counted: Option<(u64, Seq)>) {
        let &MovedCursor { conversation, user, delivered, read } = cursor;
        let frame = |unread: Option<u64>, head: Seq| {
            frames::encode(&ServerFrame::Cursor { conversation, user, delivered, read, unread, head })
        };
        let own = counted.map(|(unread, head)| frame(Some(unread), head));
        self.hub.tell(conversation, user, own.as_ref(), &frame(None, Seq(0)));
    }

    /// Tells those who hear the conversation here that a member writes.
    pub(super) fn tell_typing(&self, conversation: ConversationId, user: UserId) {
        self.hub.tell(conversation, user, None, &frames::encode(&ServerFrame::Typing { conversation, user }));
    }
}
