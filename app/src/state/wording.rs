//! Sentences about what happened to a group.

use super::people::{People, enumerate};
use trunkline_protocol::{Change, ChangeBody, UserId};

/// What a change did, as a sentence for `me`; `None` for messages and kinds of a later version.
#[must_use]
pub fn sentence(change: &Change, me: UserId, people: &People) -> Option<String> {
    let subject = if change.author == me { "You".into() } else { people.name(change.author).to_owned() };
    let object = |user: UserId| match user {
        user if user == me => "you".to_owned(),
        user => people.name(user).to_owned(),
    };
    let said = match &change.body {
        ChangeBody::Created { name } => format!("{subject} created the group “{name}”"),
        ChangeBody::MembersAdded { members } => {
            let names: Vec<_> =
                members.iter().filter(|user| user.id != change.author).map(|user| object(user.id)).collect();
            match names.is_empty() {
                true => format!("{subject} joined"),
                false => format!("{subject} added {}", enumerate(&names)),
            }
        }
        ChangeBody::MemberRemoved { member } if *member == change.author => format!("{subject} left"),
        ChangeBody::MemberRemoved { member } => format!("{subject} removed {}", object(*member)),
        ChangeBody::Renamed { name } => format!("{subject} renamed the group to “{name}”"),
        ChangeBody::OwnerChanged { owner } if *owner == change.author => format!("{subject} became the owner"),
        ChangeBody::OwnerChanged { owner } => format!("{subject} made {} the owner", object(*owner)),
        ChangeBody::Posted { .. } | ChangeBody::Unknown => return None,
    };
    Some(said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_protocol::{ConversationId, Seq, User};

    fn said(author: u64, body: ChangeBody) -> Option<String> {
        let mut people = People::default();
        for (id, name) in [(1, "Ann"), (2, "Bo"), (3, "Cy")] {
            people.learn(&user(id, name));
        }
        let change =
            Change { conversation: ConversationId(1), seq: Seq(1), at: 0, author: UserId(author), key: None, body };
        sentence(&change, UserId(1), &people)
    }

    fn user(id: u64, name: &str) -> User {
        User { id: UserId(id), name: name.into(), display_name: name.into() }
    }

    #[test]
    fn each_change_has_its_sentence() {
        let added = ChangeBody::MembersAdded { members: vec![user(1, "Ann"), user(2, "Bo"), user(3, "Cy")] };
        assert_eq!(said(1, added.clone()).as_deref(), Some("You added Bo and Cy"));
        assert_eq!(said(2, added).as_deref(), Some("Bo added you and Cy"));
        assert_eq!(said(2, ChangeBody::MemberRemoved { member: UserId(2) }).as_deref(), Some("Bo left"));
        assert_eq!(said(2, ChangeBody::MemberRemoved { member: UserId(3) }).as_deref(), Some("Bo removed Cy"));
        assert_eq!(said(2, ChangeBody::OwnerChanged { owner: UserId(1) }).as_deref(), Some("Bo made you the owner"));
        let renamed = ChangeBody::Renamed { name: "Team".into() };
        assert_eq!(said(9, renamed).as_deref(), Some("Former member renamed the group to “Team”"));
        assert_eq!(said(1, ChangeBody::Unknown), None);
    }
}
