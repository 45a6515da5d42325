//! A WebSocket that costs its driver little: reads go into one buffer that all share, frames are parsed where they
//! lie, and what is written in one turn goes out with one system call.
//!
//! Only what Trunkline's nodes send is understood: text messages in one frame each, pings and closes.

use anyhow::{Context, Result, bail, ensure};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, sockopt};
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::ops::Range;

/// The key of RFC 6455's own example, and the answer to it that proves that the peer speaks WebSocket.
pub(crate) const KEY: (&str, &str) = ("dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The upgrade was asked for.
    Upgrading,
    /// Frames cross.
    Open,
}

/// One connection. Not blocking; to be watched edge-triggered in both directions.
#[derive(Debug)]
pub(crate) struct Socket {
    /// For the watch.
    pub(crate) stream: TcpStream,
    state: State,
    /// The beginning of a frame whose rest has not come.
    rest: Vec<u8>,
    out: Vec<u8>,
    mask: u32,
}

/// What stands at some place of the bytes that were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// A text message.
    Text(Range<usize>),
    /// The peer wants this answered.
    Ping(Range<usize>),
    /// The peer closes, with this code.
    Close(Option<u16>),
    /// Nothing to do.
    Nothing,
}

impl Socket {
    /// Begins to connect to a node, with this request for an upgrade.
    ///
    /// # Errors
    /// If there is no socket to be had.
    pub(crate) fn connect(address: SocketAddr, request: String) -> Result<Self> {
        let stream = dial(address, None, SocketFlags::NONBLOCK)?;
        // Masks need not be secret here, only different from each other.
        let mask = stream.local_addr().map_or(1, |local| u32::from(local.port()));
        Ok(Self { stream, state: State::Upgrading, rest: Vec::new(), out: request.into_bytes(), mask })
    }

    /// Where it stands.
    pub(crate) const fn state(&self) -> State {
        self.state
    }

    /// Reads what has come behind the rest of what came before; `None` at the end. `buffer` is all that can be read at
    /// once; the second value says whether there may be more.
    ///
    /// # Errors
    /// If the connection broke.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Result<Option<(usize, bool)>> {
        let begin = self.rest.len();
        ensure!(begin < buffer.len(), "a frame is longer than what can be read");
        match self.stream.read(&mut buffer[begin..]) {
            Ok(0) => Ok(None),
            Ok(read) => {
                buffer[..begin].copy_from_slice(&self.rest);
                self.rest.clear();
                Ok(Some((begin + read, begin + read == buffer.len())))
            }
            Err(error) if is_early(&error) => Ok(Some((0, false))),
            Err(error) => Err(error).context("the connection broke"),
        }
    }

    /// Takes the answer to the upgrade off the front; how long it is, 0 if the rest of it has not come.
    ///
    /// # Errors
    /// If the upgrade was refused.
    pub(crate) fn upgrade(&mut self, bytes: &[u8]) -> Result<usize> {
        let Some(end) = bytes.windows(4).position(|end| end == b"\r\n\r\n") else { return Ok(0) };
        let head = String::from_utf8_lossy(&bytes[..end]);
        let status = head.lines().next().unwrap_or_default();
        ensure!(status.starts_with("HTTP/1.1 101 "), "the upgrade was answered with {status}");
        ensure!(head.contains(KEY.1), "the upgrade was answered by something else than a WebSocket server");
        self.state = State::Open;
        Ok(end + 4)
    }

    /// Keeps the beginning of a frame until its rest comes.
    pub(crate) fn keep(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
    }

    /// Puts a text message behind what is to be written.
    pub(crate) fn text(&mut self, payload: &[u8]) {
        self.frame(TEXT, payload);
    }

    /// Answers a ping.
    pub(crate) fn pong(&mut self, payload: &[u8]) {
        self.frame(PONG, payload);
    }

    /// Writes as much as goes. The rest goes when the peer has room again.
    ///
    /// # Errors
    /// If the connection broke.
    pub(crate) fn flush(&mut self) -> Result<()> {
        while !self.out.is_empty() {
            match self.stream.write(&self.out) {
                Ok(written) if written == self.out.len() => self.out.clear(),
                Ok(written) => drop(self.out.drain(..written)),
                Err(error) if is_early(&error) => return Ok(()),
                Err(error) => return Err(error).context("the connection broke"),
            }
        }
        Ok(())
    }

    fn frame(&mut self, opcode: u8, payload: &[u8]) {
        self.out.push(0x80 | opcode);
        match payload.len() {
            len @ 0..126 => self.out.push(0x80 | len as u8),
            len => {
                self.out.push(0x80 | 126);
                // No client frame is longer than 64 KiB.
                self.out.extend_from_slice(&(len as u16).to_be_bytes());
            }
        }
        self.mask = self.mask.wrapping_mul(0x9E37_79B1).rotate_left(7);
        let mask = self.mask.to_ne_bytes();
        self.out.extend_from_slice(&mask);
        self.out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    }
}

