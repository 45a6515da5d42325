//! A socket on which a test writes bytes: requests that are cut off, frames that no library would send.

use super::SOON;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use trunkline_protocol::SUBPROTOCOL;

/// What frames are masked with: any four bytes will do.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// What a frame is, as its first byte says without the bit of the last frame.
pub(crate) mod opcode {
    pub(crate) const CONTINUATION: u8 = 0;
    pub(crate) const TEXT: u8 = 1;
    pub(crate) const CLOSE: u8 = 8;
    pub(crate) const PING: u8 = 9;
    pub(crate) const PONG: u8 = 10;
}

/// The bit of the last frame of a message.
pub(crate) const LAST: u8 = 0x80;

/// The head of a masked frame that says it has so many bytes, in the shortest form or, above 64 KiB, in the longest.
pub(crate) fn head(first: u8, length: u64) -> Vec<u8> {
    let mut head = vec![first];
    match length {
        0..126 => head.push(0x80 | u8::try_from(length).expect("a short length")),
        126..0x1_0000 => {
            head.push(0x80 | 126);
            head.extend(u16::try_from(length).expect("a middling length").to_be_bytes());
        }
        _ => {
            head.push(0x80 | 127);
            head.extend(length.to_be_bytes());
        }
    }
    head.extend(MASK);
    head
}

/// A masked frame.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = head(first, payload.len() as u64);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// The request of an upgrade as the page makes it.
pub(crate) fn upgrade(address: SocketAddr, cookie: &str) -> String {
    format!(
        "GET /ws HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\nCookie: {cookie}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
         Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n"
    )
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Bytes {
    pub(crate) tcp: TcpStream,
}

impl Bytes {
    /// A connection on which nothing was said.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let tcp =
            timeout(SOON, TcpStream::connect(address)).await.expect("a connection in time").expect("a connection");
        tcp.set_nodelay(true).expect("an option");
        Self { tcp }
    }

    /// An upgraded socket.
    pub(crate) async fn open(address: SocketAddr, cookie: &str) -> Self {
        let mut bytes = Self::connect(address).await;
        bytes.write(upgrade(address, cookie).as_bytes()).await;
        assert_eq!(bytes.status().await, Some(101));
        bytes
    }

    /// Writes all of it at once.
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.try_write(bytes).await.expect("the socket is open");
    }

    /// The same for a socket that may be closed by now.
    pub(crate) async fn try_write(&mut self, bytes: &[u8]) -> io::Result<()> {
        timeout(SOON, self.tcp.write_all(bytes)).await.map_err(|_| io::ErrorKind::TimedOut)?
    }

    /// Writes each byte by itself.
    pub(crate) async fn drip(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write(&[*byte]).await;
            // So that each is a packet of its own, and a turn of the node's.
            tokio::task::yield_now().await;
        }
    }

    /// A text message in one frame.
    pub(crate) async fn text(&mut self, text: &str) {
        self.write(&frame(LAST | opcode::TEXT, text.as_bytes())).await;
    }

    /// Says hello as a new device.
    pub(crate) async fn hello(&mut self) {
        self.text(r#"{"type":"hello","epoch":null,"position":0}"#).await;
        self.hears("\"welcome\"").await;
    }

    /// Reads a response's head, and gives its status; `None` if the peer hung up instead.
    pub(crate) async fn status(&mut self) -> Option<u16> {
        let deadline = Instant::now() + SOON;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match timeout_at(deadline, self.tcp.read_u8()).await.expect("an answer in time") {
                Ok(byte) => head.push(byte),
                Err(_) => return None,
            }
        }
        let text = String::from_utf8(head).expect("a head is text");
        text.split(' ').nth(1)?.parse().ok()
    }

    /// The next frame within `limit`: what it is, and what it holds. `None` when the peer has hung up.
    async fn frame_by(&mut self, deadline: Instant) -> Option<(u8, Vec<u8>)> {
        let read = async {
            let first = self.tcp.read_u8().await?;
            let length = match self.tcp.read_u8().await? {
                126 => self.tcp.read_u16().await?.into(),
                127 => self.tcp.read_u64().await?,
                length => u64::from(length),
            };
            let mut payload = vec![0; usize::try_from(length).expect("a length")];
            self.tcp.read_exact(&mut payload).await?;
            io::Result::Ok((first & 0x0f, payload))
        };
        timeout_at(deadline, read).await.expect("the node does something").ok()
    }

    /// Reads on until a text frame contains this.
    pub(crate) async fn hears(&mut self, wanted: &str) {
        let deadline = Instant::now() + SOON;
        loop {
            match self.frame_by(deadline).await {
                Some((opcode::TEXT, text)) if String::from_utf8_lossy(&text).contains(wanted) => return,
                Some((opcode::CLOSE, close)) => panic!("waited for {wanted}, and was closed with {close:?}"),
                Some(_) => {}
                None => panic!("waited for {wanted}, and the node hung up"),
            }
        }
    }

    /// Reads on until a ping is answered; what it was answered with.
    pub(crate) async fn pong(&mut self) -> Vec<u8> {
        let deadline = Instant::now() + SOON;
        loop {
            match self.frame_by(deadline).await {
                Some((opcode::PONG, payload)) => return payload,
                Some((opcode::CLOSE, _)) | None => panic!("waited for a pong, and was closed"),
                Some(_) => {}
            }
        }
    }

    /// Reads on until the node closes the socket; the code.
    pub(crate) async fn closed(&mut self) -> Option<u16> {
        self.closed_within(SOON).await
    }

    pub(crate) async fn closed_within(&mut self, limit: Duration) -> Option<u16> {
        let deadline = Instant::now() + limit;
        loop {
            if let (opcode::CLOSE, close) = self.frame_by(deadline).await? {
                return Some(u16::from_be_bytes([*close.first()?, *close.get(1)?]));
            }
        }
    }

    /// Waits until the peer has hung up, whatever it says before.
    pub(crate) async fn hung_up_within(&mut self, limit: Duration) {
        let mut rest = Vec::new();
        let ended = timeout(limit, self.tcp.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "the node did not hang up within {limit:?}");
    }
}
