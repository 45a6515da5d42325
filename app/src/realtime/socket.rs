//! One WebSocket from opening to closing.

use futures_channel::mpsc::UnboundedReceiver;
use futures_util::future::{poll_fn, select};
use futures_util::{SinkExt, StreamExt};
use gloo_net::websocket::futures::WebSocket;
use gloo_net::websocket::{Message, State, WebSocketError};
use std::pin::pin;
use trunkline_protocol::{SUBPROTOCOL, ServerFrame};

/// What a socket tells. The last word is always [`Heard::Closed`], unless the sender of its frames was dropped.
#[derive(Debug)]
pub(super) enum Heard {
    /// It is open.
    Opened,
    /// A frame has come.
    Frame(Box<ServerFrame>),
    /// It is closed, or could not be opened; with its close code if there is one.
    Closed(Option<u16>),
}

/// Opens a socket and serves it: writes what comes from `outgoing`, tells what comes from the node. Ends when the
/// socket closes; when `outgoing` ends, it closes the socket.
pub(super) async fn serve(url: &str, mut outgoing: UnboundedReceiver<String>, mut tell: impl FnMut(Heard)) {
    let Ok(mut socket) = WebSocket::open_with_protocol(url, SUBPROTOCOL) else {
        return tell(Heard::Closed(None));
    };
    let _failed = poll_fn(|context| socket.poll_ready_unpin(context)).await;
    if matches!(socket.state(), State::Open) {
        tell(Heard::Opened);
    }
    let (mut sink, mut stream) = socket.split();
    let write = async {
        while let Some(text) = outgoing.next().await {
            // A socket that can not be written to will tell of its end by itself.
            let _failed = sink.send(Message::Text(text)).await;
        }
    };
    let read = async {
        let mut code = None;
        while let Some(told) = stream.next().await {
            match told {
                Ok(Message::Text(text)) => {
                    if let Ok(frame) = serde_json::from_str(&text) {
                        tell(Heard::Frame(Box::new(frame)));
                    }
                }
                Err(WebSocketError::ConnectionClose(event)) => code = Some(event.code),
                Ok(Message::Bytes(_)) | Err(_) => {}
            }
        }
        tell(Heard::Closed(code));
    };
    select(pin!(write), pin!(read)).await;
}