/// The frame at the front of the bytes, and how long it is; `None` if its rest has not come.
///
/// # Errors
/// If it is none that a node sends.
pub(crate) fn parse(bytes: &[u8]) -> Result<Option<(Frame, usize)>> {
    let [first, second, ..] = *bytes else { return Ok(None) };
    ensure!(first & 0x80 != 0 && second & 0x80 == 0, "a frame that no node sends");
    let (header, len) = match second {
        len @ 0..126 => (2, usize::from(len)),
        126 if bytes.len() >= 4 => (4, usize::from(u16::from_be_bytes([bytes[2], bytes[3]]))),
        127 if bytes.len() >= 10 => (10, bytes[2..10].iter().fold(0, |sum, &byte| (sum << 8) | usize::from(byte))),
        _ => return Ok(None),
    };
    let end = header + len;
    if bytes.len() < end {
        return Ok(None);
    }
    let payload = header..end;
    let frame = match first & 0x0F {
        TEXT => Frame::Text(payload),
        PING => Frame::Ping(payload),
        PONG => Frame::Nothing,
        CLOSE => Frame::Close((len >= 2).then(|| u16::from_be_bytes([bytes[header], bytes[header + 1]]))),
        opcode => bail!("a frame of type {opcode}, which no node sends"),
    };
    Ok(Some((frame, end)))
}

/// A TCP connection from this local address, if one is named.
///
/// # Errors
/// If it can not be made. One that is not blocking may turn out to be refused later.
pub(crate) fn dial(to: SocketAddr, from: Option<IpAddr>, flags: SocketFlags) -> Result<TcpStream> {
    let family = if to.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = rustix::net::socket_with(family, SocketType::STREAM, flags | SocketFlags::CLOEXEC, None)?;
    sockopt::set_tcp_nodelay(&socket, true)?;
    if let Some(from) = from {
        bind(&socket, &SocketAddr::new(from, 0)).with_context(|| format!("can not connect from {from}"))?;
    }
    match connect(&socket, &to) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(socket.into()),
        Err(error) => Err(error).with_context(|| format!("can not connect to {to}")),
    }
}

fn is_early(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected | ErrorKind::Interrupted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_found_one_behind_the_other_whatever_their_length() {
        let mut bytes = vec![0x81, 2, b'h', b'i', 0x81, 126, 1, 0];
        bytes.extend([b'x'; 256]);
        bytes.extend([0x88, 2, 0x0F, 0xA1, 0x89, 0]);
        assert_eq!(parse(&bytes).unwrap(), Some((Frame::Text(2..4), 4)));
        assert_eq!(parse(&bytes[4..]).unwrap(), Some((Frame::Text(4..260), 260)));
        assert_eq!(parse(&bytes[264..]).unwrap(), Some((Frame::Close(Some(4001)), 4)));
        assert_eq!(parse(&bytes[268..]).unwrap(), Some((Frame::Ping(2..2), 2)));
        for part in 0..260 {
            assert_eq!(parse(&bytes[4..4 + part]).unwrap(), None, "{part}");
        }
    }

    #[test]
    fn what_no_node_sends_is_an_error() {
        assert!(parse(&[0x01, 0]).is_err(), "a fragment");
        assert!(parse(&[0x82, 0]).is_err(), "a binary message");
        assert!(parse(&[0x81, 0x80]).is_err(), "a masked frame");
    }
}
