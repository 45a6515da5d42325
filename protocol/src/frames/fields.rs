//! The fields of frames, and which frame they make. See [`crate::field`] for why.

use super::{ClientFrame, ServerFrame};
use crate::field::{Missing, Scalar, need, optional, plain};
use crate::ids::{ConversationId, UserId};
use crate::model::{Change, Conversation, Presence};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum ClientType {
    Hello,
    Send,
    Cursor,
    Fetch,
    Typing,
    Watch,
    Ping,
    #[serde(other)]
    Unknown,
}

/// Everything that a frame of a client can say.
#[derive(Deserialize)]
pub(super) struct ClientFields<'a> {
    r#type: ClientType,
    #[serde(borrow, default)]
    epoch: Scalar<'a>,
    #[serde(borrow, default)]
    position: Scalar<'a>,
    #[serde(borrow, default)]
    after: Scalar<'a>,
    #[serde(borrow, default)]
    key: Scalar<'a>,
    #[serde(borrow, default)]
    conversation: Scalar<'a>,
    #[serde(borrow, default)]
    text: Scalar<'a>,
    #[serde(borrow, default)]
    delivered: Scalar<'a>,
    #[serde(borrow, default)]
    read: Scalar<'a>,
    #[serde(borrow, default)]
    from: Scalar<'a>,
    #[serde(borrow, default)]
    to: Scalar<'a>,
    users: Option<Vec<UserId>>,
}

