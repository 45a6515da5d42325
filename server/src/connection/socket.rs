//! The task of one WebSocket: it reads, writes and carries on with what frames started, all in one loop, so
//! that an idle connection costs one task and two small buffers.
//!
//! A socket is whatever takes and gives WebSocket messages: axum's, or one end of a simulated network.

use super::handle::{Handle, Outgoing};
use super::requests::Requests;
use super::wire::{self, End, Socket};
use crate::metrics;
use crate::node::Node;
use crate::node::rate::Bucket;
use crate::store::Identity;
use axum::extract::ws::Message;
use futures_util::stream::FuturesUnordered;
use futures_util::{SinkExt, StreamExt};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};
use trunkline_protocol::{ClientFrame, CloseCode, Epoch, Millis, Position, limits};

/// Requests of one connection that may wait for the store; then nothing more is read from it.
const PENDING: usize = 32;
/// Bytes handed to the socket in one turn: what waits beyond stays in the queue, where it is counted.
const PORTION: usize = 64 * 1024;
/// How long a peer may take to read one portion.
const WRITE_WITHIN: Duration = limits::NODE_SILENCE;
/// How long the store may take for a welcome: less than clients wait, so that they learn why.
const WELCOME_WITHIN: Duration = Duration::from_secs(6);
/// How long nothing is read of a connection that says more.
const HELD_FOR: Duration = Duration::from_millis(250);
/// Messages read in a row while others wait to be written: what a client may have in flight.
const READ_FIRST: usize = limits::IN_FLIGHT;

/// Serves an upgraded socket to its end.
pub async fn serve(mut socket: impl Socket, identity: Identity, node: Arc<Node>) {
    let user = identity.user.id;
    let end = converse(&mut socket, &identity, &node).await;
    if let End::Close(code, reason) = end {
        node.metrics.closed.with_label_values(&[reason]).inc();
        tracing::debug!(user.id = %user, close.code = code, "closed a connection: {reason}");
    }
    wire::close(socket, end).await;
}

async fn converse(socket: &mut impl Socket, identity: &Identity, node: &Arc<Node>) -> End {
    let Hello { epoch, position, after } = match timeout(limits::HELLO_WITHIN, hello(socket)).await {
        Ok(Ok(hello)) => hello,
        Ok(Err(end)) => return end,
        Err(_) => return CloseCode::HelloTimeout.into(),
    };
    node.metrics.opened.with_label_values(&[metrics::after(after)]).inc();
    let user = identity.user.id;
    let handle = Handle::new(node.hub.next_connection(), user, identity.credential);
    let _leave = Leave { node, handle: &handle };
    let timer = node.metrics.welcome_seconds.start_timer();
    let joined = timeout(WELCOME_WITHIN, node.join(&handle, epoch, position)).await;
    timer.observe_duration();
    match joined {
        Ok(Ok(())) => run(socket, node, &handle, left_of(identity.expires, node.now())).await,
        Ok(Err(error)) => {
            tracing::info!(user.id = %user, error = %error, "did not welcome a connection");
            error.close_code().into()
        }
        Err(_) => {
            tracing::warn!(user.id = %user, "could not welcome a connection in time");
            CloseCode::Unavailable.into()
        }
    }
}

