//! The task of one WebSocket: it reads, writes and carries on with what frames started, all in one loop, so
//! that an idle connection costs one task and two small buffers.

use super::handle::{Frame, Handle, Outgoing};
use super::requests::Requests;
use crate::node::Node;
use crate::store::{Credential, Identity};
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use futures_util::stream::FuturesUnordered;
use futures_util::{SinkExt, StreamExt};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};
use trunkline_protocol::{ClientFrame, CloseCode, Epoch, Position, UserId, limits};

/// Requests of one connection that may wait for the store; then nothing more is read from it.
const PENDING: usize = 32;
/// Bytes handed to the socket in one turn: what waits beyond stays in the queue, where it is counted.
const PORTION: usize = 64 * 1024;
/// How long a peer may take to read one portion, and to answer a close.
const WRITE_WITHIN: Duration = limits::NODE_SILENCE;
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

/// How a connection ended.
enum End {
    /// The peer is gone, or said goodbye.
    Gone,
    /// Close it with this.
    Close(u16, &'static str),
}

impl From<CloseCode> for End {
    fn from(code: CloseCode) -> Self {
        Self::Close(code.as_u16(), code.reason())
    }
}

/// Serves an upgraded socket to its end.
pub async fn serve(mut socket: WebSocket, identity: Identity, node: Arc<Node>) {
    let (user, credential) = (identity.user.id, identity.credential);
    let end = converse(&mut socket, user, credential, &node).await;
    if let End::Close(code, reason) = end {
        node.metrics.closed.with_label_values(&[reason]).inc();
        tracing::debug!(user.id = %user, close.code = code, "closed a connection: {reason}");
        let close = Message::Close(Some(CloseFrame { code, reason: Utf8Bytes::from_static(reason) }));
        // A peer that does not read does not get to know; it will find the socket closed.
        let _ = timeout(CLOSE_WITHIN, socket.send(close)).await;
    }
}

async fn converse(socket: &mut WebSocket, user: UserId, credential: Credential, node: &Arc<Node>) -> End {
    let (epoch, position) = match timeout(limits::HELLO_WITHIN, hello(socket)).await {
        Ok(Ok(hello)) => hello,
        Ok(Err(end)) => return end,
        Err(_) => return CloseCode::HelloTimeout.into(),
    };
    let handle = Handle::new(user, credential);
    let _leave = Leave { node, handle: &handle };
    if let Err(error) = node.join(&handle, epoch, position).await {
        tracing::info!(user.id = %user, error = %error, "did not welcome a connection");
        return error.close_code().into();
    }
    run(socket, node, &handle).await
}

/// Lets the connection go, however its task ends.
struct Leave<'a> {
    node: &'a Arc<Node>,
    handle: &'a Handle,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.node.leave(self.handle);
    }
}

async fn hello(socket: &mut WebSocket) -> Result<(Option<Epoch>, Position), End> {
    loop {
        match socket.recv().await {
            Some(Ok(Message::Text(text))) => {
                return match serde_json::from_str(&text) {
                    Ok(ClientFrame::Hello { epoch, position }) => Ok((epoch, position)),
                    _ => Err(CloseCode::BadProtocol.into()),
                };
            }
            Some(Ok(Message::Binary(_))) => return Err(CloseCode::BadProtocol.into()),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Close(_))) | None => return Err(End::Gone),
            Some(Err(error)) => return Err(broken(error)),
        }
    }
}

async fn run(socket: &mut WebSocket, node: &Arc<Node>, handle: &Arc<Handle>) -> End {
    let mut requests = Requests::new(node.clone(), handle.clone());
    let mut pending = FuturesUnordered::new();
    let mut heard = Instant::now();
    let mut pinged = false;
    loop {
        let patience = if pinged { limits::NODE_SILENCE } else { limits::NODE_PING_AFTER };
        tokio::select! {
            outgoing = handle.outbound.next(PORTION) => match outgoing {
                Outgoing::Close(code) => return code.into(),
                Outgoing::Frames(frames) => {
                    node.metrics.frames_sent.inc_by(frames.len() as u64);
                    if let Err(end) = write(socket, handle, frames).await {
                        return end;
                    }
                }
            },
            message = socket.recv(), if pending.len() < PENDING => {
                heard = Instant::now();
                pinged = false;
                match message {
                    Some(Ok(Message::Text(text))) => pending.extend(requests.take(&text)),
                    Some(Ok(Message::Binary(_))) => requests.not_text(),
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Ok(Message::Close(_))) | None => return End::Gone,
                    Some(Err(error)) => return broken(error),
                }
            }
            Some(()) = pending.next(), if !pending.is_empty() => {}
            () = tokio::time::sleep_until(heard + patience) => {
                if pinged {
                    return CloseCode::Silent.into();
                }
                pinged = true;
                if socket.send(Message::Ping(bytes::Bytes::new())).await.is_err() {
                    return End::Gone;
                }
            }
        }
    }
}

/// Writes frames with as few system calls as the socket's buffer allows, unless the connection is to be closed.
async fn write(socket: &mut WebSocket, handle: &Handle, frames: Vec<Frame>) -> Result<(), End> {
    let all = async {
        for frame in frames {
            let text = Utf8Bytes::try_from(frame).unwrap_or_default();
            socket.feed(Message::Text(text)).await?;
        }
        socket.flush().await
    };
    tokio::select! {
        written = timeout(WRITE_WITHIN, all) => match written {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Gone),
            Err(_) => Err(CloseCode::Silent.into()),
        },
        () = handle.outbound.closing() => match handle.outbound.next(0).await {
            Outgoing::Close(code) => Err(code.into()),
            Outgoing::Frames(_) => Err(End::Gone),
        },
    }
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
