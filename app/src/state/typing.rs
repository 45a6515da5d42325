//! Who is writing. Nobody says when they stop, so it ends by itself.

use trunkline_protocol::{ConversationId, Millis, UserId};

/// How long after the last sign somebody counts as writing: two signs may be lost.
const LASTS: Millis = 7_000;

/// Who is writing, and until when that is believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Typing {
    writers: Vec<(ConversationId, UserId, Millis)>,
}

impl Typing {
    /// A sign of writing.
    pub fn told(&mut self, conversation: ConversationId, user: UserId, now: Millis) {
        self.stopped(conversation, user);
        self.writers.push((conversation, user, now + LASTS));
    }

    /// A message came: its writer has stopped.
    pub fn stopped(&mut self, conversation: ConversationId, user: UserId) {
        self.writers.retain(|&(where_, who, _)| (where_, who) != (conversation, user));
    }

    /// Drops what is over; returns whether anything was.
    pub fn expire(&mut self, now: Millis) -> bool {
        let before = self.writers.len();
        self.writers.retain(|&(_, _, until)| until > now);
        before != self.writers.len()
    }

    /// When the next one is over.
    #[must_use]
    pub fn deadline(&self) -> Option<Millis> {
        self.writers.iter().map(|&(_, _, until)| until).min()
    }

    /// Who writes in a conversation.
    pub fn writers(&self, conversation: ConversationId) -> impl Iterator<Item = UserId> {
        self.writers.iter().filter(move |&&(where_, _, _)| where_ == conversation).map(|&(_, who, _)| who)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_ends_by_a_message_or_by_itself() {
        let (here, there) = (ConversationId(1), ConversationId(2));
        let mut typing = Typing::default();
        typing.told(here, UserId(1), 0);
        typing.told(here, UserId(2), 1_000);
        typing.told(there, UserId(2), 1_000);
        typing.stopped(here, UserId(2));
        assert_eq!(typing.writers(here).collect::<Vec<_>>(), [UserId(1)]);
        assert_eq!(typing.deadline(), Some(LASTS));
        assert!(!typing.expire(LASTS - 1));
        assert!(typing.expire(LASTS));
        assert_eq!(typing.writers(here).count(), 0);
        assert_eq!(typing.writers(there).collect::<Vec<_>>(), [UserId(2)]);
    }

    #[test]
    fn a_later_sign_prolongs() {
        let mut typing = Typing::default();
        typing.told(ConversationId(1), UserId(1), 0);
        typing.told(ConversationId(1), UserId(1), 3_000);
        assert!(!typing.expire(LASTS));
        assert_eq!(typing.writers(ConversationId(1)).count(), 1);
    }
}
