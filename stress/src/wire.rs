//! The frames of the protocol, read without building them where they come in masses, and by the protocol crate's own
//! code wherever they look in any way unlike what is expected.

use anyhow::{Context, Result};
use trunkline_protocol::{ChangeBody, ServerFrame};

/// A frame of a node, as far as load needs it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Incoming<'a> {
    /// A message of somebody.
    Message {
        /// Where.
        conversation: u64,
        /// Its place there.
        seq: u64,
        /// Its text, with JSON's escapes.
        text: &'a [u8],
    },
    /// An own message is stored.
    Ack {
        /// The send key.
        key: u128,
        /// Where.
        conversation: u64,
        /// Its place there.
        seq: u64,
    },
    /// A message that is in no log.
    Relayed {
        /// Its text.
        text: &'a [u8],
    },
    /// The connection may be used, and there is nothing to know about it.
    Welcome,
    /// To be answered.
    Ping,
    /// Of no interest.
    Nothing,
    /// Everything else.
    Other(Box<ServerFrame>),
}

/// Reads a frame.
///
/// # Errors
/// If it is none.
pub(crate) fn read(frame: &[u8]) -> Result<Incoming<'_>> {
    if let Some(known) = message(frame).or_else(|| ack(frame)) {
        return Ok(known);
    }
    if frame.starts_with(br#"{"type":"cursor","#) {
        return Ok(Incoming::Nothing);
    }
    let parsed = serde_json::from_slice(frame).context("a frame that can not be read")?;
    Ok(match parsed {
        ServerFrame::Ack { key, conversation, seq, .. } => {
            Incoming::Ack { key: key.0.as_u128(), conversation: conversation.0, seq: seq.0 }
        }
        ServerFrame::Change { ref change } if matches!(change.body, ChangeBody::Posted { .. }) => {
            // In another form than this version's nodes write it: the text is found by its name.
            let text = find(frame, br#""text":""#)
                .and_then(|at| until_quote(&frame[at..]))
                .context("a message without a text")?;
            Incoming::Message { conversation: change.conversation.0, seq: change.seq.0, text }
        }
        other => Incoming::Other(Box::new(other)),
    })
}

