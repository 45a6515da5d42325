//! What travels on the bus.
//!
//! A change is nearly all of the traffic, so it carries the finished client frame and a fixed header: the
//! receiving node copies bytes and parses nothing. Everything else is JSON.
//!
//! ```text
//! change:  0x01 | flags u8 | conversation u64 BE | seq u64 BE | the client's frame (UTF-8)
//! other:   0x02 | JSON of Signal
//! bundle:  0x03 | any number of: length u32 BE | one of the above
//! ```
//!
//! What a node commits together it tells another node together, in one [`Bundle`]: a broker's work is by the message,
//! hardly by the byte.
//!
//! A first byte of a later version is ignored, so that neighbouring versions share a bus.

use crate::connection::handle::Frame;
use crate::node::questions::{Answer, Question};
use bytes::{BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use trunkline_protocol::{ConversationId, NodeId, Seq, SessionId, UserId};

const CHANGE: u8 = 1;
const SIGNAL: u8 = 2;
const BUNDLE: u8 = 3;
const LENGTH: usize = size_of::<u32>();
/// Bytes of a bundle: enough for a few hundred messages of usual length, and little beside what may wait for a broker.
const BUNDLE_BYTES: usize = 128 * 1024;
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

/// Envelopes for one destination, in order.
#[derive(Debug, Default)]
pub struct Bundle {
    bytes: BytesMut,
    count: usize,
}

impl Bundle {
    /// Adds one at the end.
    pub fn push(&mut self, envelope: &Envelope) {
        if self.count == 0 {
            self.bytes.put_u8(BUNDLE);
        }
        let start = self.bytes.len();
        self.bytes.put_u32(0);
        envelope.write(&mut self.bytes);
        // A frame is far below 4 GiB; a length that is none makes the bundle unreadable and the store is asked.
        let length = u32::try_from(self.bytes.len() - start - LENGTH).unwrap_or(u32::MAX);
        self.bytes[start..start + LENGTH].copy_from_slice(&length.to_be_bytes());
        self.count += 1;
    }

    /// Whether it is time to send it and begin another one.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.bytes.len() >= BUNDLE_BYTES
    }

    /// As it travels: a single envelope by itself. `None` if there is nothing in it.
    #[must_use]
    pub fn finish(self) -> Option<Bytes> {
        let bytes = self.bytes.freeze();
        match self.count {
            0 => None,
            1 => Some(bytes.slice(1 + LENGTH..)),
            _ => Some(bytes),
        }
    }
}

/// Bytes that are no envelope of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these bytes are no envelope of this version")]
pub struct NotAnEnvelope;