/// What is left of a session; `None` for what does not end by itself.
fn left_of(expires: Option<Millis>, now: Millis) -> Option<Duration> {
    let left = expires?.saturating_sub(now);
    Some(Duration::from_millis(u64::try_from(left).unwrap_or(0)))
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

/// What a client says first.
struct Hello {
    epoch: Option<Epoch>,
    position: Position,
    after: Option<u16>,
}

async fn hello(socket: &mut impl Socket) -> Result<Hello, End> {
    loop {
        match wire::read(socket).await? {
            Message::Text(text) => {
                return match serde_json::from_str(&text) {
                    Ok(ClientFrame::Hello { epoch, position, after }) => Ok(Hello { epoch, position, after }),
                    _ => Err(CloseCode::BadProtocol.into()),
                };
            }
            Message::Binary(_) => return Err(CloseCode::BadProtocol.into()),
            Message::Ping(_) => wire::flush(socket).await?,
            Message::Pong(_) | Message::Close(_) => {}
        }
    }
}

async fn run(socket: &mut impl Socket, node: &Arc<Node>, handle: &Arc<Handle>, lasts: Option<Duration>) -> End {
    let mut requests = Requests::new(node.clone(), handle.clone());
    let mut pending = FuturesUnordered::new();
    let mut heard = Instant::now();
    let mut pinged = false;
    let rate = node.frame_rate();
    let mut bucket = Bucket::full(rate, heard);
    let mut held: Option<Instant> = None;
    let mut written = 0;
    let mut read = 0;
    let expired = tokio::time::sleep(lasts.unwrap_or(Duration::MAX));
    tokio::pin!(expired);
    // Looks at when the peer was heard only when it goes off: to wind it up again for every message would cost each of them
    // a turn at the runtime's clock.
    let silence = tokio::time::sleep_until(heard + limits::NODE_PING_AFTER);
    tokio::pin!(silence);
    loop {
        let reads = pending.len() < PENDING && held.is_none() && read < READ_FIRST;
        // In this order and not in a drawn one, so that the same events lead to the same end; nobody starves, since what
        // is read first is bounded.
        tokio::select! {
            biased;
            () = &mut expired, if lasts.is_some() => return CloseCode::SessionEnded.into(),
            message = wire::read(socket), if reads => {
                heard = Instant::now();
                if std::mem::take(&mut pinged) {
                    silence.as_mut().reset(heard + limits::NODE_PING_AFTER);
                }
                read += 1;
                held = bucket.take(rate, heard).err().map(|wait| heard + wait.max(HELD_FOR));
                match message {
                    Ok(Message::Text(text)) => pending.extend(requests.take(&text)),
                    Ok(Message::Binary(_)) => requests.not_text(),
                    Ok(Message::Ping(_)) => {
                        if let Err(end) = write(socket, node, handle, std::iter::empty()).await {
                            return end;
                        }
                    }
                    Ok(Message::Pong(_) | Message::Close(_)) => {}
                    Err(end) => return end,
                }
            }
            Some(()) = pending.next(), if !pending.is_empty() => {}
            outgoing = handle.outbound.next(PORTION) => match outgoing {
                Outgoing::Close(code) => return code.into(),
                Outgoing::Frames(frames) => {
                    let count = frames.len() as u64;
                    node.metrics.frames_sent.inc_by(count);
                    let texts = frames.into_iter().map(Message::Text);
                    if let Err(end) = write(socket, node, handle, texts).await {
                        return end;
                    }
                    node.trace.written(handle, written, written + count);
                    written += count;
                    read = 0;
                }
            },
            // Nothing waits to be written.
            () = std::future::ready(()), if read == READ_FIRST => read = 0,
            () = tokio::time::sleep_until(held.unwrap_or(heard)), if held.is_some() => held = None,
            () = &mut silence => {
                if pinged {
                    return CloseCode::Silent.into();
                }
                let due = heard + limits::NODE_PING_AFTER;
                if Instant::now() < due {
                    silence.as_mut().reset(due);
                    continue;
                }
                pinged = true;
                silence.as_mut().reset(heard + limits::NODE_SILENCE);
                let ping = Message::Ping(bytes::Bytes::new());
                if let Err(end) = write(socket, node, handle, std::iter::once(ping)).await {
                    return end;
                }
            }
        }
    }
}

/// Writes messages with as few system calls as the socket's buffer allows, unless the connection is to be closed.
async fn write(
    socket: &mut impl Socket,
    node: &Node,
    handle: &Handle,
    messages: impl Iterator<Item = Message>,
) -> Result<(), End> {
    let all = async {
        for message in messages {
            socket.feed(message).await?;
        }
        socket.flush().await
    };
    tokio::select! {
        biased;
        written = timeout(WRITE_WITHIN, all) => match written {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                node.metrics.writes_failed.inc();
                tracing::debug!(user.id = %handle.user, error = %error, "could not write to a connection");
                Err(End::Gone)
            }
            Err(_) => Err(CloseCode::Silent.into()),
        },
        () = handle.outbound.closing() => match handle.outbound.next(0).await {
            Outgoing::Close(code) => Err(code.into()),
            Outgoing::Frames(_) => Err(End::Gone),
        },
    }
}
