//! Users, conversations and changes, as they also stand in frames.

use serde::{Deserialize, Serialize};
use trunkline_protocol as protocol;
use utoipa::ToSchema;
use uuid::Uuid;

/// A person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct User {
    /// Their number, for ever; below 2^53.
    #[schema(example = 7)]
    pub id: u64,
    /// The name they log in with and are addressed by: lower case, unique, never changed.
    #[schema(example = "ann")]
    pub name: String,
    /// What they are called on screen.
    #[schema(example = "Ann Miller")]
    pub display_name: String,
}

impl From<protocol::User> for User {
    fn from(user: protocol::User) -> Self {
        Self { id: user.id.0, name: user.name, display_name: user.display_name }
    }
}

/// Two people, or a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConversationKind {
    /// Two people; there is at most one for a pair.
    Direct,
    /// Any number of people, with a name and an owner.
    Group,
}

impl From<protocol::ConversationKind> for ConversationKind {
    fn from(kind: protocol::ConversationKind) -> Self {
        match kind {
            protocol::ConversationKind::Direct => Self::Direct,
            protocol::ConversationKind::Group => Self::Group,
        }
    }
}

/// A member of a conversation and how far they have come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Member {
    /// Who.
    pub user: User,
    /// Highest seq that some device of theirs has received. Moves forward only.
    #[schema(example = 41)]
    pub delivered: u64,
    /// Highest seq they have read. Moves forward only.
    #[schema(example = 40)]
    pub read: u64,
    /// First seq they may see. Their cursors start before it, which does not mean that they have read what is there.
    #[serde(default)]
    #[schema(example = 1)]
    pub since: u64,
}

/// A conversation as the caller sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Conversation {
    /// Its number, for ever; below 2^53.
    #[schema(example = 12)]
    pub id: u64,
    /// Two people, or a group.
    pub kind: ConversationKind,
    /// A group's name; `null` for two people.
    #[schema(example = "Operations")]
    pub name: Option<String>,
    /// Id of the user who may rename a group and remove people; `null` for two people.
    #[schema(example = 7)]
    pub owner: Option<u64>,
    /// Everyone in it now, the caller included, by user id.
    pub members: Vec<Member>,
    /// Highest seq; 0 if nothing was said yet.
    #[schema(example = 41)]
    pub head: u64,
    /// First seq the caller may see: what was said before they joined is not theirs.
    #[schema(example = 1)]
    pub since: u64,
    /// Messages by others after the caller's read cursor.
    #[schema(example = 1)]
    pub unread: u64,
    /// The last message the caller may see; `null` if there is none.
    pub last_message: Option<Change>,
    /// People who are in it no longer, the last to leave first, at most 256; absent if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<User>,
}

impl From<protocol::Conversation> for Conversation {
    fn from(conversation: protocol::Conversation) -> Self {
        let member = |member: protocol::Member| Member {
            user: member.user.into(),
            delivered: member.delivered.0,
            read: member.read.0,
            since: member.since.0,
        };
        Self {
            id: conversation.id.0,
            kind: conversation.kind.into(),
            name: conversation.name,
            owner: conversation.owner.map(|owner| owner.0),
            members: conversation.members.into_iter().map(member).collect(),
            head: conversation.head.0,
            since: conversation.since.0,
            unread: conversation.unread,
            last_message: conversation.last_message.map(Into::into),
            former: conversation.former.into_iter().map(Into::into).collect(),
        }
    }
}

/// One entry of a conversation's log. The same conversation and seq is the same change everywhere and for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Change {
    /// Whose log.
    #[schema(example = 12)]
    pub conversation: u64,
    /// Where in the log.
    #[schema(example = 41)]
    pub seq: u64,
    /// When it was stored, in milliseconds since 1970-01-01T00:00:00Z.
    #[schema(example = 1_795_456_302_000_i64)]
    pub at: i64,
    /// Id of the user who did it.
    #[schema(example = 7)]
    pub author: u64,
    /// The key it was sent with; absent for what was not sent as a message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "uuid")]
    pub key: Option<Uuid>,
    /// What happened.
    pub body: ChangeBody,
}