impl Envelope {
    /// To bytes. A signal that can not be written as JSON does not exist in this version.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut bytes = BytesMut::new();
        self.write(&mut bytes);
        bytes.freeze()
    }

    fn write(&self, bytes: &mut BytesMut) {
        match self {
            Self::Change(change) => {
                bytes.reserve(HEADER + change.frame.len());
                bytes.put_u8(CHANGE);
                bytes.put_u8(if change.members_changed { MEMBERS_CHANGED } else { 0 });
                bytes.put_u64(change.conversation.0);
                bytes.put_u64(change.seq.0);
                bytes.put_slice(change.frame.as_bytes());
            }
            Self::Signal(signal) => {
                bytes.put_u8(SIGNAL);
                bytes.put_slice(&serde_json::to_vec(signal).unwrap_or_default());
            }
        }
    }

    /// What came in one piece: one envelope, or those of a bundle, each of which is readable or not by itself.
    pub fn decode_all(bytes: &Bytes) -> impl Iterator<Item = Result<Self, NotAnEnvelope>> {
        let bundled = bytes.first() == Some(&BUNDLE);
        let mut rest = bytes.slice(usize::from(bundled)..);
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let next = if bundled { take_bundled(&mut rest) } else { Ok(std::mem::take(&mut rest)) };
            Some(next.and_then(|bytes| Self::decode(&bytes)))
        })
    }

    /// From bytes, which a frame is copied out of: it may wait for a slow reader, and would keep a whole bundle.
    ///
    /// # Errors
    /// [`NotAnEnvelope`] for anything else, text that is not UTF-8 included.
    fn decode(bytes: &[u8]) -> Result<Self, NotAnEnvelope> {
        match bytes.first() {
            Some(&CHANGE) if bytes.len() >= HEADER => {
                let number =
                    |at: usize| bytes[at..at + 8].iter().fold(0_u64, |sum, &byte| (sum << 8) | u64::from(byte));
                let frame = std::str::from_utf8(&bytes[HEADER..]).map_err(|_| NotAnEnvelope)?.into();
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

/// Cuts the next envelope off a bundle. Where a length leads beyond the end, nothing more can be read.
fn take_bundled(rest: &mut Bytes) -> Result<Bytes, NotAnEnvelope> {
    let mut all = std::mem::take(rest);
    let length = split(&mut all, LENGTH)?;
    let length = length.iter().fold(0_usize, |sum, &byte| (sum << 8) | usize::from(byte));
    let next = split(&mut all, length)?;
    *rest = all;
    Ok(next)
}

fn split(bytes: &mut Bytes, at: usize) -> Result<Bytes, NotAnEnvelope> {
    if at > bytes.len() { Err(NotAnEnvelope) } else { Ok(bytes.split_to(at)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::status::Status;
    use crate::node::trace::Found;

    fn change(seq: u64, text: &'static str) -> Envelope {
        Envelope::Change(ChangeEnvelope {
            conversation: ConversationId(u64::MAX - 1),
            seq: Seq(seq),
            members_changed: true,
            frame: Frame::from_static(text),
        })
    }

    fn typing() -> Envelope {
        Envelope::Signal(Signal::Typing { conversation: ConversationId(3), user: UserId(4) })
    }

    fn decoded(bytes: &Bytes) -> Vec<Result<Envelope, NotAnEnvelope>> {
        Envelope::decode_all(bytes).collect()
    }

    #[test]
    fn changes_and_signals_survive_the_round_trip() {
        for envelope in [change(258, "{\"type\":\"change\",\"text\":\"grüezi\"}"), typing()] {
            assert_eq!(decoded(&envelope.encode()), [Ok(envelope)]);
        }
    }

    #[test]
    fn a_bundle_holds_envelopes_in_order_and_one_alone_travels_without_it() {
        let all = [change(1, "{}"), typing(), change(2, "{\"a\":1}")];
        let mut bundle = Bundle::default();
        all.iter().for_each(|envelope| bundle.push(envelope));
        let bytes = bundle.finish().expect("bytes");
        assert_eq!(decoded(&bytes), all.map(Ok));
        let mut bundle = Bundle::default();
        bundle.push(&typing());
        assert_eq!(bundle.finish(), Some(typing().encode()));
        assert_eq!(Bundle::default().finish(), None);
    }

    #[test]
    fn a_broken_bundle_gives_what_is_whole_and_then_an_error() {
        let mut bundle = Bundle::default();
        bundle.push(&typing());
        bundle.push(&change(1, "{}"));
        let bytes = bundle.finish().expect("bytes");
        for end in 2..bytes.len() {
            let read = decoded(&bytes.slice(..end));
            assert!(read.last().is_some_and(Result::is_err) || read == [Ok(typing())], "{read:?}");
        }
    }

    #[test]
    fn a_bundle_in_a_bundle_is_no_envelope() {
        let mut inner = Bundle::default();
        inner.push(&typing());
        inner.push(&typing());
        let inner = inner.finish().expect("bytes");
        let mut bytes = BytesMut::new();
        bytes.put_u8(BUNDLE);
        bytes.put_u32(inner.len() as u32);
        bytes.put_slice(&inner);
        assert_eq!(decoded(&bytes.freeze()), [Err(NotAnEnvelope)]);
    }

    #[test]
    fn what_is_no_envelope_is_refused_and_never_panics() {
        let none = [&b"\x01"[..], b"\x01\0short", b"\x02{", b"\x09later", b"\x01\0aaaaaaaabbbbbbbb\xff\xfe", b"\x03\0"];
        for bytes in none {
            assert_eq!(decoded(&Bytes::copy_from_slice(bytes)), [Err(NotAnEnvelope)], "{bytes:?}");
        }
        assert_eq!(decoded(&Bytes::new()), []);
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
        assert_eq!(decoded(&bytes), [Ok(Envelope::Signal(Signal::Unknown))]);
    }
}