impl TryFrom<ClientFields<'_>> for ClientFrame {
    type Error = Missing;

    fn try_from(fields: ClientFields<'_>) -> Result<Self, Missing> {
        let conversation = plain(fields.conversation, "conversation");
        Ok(match fields.r#type {
            ClientType::Hello => Self::Hello {
                epoch: optional(fields.epoch, "epoch")?,
                position: optional(fields.position, "position")?.unwrap_or_default(),
                after: optional::<u32>(fields.after, "after")?.and_then(|code| code.try_into().ok()),
            },
            ClientType::Send => Self::Send {
                key: plain(fields.key, "key")?,
                conversation: conversation?,
                text: plain(fields.text, "text")?,
            },
            ClientType::Cursor => Self::Cursor {
                conversation: conversation?,
                delivered: plain(fields.delivered, "delivered")?,
                read: plain(fields.read, "read")?,
            },
            ClientType::Fetch => Self::Fetch {
                conversation: conversation?,
                from: plain(fields.from, "from")?,
                to: plain(fields.to, "to")?,
            },
            ClientType::Typing => Self::Typing { conversation: conversation? },
            ClientType::Watch => Self::Watch { users: need(fields.users, "users")? },
            ClientType::Ping => Self::Ping {},
            ClientType::Unknown => Self::Unknown,
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum ServerType {
    Welcome,
    Ack,
    Refused,
    Error,
    Change,
    Range,
    Conversation,
    Left,
    Cursor,
    Presence,
    Typing,
    Pong,
    Health,
    Moving,
    #[serde(other)]
    Unknown,
}

/// Everything that a frame of a node can say.
#[derive(Deserialize)]
pub(super) struct ServerFields<'a> {
    r#type: ServerType,
    #[serde(borrow, default)]
    node: Scalar<'a>,
    #[serde(borrow, default)]
    user: Scalar<'a>,
    #[serde(borrow, default)]
    epoch: Scalar<'a>,
    #[serde(borrow, default)]
    position: Scalar<'a>,
    #[serde(borrow, default)]
    complete: Scalar<'a>,
    conversations: Option<Vec<Conversation>>,
    left: Option<Vec<ConversationId>>,
    #[serde(borrow, default)]
    degraded: Scalar<'a>,
    #[serde(borrow, default)]
    key: Scalar<'a>,
    conversation: Option<Subject>,
    #[serde(borrow, default)]
    seq: Scalar<'a>,
    #[serde(borrow, default)]
    at: Scalar<'a>,
    #[serde(borrow, default)]
    code: Scalar<'a>,
    #[serde(borrow, default)]
    message: Scalar<'a>,
    #[serde(borrow, default)]
    retry_after: Scalar<'a>,
    change: Option<Change>,
    #[serde(borrow, default)]
    from: Scalar<'a>,
    changes: Option<Vec<Change>>,
    #[serde(borrow, default)]
    head: Scalar<'a>,
    #[serde(borrow, default)]
    delivered: Scalar<'a>,
    #[serde(borrow, default)]
    read: Scalar<'a>,
    #[serde(borrow, default)]
    unread: Scalar<'a>,
    users: Option<Vec<Presence>>,
    #[serde(borrow, default)]
    after: Scalar<'a>,
}

impl TryFrom<ServerFields<'_>> for ServerFrame {
    type Error = Missing;

    fn try_from(fields: ServerFields<'_>) -> Result<Self, Missing> {
        let (conversation, described) = match fields.conversation {
            Some(Subject::Named(id)) => (Some(id), None),
            Some(Subject::Described(conversation)) => (None, Some(conversation)),
            None => (None, None),
        };
        let there = need(conversation, "conversation");
        Ok(match fields.r#type {
            ServerType::Welcome => Self::Welcome {
                node: plain(fields.node, "node")?,
                user: plain(fields.user, "user")?,
                epoch: plain(fields.epoch, "epoch")?,
                position: plain(fields.position, "position")?,
                complete: plain(fields.complete, "complete")?,
                conversations: need(fields.conversations, "conversations")?,
                left: need(fields.left, "left")?,
                degraded: plain(fields.degraded, "degraded")?,
            },
            ServerType::Ack => Self::Ack {
                key: plain(fields.key, "key")?,
                conversation: there?,
                seq: plain(fields.seq, "seq")?,
                at: plain(fields.at, "at")?,
            },
            ServerType::Refused => Self::Refused {
                key: plain(fields.key, "key")?,
                code: plain(fields.code, "code")?,
                message: plain(fields.message, "message")?,
                retry_after: optional(fields.retry_after, "retry_after")?,
            },
            ServerType::Error => Self::Error {
                code: plain(fields.code, "code")?,
                message: plain(fields.message, "message")?,
                conversation,
            },
            ServerType::Change => Self::Change { change: need(fields.change, "change")? },
            ServerType::Range => Self::Range {
                conversation: there?,
                from: plain(fields.from, "from")?,
                changes: need(fields.changes, "changes")?,
                head: plain(fields.head, "head")?,
            },
            ServerType::Conversation => Self::Conversation { conversation: *need(described, "conversation")? },
            ServerType::Left => Self::Left { conversation: there? },
            ServerType::Cursor => Self::Cursor {
                conversation: there?,
                user: plain(fields.user, "user")?,
                delivered: plain(fields.delivered, "delivered")?,
                read: plain(fields.read, "read")?,
                unread: optional(fields.unread, "unread")?,
                head: optional(fields.head, "head")?.unwrap_or_default(),
            },
            ServerType::Presence => Self::Presence { users: need(fields.users, "users")? },
            ServerType::Typing => Self::Typing { conversation: there?, user: plain(fields.user, "user")? },
            ServerType::Pong => Self::Pong { position: plain(fields.position, "position")? },
            ServerType::Health => Self::Health { degraded: plain(fields.degraded, "degraded")? },
            ServerType::Moving => Self::Moving { after: plain(fields.after, "after")? },
            ServerType::Unknown => Self::Unknown,
        })
    }
}

/// The one name with two shapes: a number where a conversation is named, an object where it is described.
enum Subject {
    Named(ConversationId),
    Described(Box<Conversation>),
}

impl<'de> Deserialize<'de> for Subject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Subject;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a conversation or its number")
            }

            fn visit_u64<E>(self, id: u64) -> Result<Subject, E> {
                Ok(Subject::Named(ConversationId(id)))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Subject, A::Error> {
                Conversation::deserialize(MapAccessDeserializer::new(map))
                    .map(|conversation| Subject::Described(Box::new(conversation)))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

impl<'de> Deserialize<'de> for ClientFrame {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ClientFields::deserialize(deserializer)?.try_into().map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for ServerFrame {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ServerFields::deserialize(deserializer)?.try_into().map_err(D::Error::custom)
    }
}
