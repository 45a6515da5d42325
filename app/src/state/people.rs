//! What people are called.

use trunkline_protocol::sorted::SortedMap;
use trunkline_protocol::{Change, ChangeBody, Conversation, User, UserId};

/// Everyone that has been heard of on this page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct People {
    known: SortedMap<UserId, User>,
}

impl People {
    /// Learns somebody's names; returns whether they are new.
    pub fn learn(&mut self, user: &User) -> bool {
        let new = self.known.get(&user.id) != Some(user);
        if new {
            self.known.insert(user.id, user.clone());
        }
        new
    }

    /// Learns the names of all members, and of those who were some; returns whether one is new.
    pub fn learn_members(&mut self, conversation: &Conversation) -> bool {
        let members = conversation.members.iter().map(|member| &member.user);
        members.chain(&conversation.former).fold(false, |new, user| self.learn(user) | new)
    }

    /// Learns the names in a log, of people who may be members no longer. Names of the day the change was made
    /// never replace newer ones.
    pub fn learn_changes(&mut self, changes: &[Change]) -> bool {
        let mut new = false;
        for change in changes {
            let ChangeBody::MembersAdded { members } = &change.body else { continue };
            for user in members {
                if !self.known.contains_key(&user.id) {
                    new |= self.learn(user);
                }
            }
        }
        new
    }

    /// Somebody, if heard of.
    #[must_use]
    pub fn get(&self, user: UserId) -> Option<&User> {
        self.known.get(&user)
    }

    /// What somebody is called; a stand-in for people never heard of.
    #[must_use]
    pub fn name(&self, user: UserId) -> &str {
        self.known.get(&user).map_or("Former member", |user| user.display_name.as_str())
    }
}

/// What a conversation is called by its viewer.
#[must_use]
pub fn conversation_name(conversation: &Conversation, viewer: UserId) -> String {
    match (&conversation.name, conversation.peer(viewer)) {
        (Some(name), _) => name.clone(),
        (None, Some(peer)) => peer.display_name.clone(),
        (None, None) => "Notes to myself".into(),
    }
}

/// "A", "A and B", "A, B and C".
#[must_use]
pub fn enumerate(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: u64, display_name: &str) -> User {
        User { id: UserId(id), name: display_name.to_lowercase(), display_name: display_name.into() }
    }

    #[test]
    fn an_old_log_does_not_bring_back_an_old_name() {
        let mut people = People::default();
        assert!(people.learn(&user(1, "Ann New")));
        assert!(!people.learn(&user(1, "Ann New")));
        let change = Change {
            conversation: trunkline_protocol::ConversationId(1),
            seq: trunkline_protocol::Seq(1),
            at: 0,
            author: UserId(1),
            key: None,
            body: ChangeBody::MembersAdded { members: vec![user(1, "Ann Old"), user(2, "Bo")] },
        };
        assert!(people.learn_changes(&[change]));
        assert_eq!((people.name(UserId(1)), people.name(UserId(2))), ("Ann New", "Bo"));
        assert_eq!(people.name(UserId(3)), "Former member");
    }

    #[test]
    fn names_are_enumerated_as_in_speech() {
        let names: Vec<String> = ["Ann", "Bo", "Cy"].map(String::from).to_vec();
        assert_eq!(enumerate(&names[..1]), "Ann");
        assert_eq!(enumerate(&names[..2]), "Ann and Bo");
        assert_eq!(enumerate(&names), "Ann, Bo and Cy");
    }
}
