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

mod bundle;
mod signal;

pub use bundle::Bundle;
pub use signal::Signal;

use crate::connection::handle::Frame;
use bytes::{BufMut, Bytes, BytesMut};
use trunkline_protocol::{ConversationId, Seq};

const CHANGE: u8 = 1;
const SIGNAL: u8 = 2;
const BUNDLE: u8 = 3;
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
            let next = if bundled { bundle::take(&mut rest) } else { Ok(std::mem::take(&mut rest)) };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::questions::{Answer, Question};
    use crate::node::status::Status;
    use crate::node::trace::Found;
    use trunkline_protocol::{NodeId, UserId};

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
