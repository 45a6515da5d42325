//! What is said on the wire besides Trunkline's own frames: the same load can be put on others, to compare.

use crate::socket;
use crate::wire::{self, Incoming, Mark};
use anyhow::{Result, ensure};
use clap::ValueEnum;
use std::net::SocketAddr;
use trunkline_protocol::SUBPROTOCOL;

/// Whom the load is put on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dialect {
    /// Nodes of Trunkline.
    #[default]
    Trunkline,
    /// Nodes of Socket.IO (Engine.IO 4), as in `bench/peers/socket-io.mjs`: no history, no acknowledgement.
    SocketIo,
}

impl Dialect {
    /// Whether messages are acknowledged and have a place in a log.
    pub(crate) const fn acknowledges(self) -> bool {
        matches!(self, Self::Trunkline)
    }

    /// The request for a WebSocket, as the bearer of this cookie.
    pub(crate) fn request(self, node: SocketAddr, cookie: &str) -> String {
        let (path, own) = match self {
            Self::Trunkline => ("/ws", format!("Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\nCookie: {cookie}\r\n")),
            Self::SocketIo => ("/socket.io/?EIO=4&transport=websocket", String::new()),
        };
        format!(
            "GET {path} HTTP/1.1\r\nHost: {node}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {}\r\n{own}\r\n",
            socket::KEY.0
        )
    }

    /// What is said first on an open connection.
    pub(crate) fn greeting(self, user: u32) -> String {
        match self {
            Self::Trunkline => r#"{"type":"hello"}"#.to_owned(),
            Self::SocketIo => format!(r#"40{{"user":"{user}"}}"#),
        }
    }

    /// Writes a message of one user to another, or into their conversation.
    pub(crate) fn write_send(self, out: &mut Vec<u8>, key: u128, conversation: u64, mark: Mark, filler: &[u8]) {
        match self {
            Self::Trunkline => wire::write_send(out, key, conversation, mark, filler),
            Self::SocketIo => {
                out.clear();
                // Users 2n and 2n + 1 write to each other.
                out.extend_from_slice(format!(r#"42["send","{}",""#, mark.sender ^ 1).as_bytes());
                mark.write(out);
                out.extend_from_slice(filler);
                out.extend_from_slice(br#""]"#);
            }
        }
    }

    /// Reads a frame of a node.
    ///
    /// # Errors
    /// If it is none.
    pub(crate) fn read(self, frame: &[u8]) -> Result<Incoming<'_>> {
        if self == Self::Trunkline {
            return wire::read(frame);
        }
        if let Some(rest) = frame.strip_prefix(br#"42["message",""#) {
            let text = rest.iter().position(|&byte| byte == b'"').map_or(rest, |end| &rest[end..]);
            let text = text.strip_prefix(br#"",""#).and_then(|text| text.strip_suffix(br#""]"#)).unwrap_or_default();
            return Ok(Incoming::Relayed { text });
        }
        ensure!(!frame.starts_with(b"44"), "the connection was refused");
        Ok(match frame {
            b"2" => Incoming::Ping,
            _ if frame.starts_with(br#"42["welcome""#) => Incoming::Welcome,
            _ => Incoming::Nothing,
        })
    }

    /// The answer to a [`Incoming::Ping`].
    pub(crate) const PONG: &'static [u8] = b"3";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relayed_message_carries_its_mark() {
        let (mut out, mark) = (Vec::new(), Mark { due: 7, sender: 4, number: 2 });
        Dialect::SocketIo.write_send(&mut out, 0, 0, mark, b"more");
        let sent = String::from_utf8(out).unwrap();
        let relayed = sent.replacen(r#"["send","5","#, r#"["message","4","#, 1);
        let Ok(Incoming::Relayed { text }) = Dialect::SocketIo.read(relayed.as_bytes()) else { panic!("{relayed}") };
        assert_eq!((Mark::read(text), &text[crate::wire::MARK..]), (Some(mark), &b"more"[..]));
    }

    #[test]
    fn everything_else_that_is_said_is_understood() {
        let read = |frame: &'static str| Dialect::SocketIo.read(frame.as_bytes());
        assert!(matches!(read("2"), Ok(Incoming::Ping)));
        assert!(matches!(read(r#"42["welcome"]"#), Ok(Incoming::Welcome)));
        assert!(matches!(read(r#"0{"sid":"x"}"#), Ok(Incoming::Nothing)));
        assert!(read(r#"44{"message":"nobody"}"#).is_err());
    }
}
