//! The host of a device's state machine: sockets and clock.

use super::Shared;
use crate::support::raw;
use futures_util::future::{BoxFuture, select_all};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, SinkExt, StreamExt};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;
use trunkline_protocol::client::{Action, Socket};
use trunkline_protocol::{ClientFrame, ServerFrame};

/// The open sockets, and those that are being opened.
#[derive(Default)]
struct Sockets {
    open: Vec<(Socket, raw::Socket)>,
    opening: FuturesUnordered<BoxFuture<'static, (Socket, Option<raw::Socket>)>>,
}

impl Sockets {
    fn close(&mut self, socket: Socket) {
        self.open.retain(|open| open.0 != socket);
    }
}

/// What comes next over any of these.
async fn next(open: &mut [(Socket, raw::Socket)]) -> (Socket, Option<Message>) {
    if open.is_empty() {
        return std::future::pending().await;
    }
    let heard = open.iter_mut().map(|(socket, open)| {
        let socket = *socket;
        async move { (socket, open.next().await.and_then(Result::ok)) }.boxed()
    });
    select_all(heard).await.0
}

/// The host of the state machine: sockets, clock, and the place where the outbox is kept.
pub(super) async fn drive(shared: Arc<Shared>) {
    let mut sockets = Sockets::default();
    let mut orders = shared.orders.subscribe();
    loop {
        orders.mark_unchanged();
        carry_out(&shared, &mut sockets).await;
        shared.news.send_modify(|count| *count += 1);
        let deadline = shared.view().client.deadline().map(|moment| shared.at(moment));
        tokio::select! {
            Some((socket, opened)) = sockets.opening.next(), if !sockets.opening.is_empty() => match opened {
                Some(open) => {
                    sockets.open.push((socket, open));
                    shared.view().client.opened(socket);
                }
                None => {
                    // As a balancer does: the next one.
                    let mut view = shared.view();
                    view.nodes.rotate_left(1);
                    view.client.closed(shared.now(), socket, None);
                }
            },
            (socket, message) = next(&mut sockets.open) => heard(&shared, &mut sockets, socket, message),
            _ = orders.changed() => {}
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                // The clock of the state machine counts whole milliseconds, and must have come to this one.
                let now = shared.now().max(shared.view().client.deadline().unwrap_or(0));
                shared.view().client.tick(now);
            }
        }
    }
}

fn heard(shared: &Shared, sockets: &mut Sockets, socket: Socket, message: Option<Message>) {
    let now = shared.now();
    let mut view = shared.view();
    let code = match message {
        Some(Message::Text(text)) => {
            let frame: ServerFrame = serde_json::from_str(&text).expect("a frame of the protocol");
            match frame {
                ServerFrame::Welcome { .. } => view.welcomes += 1,
                ServerFrame::Moving { after } => view.moving.push(after),
                ServerFrame::Ack { key, .. } => view.acked.push(key),
                _ => {}
            }
            return view.client.received(now, socket, frame);
        }
        Some(Message::Close(close)) => close.map(|close| close.code.into()),
        None => None,
        Some(_) => return,
    };
    sockets.close(socket);
    view.client.closed(now, socket, code);
}

async fn carry_out(shared: &Shared, sockets: &mut Sockets) {
    while let Some(order) = next_order(shared) {
        match order {
            Action::Connect(socket) => {
                let view = shared.view();
                let (node, cookie) = (view.nodes[0], view.cookie.clone());
                sockets.opening.push(async move { (socket, connect(node, &cookie).await) }.boxed());
            }
            Action::Disconnect(socket) => sockets.close(socket),
            Action::Transmit(socket, frame) => {
                let Some((_, open)) = sockets.open.iter_mut().find(|open| open.0 == socket) else { continue };
                if let ClientFrame::Send { key, .. } = frame {
                    shared.view().transmitted.push(key);
                }
                let text = serde_json::to_string(&frame).expect("JSON");
                if open.send(Message::text(text)).await.is_err() {
                    sockets.close(socket);
                    shared.view().client.closed(shared.now(), socket, None);
                }
            }
            Action::Keep(_) | Action::Forget(_) | Action::Notify(_) => unreachable!("carried out before"),
        }
    }
}

fn next_order(shared: &Shared) -> Option<Action> {
    let mut view = shared.view();
    view.carry_out(shared.now());
    view.orders.pop_front()
}

async fn connect(node: SocketAddr, cookie: &str) -> Option<raw::Socket> {
    let opened = timeout(Duration::from_secs(9), tokio_tungstenite::connect_async(raw::request(node, cookie))).await;
    opened.ok()?.ok().map(|(socket, _)| socket)
}