impl From<protocol::Change> for Change {
    fn from(change: protocol::Change) -> Self {
        Self {
            conversation: change.conversation.0,
            seq: change.seq.0,
            at: change.at,
            author: change.author.0,
            key: change.key.map(|key| key.0),
            body: change.body.into(),
        }
    }
}

/// What a change did. Later versions may know more kinds: show nothing for those, and count their seq.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[schema(example = json!({"kind": "posted", "text": "Good morning!"}))]
pub enum ChangeBody {
    /// A message was posted.
    Posted {
        /// Its text, exactly as sent.
        text: String,
    },
    /// A group was made. Its first members are those of the `members_added` that follows.
    Created {
        /// The group's name.
        name: String,
    },
    /// People were added.
    MembersAdded {
        /// The new members, as they were called then.
        members: Vec<User>,
    },
    /// Somebody was removed by the owner, or left (then they are the author).
    MemberRemoved {
        /// Id of the user who is gone.
        member: u64,
    },
    /// A group got a new name.
    Renamed {
        /// The name from then on.
        name: String,
    },
    /// A group got a new owner.
    OwnerChanged {
        /// Id of the owner from then on.
        owner: u64,
    },
    /// A kind that this server does not know yet.
    #[serde(other)]
    Unknown,
}

impl From<protocol::ChangeBody> for ChangeBody {
    fn from(body: protocol::ChangeBody) -> Self {
        match body {
            protocol::ChangeBody::Posted { text } => Self::Posted { text },
            protocol::ChangeBody::Created { name } => Self::Created { name },
            protocol::ChangeBody::MembersAdded { members } => {
                Self::MembersAdded { members: members.into_iter().map(Into::into).collect() }
            }
            protocol::ChangeBody::MemberRemoved { member } => Self::MemberRemoved { member: member.0 },
            protocol::ChangeBody::Renamed { name } => Self::Renamed { name },
            protocol::ChangeBody::OwnerChanged { owner } => Self::OwnerChanged { owner: owner.0 },
            protocol::ChangeBody::Unknown => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{ConversationId, SendKey, Seq, UserId};

    #[test]
    fn the_api_says_the_same_as_the_frames() {
        let user = protocol::User { id: UserId(7), name: "ann".into(), display_name: "Ann".into() };
        let bodies = [
            protocol::ChangeBody::Posted { text: "hi".into() },
            protocol::ChangeBody::Created { name: "us".into() },
            protocol::ChangeBody::MembersAdded { members: vec![user.clone()] },
            protocol::ChangeBody::MemberRemoved { member: UserId(7) },
            protocol::ChangeBody::Renamed { name: "we".into() },
            protocol::ChangeBody::OwnerChanged { owner: UserId(7) },
            protocol::ChangeBody::Unknown,
        ];
        for (body, key) in bodies.into_iter().zip([Some(SendKey::random()), None].into_iter().cycle()) {
            let conversation = ConversationId(12);
            let change = protocol::Change { conversation, seq: Seq(2), at: 5, author: user.id, key, body };
            let whole = protocol::Conversation {
                id: conversation,
                kind: protocol::ConversationKind::Group,
                name: Some("us".into()),
                owner: Some(user.id),
                members: vec![protocol::Member { user: user.clone(), delivered: Seq(2), read: Seq(1), since: Seq(1) }],
                head: Seq(2),
                since: Seq(1),
                unread: 1,
                last_message: Some(change),
                former: vec![user.clone()],
            };
            let frame = serde_json::to_value(&whole).expect("JSON");
            let ours = Conversation::from(whole);
            assert_eq!(serde_json::to_value(&ours).expect("JSON"), frame);
            assert_eq!(serde_json::from_value::<Conversation>(frame).expect("a conversation"), ours);
        }
    }
}
