//! A WebSocket as RFC 6455 has it: the bounds of what is read, reading, and the end of it. It may be axum's, or one end of
//! a simulated network.
//!
//! All sockets of a node are read and closed by this, and nothing else in here knows what their messages mean.

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocketUpgrade};
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use std::time::Duration;
use tokio::time::timeout;
use trunkline_protocol::CloseCode;

/// Read buffer of a connection, in bytes. axum's default of 128 KiB is most of what an idle connection costs.
const READ_BUFFER: usize = 2 * 1024;
/// Bytes gathered before they go to the operating system. There is no bound beyond: a frame above it could never be
/// written, and the connection's task hands over no more than a portion and waits until it is gone.
const WRITE_BUFFER: usize = 16 * 1024;
/// How long a peer may take to read a close, and to answer it.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

/// What a connection is made of.
pub trait Socket:
    Stream<Item = Result<Message, axum::Error>> + Sink<Message, Error = axum::Error> + Send + Unpin
{
}

impl<S> Socket for S where
    S: Stream<Item = Result<Message, axum::Error>> + Sink<Message, Error = axum::Error> + Send + Unpin
{
}

/// How a connection ended.
#[derive(Debug)]
pub enum End {
    /// The peer is gone without a word.
    Gone,
    /// The peer said goodbye, and has not heard ours yet.
    Goodbye,
    /// Close it with this code and reason.
    Close(u16, &'static str),
}

impl From<CloseCode> for End {
    fn from(code: CloseCode) -> Self {
        Self::Close(code.as_u16(), code.reason())
    }
}

/// What every upgrade is set to. A message has at most `bytes`, in however many frames it comes.
pub fn settings(upgrade: WebSocketUpgrade, bytes: usize) -> WebSocketUpgrade {
    upgrade.read_buffer_size(READ_BUFFER).write_buffer_size(WRITE_BUFFER).max_message_size(bytes).max_frame_size(bytes)
}

/// The next message. Cancel-safe.
///
/// The answer to a ping is there already, but not written: [`flush`] before more is read, so that a peer who reads no
/// answers is not read either. Otherwise they would pile up, with no bound.
///
/// # Errors
/// How the connection ended, when it has. It is for the caller to [`close`] it.
pub async fn read(socket: &mut impl Socket) -> Result<Message, End> {
    match socket.next().await {
        Some(Ok(Message::Close(_))) => Err(End::Goodbye),
        Some(Ok(message)) => Ok(message),
        Some(Err(error)) => Err(broken(error)),
        None => Err(End::Gone),
    }
}

/// Writes what waits, answers to pings included.
///
/// # Errors
/// If the peer is gone.
pub async fn flush(socket: &mut impl Socket) -> Result<(), End> {
    socket.flush().await.map_err(|_| End::Gone)
}

/// Closes a socket as the standard wants it: both sides say so, and the node hangs up. A peer that does not read
/// does not get to know; it will find the socket closed.
pub async fn close(mut socket: impl Socket, end: End) {
    let all = async {
        match end {
            End::Gone => return,
            End::Goodbye => {}
            End::Close(code, reason) => {
                let close = Message::Close(Some(CloseFrame { code, reason: Utf8Bytes::from_static(reason) }));
                if socket.send(close).await.is_err() {
                    return;
                }
            }
        }
        // What the peer had said before it heard of the end is read, and nothing done with it: a socket that is dropped
        // with something unread in it takes back what was written last. With the answer to a goodbye it is the same
        // call that writes it.
        while let Some(Ok(_)) = socket.next().await {}
    };
    let _ = timeout(CLOSE_WITHIN, all).await;
}

/// What a broken stream is closed with, by RFC 6455, section 7.4.1.
fn broken(error: axum::Error) -> End {
    use tungstenite::Error;
    match error.into_inner().downcast_ref() {
        Some(Error::Capacity(_)) => End::Close(1009, "the frame is too large"),
        Some(Error::Utf8(_)) => End::Close(1007, "the text is not UTF-8"),
        Some(Error::Protocol(_)) => End::Close(1002, "not the WebSocket protocol"),
        _ => End::Gone,
    }
}
