//! The line below a conversation's name: who writes, who is here.

use super::people::{People, enumerate};
use crate::time::{self, Offset};
use trunkline_protocol::sorted::SortedMap;
use trunkline_protocol::{Conversation, ConversationKind, Millis, Presence, UserId};

/// What the line is made of.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// Who looks.
    pub me: UserId,
    /// The conversation.
    pub conversation: &'a Conversation,
    /// What people are called.
    pub people: &'a People,
    /// Who is here, as far as it is known.
    pub presence: &'a SortedMap<UserId, Presence>,
    /// Who is writing in it.
    pub writers: &'a [UserId],
    /// The reader's time, once it is known.
    pub now: Option<Millis>,
}

impl Standing<'_> {
    /// The line. `offset` gives the reader's offset from UTC at a moment.
    pub fn line(&self, offset: impl Fn(Millis) -> Offset) -> String {
        match self.conversation.kind {
            ConversationKind::Direct if !self.writers.is_empty() => "writing…".into(),
            ConversationKind::Direct => {
                let peer = self.conversation.peer(self.me).and_then(|peer| self.presence.get(&peer.id));
                peer.map_or_else(String::new, |presence| whereabouts(presence, self.now, offset))
            }
            ConversationKind::Group => self.group(),
        }
    }

    fn group(&self) -> String {
        match self.writers {
            [] => {}
            [_, _, _, ..] => return "several people are writing…".into(),
            few => {
                let names: Vec<_> = few.iter().map(|&writer| self.people.name(writer).to_owned()).collect();
                return format!("{} {} writing…", enumerate(&names), if names.len() == 1 { "is" } else { "are" });
            }
        }
        let members = self.conversation.members.len();
        let others = self.conversation.members.iter().filter(|member| member.user.id != self.me);
        let online =
            others.filter(|member| self.presence.get(&member.user.id).is_some_and(|known| known.online)).count();
        let counted = format!("{members} member{}", if members == 1 { "" } else { "s" });
        if online == 0 { counted } else { format!("{counted}, {online} online") }
    }
}

/// "online", or when somebody was last here.
pub fn whereabouts(presence: &Presence, now: Option<Millis>, offset: impl Fn(Millis) -> Offset) -> String {
    match (presence.online, presence.last_seen) {
        (true, _) => "online".into(),
        (false, Some(at)) => format!("last seen {}", time::ago(at, now, offset(at))),
        (false, None) => "offline".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_protocol::{ConversationId, Member, Seq, User};

    fn user(id: u64, name: &str) -> User {
        User { id: UserId(id), name: name.to_lowercase(), display_name: name.into() }
    }

    fn line(kind: ConversationKind, names: &[&str], online: &[u64], writers: &[u64]) -> String {
        let users: Vec<_> = names.iter().zip(1..).map(|(name, id)| user(id, name)).collect();
        let mut people = People::default();
        users.iter().for_each(|user| {
            people.learn(user);
        });
        let presence = users.iter().map(|user| {
            let online = online.contains(&user.id.0);
            (user.id, Presence { user: user.id, online, last_seen: (!online).then_some(0) })
        });
        let members =
            users.iter().map(|user| Member { user: user.clone(), delivered: Seq(0), read: Seq(0), since: Seq(1) });
        let conversation = Conversation {
            id: ConversationId(1),
            kind,
            name: None,
            owner: None,
            members: members.collect(),
            head: Seq(0),
            since: Seq(1),
            unread: 0,
            last_message: None,
            former: Vec::new(),
        };
        let standing = Standing {
            me: UserId(1),
            conversation: &conversation,
            people: &people,
            presence: &presence.collect(),
            writers: &writers.iter().copied().map(UserId).collect::<Vec<_>>(),
            now: Some(120_000),
        };
        standing.line(|_| 0)
    }

    #[test]
    fn with_one_other_it_is_about_them() {
        let names = ["Ann", "Bo"];
        assert_eq!(line(ConversationKind::Direct, &names, &[2], &[]), "online");
        assert_eq!(line(ConversationKind::Direct, &names, &[], &[]), "last seen 2 minutes ago");
        assert_eq!(line(ConversationKind::Direct, &names, &[2], &[2]), "writing…");
    }

    #[test]
    fn in_a_group_people_are_counted_and_writers_named() {
        let names = ["Ann", "Bo", "Cy", "Di"];
        assert_eq!(line(ConversationKind::Group, &names, &[1, 2, 3], &[]), "4 members, 2 online");
        assert_eq!(line(ConversationKind::Group, &names[..1], &[1], &[]), "1 member");
        assert_eq!(line(ConversationKind::Group, &names, &[], &[2]), "Bo is writing…");
        assert_eq!(line(ConversationKind::Group, &names, &[], &[2, 3]), "Bo and Cy are writing…");
        assert_eq!(line(ConversationKind::Group, &names, &[], &[2, 3, 4]), "several people are writing…");
    }
}
