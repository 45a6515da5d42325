//! What a conversation consists of.

use crate::field::{Missing, Scalar, need, plain};
use crate::ids::{ConversationId, Millis, SendKey, Seq, UserId};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

/// A person, as others see them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct User {
    /// Who.
    pub id: UserId,
    /// The name they log in with: lower case, unique, never changed.
    pub name: String,
    /// What they are called on screen.
    pub display_name: String,
}

/// Two people, or a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConversationKind {
    /// Two people; there is at most one for a pair.
    Direct,
    /// Any number of people, with a name and an owner.
    Group,
}

/// A member of a conversation and how far they have come. Both cursors move forward only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Who.
    pub user: User,
    /// Highest seq that some device of theirs has received.
    pub delivered: Seq,
    /// Highest seq they have read.
    pub read: Seq,
    /// First seq they may see. Their cursors start before it, which does not mean that they have read what is there.
    #[serde(default)]
    pub since: Seq,
}

/// A conversation as one of its members sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
    /// Which.
    pub id: ConversationId,
    /// Two people, or a group.
    pub kind: ConversationKind,
    /// A group's name; `None` for two people.
    pub name: Option<String>,
    /// Who may rename a group and remove people; `None` for two people.
    pub owner: Option<UserId>,
    /// Everyone in it now, the viewer included, by user id.
    pub members: Vec<Member>,
    /// Highest seq.
    pub head: Seq,
    /// First seq the viewer may see: what was said before they joined is not theirs.
    pub since: Seq,
    /// Messages by others after the viewer's read cursor.
    pub unread: u64,
    /// The last message the viewer may see, for previews.
    pub last_message: Option<Change>,
    /// People who are in it no longer, the last to leave first, as many as [`crate::limits::FORMER_MEMBERS`]: the log
    /// speaks of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<User>,
}

impl Conversation {
    /// The member with this id, if they are in it now.
    #[must_use]
    pub fn member(&self, user: UserId) -> Option<&Member> {
        self.members.iter().find(|member| member.user.id == user)
    }

    /// The other one of two people; `None` in a group.
    #[must_use]
    pub fn peer(&self, viewer: UserId) -> Option<&User> {
        match self.kind {
            ConversationKind::Direct => self.members.iter().map(|member| &member.user).find(|user| user.id != viewer),
            ConversationKind::Group => None,
        }
    }
}

/// One entry of a conversation's log. The same (conversation, seq) is the same change everywhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Whose log.
    pub conversation: ConversationId,
    /// Where in the log.
    pub seq: Seq,
    /// When the store took it.
    pub at: Millis,
    /// Who did it; from the session, never from the client.
    pub author: UserId,
    /// The key it was sent with; `None` for what was not sent as a message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<SendKey>,
    /// What happened.
    pub body: ChangeBody,
}

/// What a change did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ChangeBody {
    /// A message was posted.
    Posted {
        /// Its text, exactly as sent.
        text: String,
    },
    /// A group was made. Its first members are those of the [`ChangeBody::MembersAdded`] that follows.
    Created {
        /// The group's name.
        name: String,
    },
    /// People were added.
    MembersAdded {
        /// The new members, as they are called now.
        members: Vec<User>,
    },
    /// Somebody was removed by the owner, or left (then they are the author).
    MemberRemoved {
        /// Who is gone.
        member: UserId,
    },
    /// A group has a new name.
    Renamed {
        /// The name from now on.
        name: String,
    },
    /// A group has a new owner.
    OwnerChanged {
        /// The owner from now on.
        owner: UserId,
    },
    /// A kind of a later version: it keeps its place in the log and is not shown.
    Unknown,
}

impl ChangeBody {
    /// The message's text, if this is a message.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Posted { text } => Some(text),
            _ => None,
        }
    }

    /// Whether this changes who is in the conversation.
    #[must_use]
    pub const fn changes_members(&self) -> bool {
        matches!(self, Self::MembersAdded { .. } | Self::MemberRemoved { .. })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum BodyKind {
    Posted,
    Created,
    MembersAdded,
    MemberRemoved,
    Renamed,
    OwnerChanged,
    #[serde(other)]
    Unknown,
}

/// Everything that a change can say.
#[derive(Deserialize)]
struct BodyFields<'a> {
    kind: BodyKind,
    #[serde(borrow, default)]
    text: Scalar<'a>,
    #[serde(borrow, default)]
    name: Scalar<'a>,
    members: Option<Vec<User>>,
    #[serde(borrow, default)]
    member: Scalar<'a>,
    #[serde(borrow, default)]
    owner: Scalar<'a>,
}

impl<'de> Deserialize<'de> for ChangeBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BodyFields::deserialize(deserializer)?.try_into().map_err(D::Error::custom)
    }
}

impl TryFrom<BodyFields<'_>> for ChangeBody {
    type Error = Missing;

    fn try_from(fields: BodyFields<'_>) -> Result<Self, Missing> {
        Ok(match fields.kind {
            BodyKind::Posted => Self::Posted { text: plain(fields.text, "text")? },
            BodyKind::Created => Self::Created { name: plain(fields.name, "name")? },
            BodyKind::MembersAdded => Self::MembersAdded { members: need(fields.members, "members")? },
            BodyKind::MemberRemoved => Self::MemberRemoved { member: plain(fields.member, "member")? },
            BodyKind::Renamed => Self::Renamed { name: plain(fields.name, "name")? },
            BodyKind::OwnerChanged => Self::OwnerChanged { owner: plain(fields.owner, "owner")? },
            BodyKind::Unknown => Self::Unknown,
        })
    }
}

/// Whether a user has a live connection anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// Who.
    pub user: UserId,
    /// On some living node.
    pub online: bool,
    /// When their last connection ended; `None` if never connected, or if online.
    pub last_seen: Option<Millis>,
}
