//! What travels on the bus.
//!
//! A change is nearly all of the traffic, so it carries the finished client frame and a fixed header: the
//! receiving node copies bytes and parses nothing. Everything else is JSON.
//!
//! ```text
//! change:  0x01 | flags u8 | conversation u64 BE | seq u64 BE | the client's frame (UTF-8)
//! other:   0x02 | JSON of Signal
//! ```
//!
//! A first byte of a later version is ignored, so that neighbouring versions share a bus.

use crate::connection::handle::Frame;
use crate::node::questions::{Answer, Question};
use bytes::{BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use trunkline_protocol::{ConversationId, NodeId, Seq, SessionId, UserId};

const CHANGE: u8 = 1;
const SIGNAL: u8 = 2;
const HEADER: usize = 18;
const MEMBERS_CHANGED: u8 = 1;

/// One envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Envelope {
    /// An entry of a log.
    Change(ChangeEnvelope),
    /// Something that may be lost, or is found in the store as well.
    Signal(Signal),
}

/// An entry of a log, ready for clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeEnvelope {
    /// Whose log.
    pub conversation: ConversationId,
    /// Where in it.
    pub seq: Seq,
    /// Whether it changes who is in the conversation.
    pub members_changed: bool,
    /// The [`trunkline_protocol::ServerFrame::Change`] in JSON.
    pub frame: Frame,
}

/// Everything that is not a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Signal {
    /// A node speaks to itself, to find out whether it can hear.
    Canary {
        /// The speaker.
        node: NodeId,
        /// Counts up.
        number: u64,
    },
    /// A member's cursors have moved (also found by following the store).
    Cursor {
        /// Where.
        conversation: ConversationId,
        /// Whose.
        user: UserId,
        /// Highest seq received.
        delivered: Seq,
        /// Highest seq read.
        read: Seq,
        /// Unread after `read`, counted at `head`.
        unread: u64,
        /// The head at which it was counted.
        head: Seq,
    },
    /// A member is writing.
    Typing {
        /// Where.
        conversation: ConversationId,
        /// Who.
        user: UserId,
    },
    /// Users came to a node or left it.
    Presence {
        /// The node.
        node: NodeId,
        /// Now on it.
        entered: Vec<UserId>,
        /// No longer on it.
        left: Vec<UserId>,
    },
    /// A conversation was made that has no change yet; its members should hear it.
    Joined {
        /// Which.
        conversation: ConversationId,
    },
    /// Sessions or tokens were ended (also found by following the store).
    Ended {
        /// Sessions.
        sessions: Vec<SessionId>,
        /// Access tokens.
        tokens: Vec<u64>,
    },
    /// Somebody is called something else (found by following the store).
    Renamed,
    /// A node asks all others something, for somebody who looks.
    Asked {
        /// Who asks.
        node: NodeId,
        /// Its number for the question.
        number: u64,
        /// What.
        question: Question,
    },
    /// The answer to a question.
    Answered {
        /// Who answers.
        node: NodeId,
        /// The asker's number for the question.
        number: u64,
        /// What.
        answer: Answer,
    },
    /// A signal of a later version.
    #[serde(other)]
    Unknown,
}

/// Bytes that are no envelope of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these bytes are no envelope of this version")]
pub struct NotAnEnvelope;

impl Envelope {
    /// To bytes. A signal that can not be written as JSON does not exist in this version.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        match self {
            Self::Change(change) => {
                let mut bytes = BytesMut::with_capacity(HEADER + change.frame.len());
                bytes.put_u8(CHANGE);
                bytes.put_u8(if change.members_changed { MEMBERS_CHANGED } else { 0 });
                bytes.put_u64(change.conversation.0);
                bytes.put_u64(change.seq.0);
                bytes.put_slice(change.frame.as_bytes());
                bytes.freeze()
            }
            Self::Signal(signal) => {
                let mut bytes = vec![SIGNAL];
                bytes.extend(serde_json::to_vec(signal).unwrap_or_default());
                bytes.into()
            }
        }
    }

    /// From bytes; shares them where it can.
    ///
    /// # Errors
    /// [`NotAnEnvelope`] for anything else, text that is not UTF-8 included.
    pub fn decode(bytes: &Bytes) -> Result<Self, NotAnEnvelope> {
        match bytes.first() {
            Some(&CHANGE) if bytes.len() >= HEADER => {
                let number =
                    |at: usize| bytes[at..at + 8].iter().fold(0_u64, |sum, &byte| (sum << 8) | u64::from(byte));
                let frame = Frame::try_from(bytes.slice(HEADER..)).map_err(|_| NotAnEnvelope)?;
                Ok(Self::Change(ChangeEnvelope {
                    conversation: ConversationId(number(2)),
                    seq: Seq(number(10)),
                    members_changed: bytes[1] & MEMBERS_CHANGED != 0,
                    frame,
                }))
            }
            Some(&SIGNAL) => serde_json::from_slice(&bytes[1..]).map(Self::Signal).map_err(|_| NotAnEnvelope),
            _ => Err(NotAnEnvelope),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::status::Status;
    use crate::node::trace::Found;

    #[test]
    fn a_change_survives_the_round_trip() {
        let envelope = Envelope::Change(ChangeEnvelope {
            conversation: ConversationId(u64::MAX - 1),
            seq: Seq(258),
            members_changed: true,
            frame: Frame::from_static("{\"type\":\"change\",\"text\":\"grüezi\"}"),
        });
        assert_eq!(Envelope::decode(&envelope.encode()), Ok(envelope));
    }

    #[test]
    fn a_signal_survives_the_round_trip() {
        let envelope = Envelope::Signal(Signal::Typing { conversation: ConversationId(3), user: UserId(4) });
        assert_eq!(Envelope::decode(&envelope.encode()), Ok(envelope));
    }

    #[test]
    fn what_is_no_envelope_is_refused_and_never_panics() {
        for bytes in [&b""[..], b"\x01", b"\x01\0short", b"\x02{", b"\x09later", b"\x01\0aaaaaaaabbbbbbbb\xff\xfe"] {
            assert_eq!(Envelope::decode(&Bytes::copy_from_slice(bytes)), Err(NotAnEnvelope), "{bytes:?}");
        }
    }

    #[test]
    fn questions_and_answers_survive_the_round_trip_and_later_ones_are_no_error() {
        let (node, number) = (NodeId::random(), 7);
        let (conversation, seq, at) = (ConversationId(3), Seq(4), 5);
        let asked = Signal::Asked { node, number, question: Question::Trace { conversation, seq, at } };
        let found = Found { since: 9, accepted: Some(1), ..Found::default() };
        let trace = Signal::Answered { node, number, answer: Answer::Trace(found) };
        let status = Signal::Answered { node, number, answer: Answer::Status(Status::default()) };
        for signal in [asked, trace, status] {
            let envelope = Envelope::Signal(signal);
            assert_eq!(Envelope::decode(&envelope.encode()), Ok(envelope));
        }
        let later =
            format!(r#"{{"type":"asked","node":"{node}","number":7,"question":{{"about":"weather","in":"X"}}}}"#);
        let decoded = Envelope::decode(&Bytes::from(format!("\x02{later}")));
        assert_eq!(decoded, Ok(Envelope::Signal(Signal::Asked { node, number, question: Question::Unknown })));
    }

    #[test]
    fn a_signal_of_a_later_version_is_unknown_and_not_an_error() {
        let bytes = Bytes::from_static(b"\x02{\"type\":\"teleport\",\"to\":1}");
        assert_eq!(Envelope::decode(&bytes), Ok(Envelope::Signal(Signal::Unknown)));
    }
}