fn message(frame: &[u8]) -> Option<Incoming<'_>> {
    let rest = frame.strip_prefix(br#"{"type":"change","change":{"conversation":"#)?;
    let (conversation, rest) = number(rest)?;
    let (seq, rest) = number(rest.strip_prefix(br#","seq":"#)?)?;
    let (_, rest) = number(rest.strip_prefix(br#","at":"#)?)?;
    let (_, rest) = number(rest.strip_prefix(br#","author":"#)?)?;
    let rest = rest.strip_prefix(br#","key":""#)?.get(36..)?;
    let text = until_quote(rest.strip_prefix(br#"","body":{"kind":"posted","text":""#)?)?;
    Some(Incoming::Message { conversation, seq, text })
}

fn ack(frame: &[u8]) -> Option<Incoming<'_>> {
    let rest = frame.strip_prefix(br#"{"type":"ack","key":""#)?;
    let (key, rest) = rest.split_at_checked(36)?;
    let (conversation, rest) = number(rest.strip_prefix(br#"","conversation":"#)?)?;
    let (seq, _) = number(rest.strip_prefix(br#","seq":"#)?)?;
    Some(Incoming::Ack { key: hex(key)?, conversation, seq })
}

fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let end = text.iter().position(|byte| !byte.is_ascii_digit())?;
    let (digits, rest) = text.split_at(end);
    let value = digits.iter().fold(0_u64, |sum, digit| sum.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')));
    (1..=19).contains(&end).then_some((value, rest))
}

fn until_quote(text: &[u8]) -> Option<&[u8]> {
    Some(&text[..text.iter().position(|&byte| byte == b'"')?])
}

fn find(frame: &[u8], wanted: &[u8]) -> Option<usize> {
    Some(frame.windows(wanted.len()).position(|part| part == wanted)? + wanted.len())
}

/// Hexadecimal digits, dashes between them left out.
fn hex(text: &[u8]) -> Option<u128> {
    let mut value = 0_u128;
    for &byte in text.iter().filter(|&&byte| byte != b'-') {
        value = (value << 4) | u128::from(char::from(byte).to_digit(16)?);
    }
    Some(value)
}

/// What a message of the load carries in its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// When it was due, in nanoseconds since the run began.
    pub(crate) due: u64,
    /// Who sent it, as a place in the list of users.
    pub(crate) sender: u32,
    /// Counts a sender's messages, from 1.
    pub(crate) number: u32,
}

/// Length of a mark in a text, and thus of the shortest message.
pub(crate) const MARK: usize = 35;

impl Mark {
    /// Reads it off the front of a text.
    pub(crate) fn read(text: &[u8]) -> Option<Self> {
        let part = |from: usize, to: usize| u64::try_from(hex(text.get(from..to)?)?).ok();
        let (due, sender, number) = (part(0, 16)?, part(17, 25)?, part(26, 34)?);
        Some(Self { due, sender: u32::try_from(sender).ok()?, number: u32::try_from(number).ok()? })
    }

    /// Writes it as the front of a text.
    pub(crate) fn write(self, out: &mut Vec<u8>) {
        for (value, digits) in [(self.due, 16), (u64::from(self.sender), 8), (u64::from(self.number), 8)] {
            write_hex(out, u128::from(value), digits);
            out.push(b' ');
        }
    }
}

fn write_hex(out: &mut Vec<u8>, value: u128, digits: u32) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.extend((0..digits).rev().map(|digit| DIGITS[(value >> (4 * digit)) as usize & 15]));
}

/// A `send` frame with a text that is as long as `filler` and a mark.
pub(crate) fn write_send(out: &mut Vec<u8>, key: u128, conversation: u64, mark: Mark, filler: &[u8]) {
    out.clear();
    out.extend_from_slice(br#"{"type":"send","key":""#);
    for (digits, shift) in [(8, 96), (4, 80), (4, 64), (4, 48), (12, 0)] {
        if shift < 96 {
            out.push(b'-');
        }
        write_hex(out, key >> shift, digits);
    }
    out.extend_from_slice(br#"","conversation":"#);
    write_number(out, conversation);
    out.extend_from_slice(br#","text":""#);
    mark.write(out);
    out.extend_from_slice(filler);
    out.extend_from_slice(br#""}"#);
}

/// A `cursor` frame: everything up to here was received, and read, since the conversation is open.
pub(crate) fn write_cursor(out: &mut Vec<u8>, conversation: u64, seq: u64) {
    out.clear();
    out.extend_from_slice(br#"{"type":"cursor","conversation":"#);
    write_number(out, conversation);
    out.extend_from_slice(br#","delivered":"#);
    write_number(out, seq);
    out.extend_from_slice(br#","read":"#);
    write_number(out, seq);
    out.push(b'}');
}

fn write_number(out: &mut Vec<u8>, value: u64) {
    // Into a `Vec` nothing can fail.
    let _ = std::io::Write::write_fmt(out, format_args!("{value}"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_protocol::{Change, ClientFrame, ConversationId, SendKey, Seq, UserId};

    const MARKED: Mark = Mark { due: 0x1234_5678_9abc, sender: 999, number: 70_000 };

    fn text() -> String {
        let mut text = Vec::new();
        MARKED.write(&mut text);
        assert_eq!(text.len(), MARK);
        String::from_utf8(text).unwrap() + "and more"
    }

    #[test]
    fn what_is_written_is_what_the_protocol_crate_reads() {
        let (key, mut out) = (SendKey::random(), Vec::new());
        write_send(&mut out, key.0.as_u128(), 12, MARKED, b"and more");
        let send: ClientFrame = serde_json::from_slice(&out).unwrap();
        assert_eq!(send, ClientFrame::Send { key, conversation: ConversationId(12), text: text() });
        write_cursor(&mut out, 12, 30);
        let cursor: ClientFrame = serde_json::from_slice(&out).unwrap();
        assert_eq!(cursor, ClientFrame::Cursor { conversation: ConversationId(12), delivered: Seq(30), read: Seq(30) });
    }

    fn change() -> ServerFrame {
        let (conversation, key, body) =
            (ConversationId(12), Some(SendKey::random()), ChangeBody::Posted { text: text() });
        ServerFrame::Change { change: Change { conversation, seq: Seq(30), at: 5, author: UserId(2), key, body } }
    }

    #[test]
    fn what_the_protocol_crate_writes_is_read_without_it() {
        let json = serde_json::to_vec(&change()).unwrap();
        let Some(Incoming::Message { conversation: 12, seq: 30, text }) = message(&json) else { panic!("{json:?}") };
        assert_eq!(Mark::read(text), Some(MARKED));
        let key = SendKey::random();
        let ack_frame = ServerFrame::Ack { key, conversation: ConversationId(12), seq: Seq(31), at: 5 };
        let json = serde_json::to_vec(&ack_frame).unwrap();
        assert_eq!(ack(&json), Some(Incoming::Ack { key: key.0.as_u128(), conversation: 12, seq: 31 }));
        let cursor = br#"{"type":"cursor","conversation":7,"user":2,"delivered":4,"read":2,"head":0}"#;
        assert_eq!(read(cursor).unwrap(), Incoming::Nothing);
    }

    #[test]
    fn a_frame_in_another_form_is_read_by_the_protocol_crate() {
        let value = serde_json::to_value(change()).unwrap();
        let spread = serde_json::to_string_pretty(&value).unwrap().replace("\"text\": \"", "\"text\":\"");
        assert_eq!(message(spread.as_bytes()), None);
        let Incoming::Message { conversation: 12, seq: 30, text } = read(spread.as_bytes()).unwrap() else {
            panic!("not a message")
        };
        assert_eq!(Mark::read(text), Some(MARKED));
        assert!(matches!(read(br#"{"type":"pong","position":3}"#).unwrap(), Incoming::Other(_)));
        assert!(read(b"{").is_err());
    }

    #[test]
    fn a_text_that_is_not_ours_has_no_mark() {
        assert_eq!(Mark::read(b"Good morning!"), None);
    }
}
