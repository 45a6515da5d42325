//! How far a message of one's own has come.

use trunkline_protocol::{Conversation, ConversationKind, Seq, UserId};

/// How far a message of one's own has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// Kept here, not yet stored by the server.
    Pending,
    /// Stored.
    Sent,
    /// On some device of every other member.
    Delivered,
    /// Read by every other member.
    Seen,
    /// Refused, with the reason.
    Failed(String),
}

impl Receipt {
    /// The word for it.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Sent => "Sent",
            Self::Delivered => "Delivered",
            Self::Seen => "Seen",
            Self::Failed(_) => "Not sent",
        }
    }

    /// The value of `data-state`.
    #[must_use]
    pub const fn state(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Seen => "seen",
            Self::Failed(_) => "failed",
        }
    }
}

/// The other members' cursors, sorted, so that many messages are judged quickly.
#[derive(Clone, Debug)]
pub struct Cursors {
    group: bool,
    delivered: Vec<Seq>,
    read: Vec<Seq>,
    since: Vec<Seq>,
}

impl Cursors {
    /// The cursors of everyone but `me`.
    #[must_use]
    pub fn of_others(conversation: &Conversation, me: UserId) -> Self {
        let others = || conversation.members.iter().filter(|member| member.user.id != me);
        // Whoever has read a message has received it.
        let mut delivered: Vec<_> = others().map(|member| member.delivered.max(member.read)).collect();
        let mut read: Vec<_> = others().map(|member| member.read).collect();
        let mut since: Vec<_> = others().map(|member| member.since).collect();
        delivered.sort_unstable();
        read.sort_unstable();
        since.sort_unstable();
        Self { group: conversation.kind == ConversationKind::Group, delivered, read, since }
    }

    /// How far the message at `seq` has come.
    #[must_use]
    pub fn receipt(&self, seq: Seq) -> Receipt {
        let anyone = self.since.first().is_some_and(|&first| first <= seq);
        let reached = |cursors: &[Seq]| anyone && cursors.first().is_some_and(|&lowest| lowest >= seq);
        match (reached(&self.read), reached(&self.delivered)) {
            (true, _) => Receipt::Seen,
            (_, true) => Receipt::Delivered,
            _ => Receipt::Sent,
        }
    }

    /// In a group, how many have read the message at `seq`, of how many others who may see it.
    #[must_use]
    pub fn seen_by(&self, seq: Seq) -> Option<(usize, usize)> {
        let total = self.since.partition_point(|&since| since <= seq);
        // The cursors of whoever came later start behind the message, and so are none of its readers'.
        let unread = self.read.partition_point(|&read| read < seq);
        self.group.then(|| (total.saturating_sub(unread), total))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_protocol::{ConversationId, Member, User};

    fn conversation(cursors: &[(u64, u64)]) -> Conversation {
        let member = |(index, &(delivered, read)): (usize, &(u64, u64))| Member {
            user: User { id: UserId(index as u64), name: String::new(), display_name: String::new() },
            delivered: Seq(delivered),
            read: Seq(read),
            since: Seq(1),
        };
        Conversation {
            id: ConversationId(1),
            kind: if cursors.len() == 2 { ConversationKind::Direct } else { ConversationKind::Group },
            name: None,
            owner: None,
            members: cursors.iter().enumerate().map(member).collect(),
            head: Seq(9),
            since: Seq(1),
            unread: 0,
            last_message: None,
            former: Vec::new(),
        }
    }

    #[test]
    fn one_other_decides_alone_and_ones_own_cursor_counts_for_nothing() {
        let cursors = Cursors::of_others(&conversation(&[(9, 9), (5, 3)]), UserId(0));
        assert_eq!(cursors.receipt(Seq(3)), Receipt::Seen);
        assert_eq!(cursors.receipt(Seq(5)), Receipt::Delivered);
        assert_eq!(cursors.receipt(Seq(6)), Receipt::Sent);
        assert_eq!(cursors.seen_by(Seq(3)), None);
    }

    #[test]
    fn in_a_group_the_slowest_decides_and_the_readers_are_counted() {
        let cursors = Cursors::of_others(&conversation(&[(9, 9), (9, 7), (8, 8), (6, 2)]), UserId(0));
        assert_eq!(cursors.receipt(Seq(7)), Receipt::Sent);
        assert_eq!(cursors.receipt(Seq(6)), Receipt::Delivered);
        assert_eq!(cursors.seen_by(Seq(7)), Some((2, 3)));
        assert_eq!(cursors.seen_by(Seq(9)), Some((0, 3)));
    }

    #[test]
    fn who_came_after_a_message_has_not_read_it() {
        let mut given = conversation(&[(9, 9), (5, 3), (6, 6)]);
        given.members[2].since = Seq(7);
        let cursors = Cursors::of_others(&given, UserId(0));
        assert_eq!(cursors.seen_by(Seq(5)), Some((0, 1)));
        assert_eq!(cursors.seen_by(Seq(3)), Some((1, 1)));
        assert_eq!(cursors.seen_by(Seq(7)), Some((0, 2)));
        given.members.remove(1);
        let cursors = Cursors::of_others(&given, UserId(0));
        assert_eq!((cursors.receipt(Seq(5)), cursors.seen_by(Seq(5))), (Receipt::Sent, Some((0, 0))));
    }

    #[test]
    fn a_message_to_nobody_is_but_sent() {
        let cursors = Cursors::of_others(&conversation(&[(9, 9)]), UserId(0));
        assert_eq!(cursors.receipt(Seq(1)), Receipt::Sent);
    }
}
