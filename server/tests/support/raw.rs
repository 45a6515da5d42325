//! A bare WebSocket: it says what a test tells it to, sense or nonsense, and shows what comes back.

use super::SOON;
use futures_util::{SinkExt, StreamExt};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue, Request};
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use trunkline_protocol::{ClientFrame, ConversationId, ErrorCode, Position, SUBPROTOCOL, SendKey, Seq, ServerFrame};

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The request of an upgrade as the page makes it.
pub(crate) fn request(address: SocketAddr, cookie: &str) -> Request<()> {
    let mut request = format!("ws://{address}/ws").into_client_request().expect("a request");
    set(&mut request, "sec-websocket-protocol", SUBPROTOCOL);
    set(&mut request, "origin", &format!("http://{address}"));
    if !cookie.is_empty() {
        set(&mut request, "cookie", cookie);
    }
    request
}

/// Gives a request a header.
pub(crate) fn set(request: &mut Request<()>, name: &'static str, value: &str) {
    let value = HeaderValue::from_str(value).expect("a header");
    request.headers_mut().insert(HeaderName::from_static(name), value);
}

/// What the node did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nothing but frames comes, one at a time")]
pub(crate) enum Heard {
    /// It said this.
    Frame(ServerFrame),
    /// It closed the socket, with this code if it gave one.
    Closed(Option<u16>),
}

/// See the module.
pub(crate) struct Raw {
    pub(crate) socket: Socket,
}

impl Raw {
    /// An upgraded socket that has not said hello.
    pub(crate) async fn connect(address: SocketAddr, cookie: &str) -> Self {
        Self::upgrade(request(address, cookie)).await.expect("an upgrade")
    }

    /// The same for a request that may be refused: then the status and the body.
    pub(crate) async fn upgrade(request: Request<()>) -> Result<Self, (u16, String)> {
        match tokio_tungstenite::connect_async(request).await {
            Ok((socket, _)) => Ok(Self { socket }),
            Err(Error::Http(answer)) => {
                let body = answer.body().clone().unwrap_or_default();
                Err((answer.status().as_u16(), String::from_utf8_lossy(&body).into_owned()))
            }
            Err(error) => panic!("the upgrade failed: {error}"),
        }
    }

    /// Says hello as a new device and waits for the welcome.
    pub(crate) async fn hello(&mut self) -> ServerFrame {
        self.say(&ClientFrame::Hello { epoch: None, position: Position(0), after: None }).await;
        self.expect("a welcome", |frame| matches!(frame, ServerFrame::Welcome { .. })).await
    }

    pub(crate) async fn say(&mut self, frame: &ClientFrame) {
        self.text(&serde_json::to_string(frame).expect("JSON")).await;
    }

    pub(crate) async fn text(&mut self, text: &str) {
        self.message(Message::text(text)).await;
    }

    /// A text message of these bytes, UTF-8 or not.
    pub(crate) async fn bytes_as_text(&mut self, bytes: &[u8]) {
        self.message(Message::Frame(Frame::message(bytes.to_vec(), OpCode::Data(Data::Text), true))).await;
    }

    pub(crate) async fn message(&mut self, message: Message) {
        self.try_message(message).await.expect("the socket is open");
    }

    pub(crate) async fn try_message(&mut self, message: Message) -> Result<(), Error> {
        self.socket.send(message).await
    }

    /// Sends a message; its key.
    pub(crate) async fn send(&mut self, conversation: ConversationId, text: &str) -> SendKey {
        let key = SendKey::random();
        self.send_as(key, conversation, text).await;
        key
    }

    pub(crate) async fn send_as(&mut self, key: SendKey, conversation: ConversationId, text: &str) {
        self.say(&ClientFrame::Send { key, conversation, text: text.to_owned() }).await;
    }

    /// The next thing the node does, if it does anything within `limit`.
    pub(crate) async fn next_within(&mut self, limit: Duration) -> Option<Heard> {
        let deadline = Instant::now() + limit;
        loop {
            return match timeout_at(deadline, self.socket.next()).await {
                Err(_) => None,
                Ok(Some(Ok(Message::Text(text)))) => {
                    Some(Heard::Frame(serde_json::from_str(&text).expect("a frame of the protocol")))
                }
                Ok(Some(Ok(Message::Close(close)))) => Some(Heard::Closed(close.map(|close| close.code.into()))),
                Ok(None | Some(Err(_))) => Some(Heard::Closed(None)),
                Ok(Some(Ok(_))) => continue,
            };
        }
    }

    pub(crate) async fn next(&mut self) -> Heard {
        self.next_within(SOON).await.expect("the node does something")
    }

    /// Reads on until a frame is as wanted, and gives it.
    pub(crate) async fn expect(&mut self, what: &str, wanted: impl Fn(&ServerFrame) -> bool) -> ServerFrame {
        let deadline = Instant::now() + SOON;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.next_within(left).await {
                Some(Heard::Frame(frame)) if wanted(&frame) => return frame,
                Some(Heard::Frame(_)) => {}
                other => panic!("waited for {what}, and then came {other:?}"),
            }
        }
    }

    /// Reads on until this send is acknowledged; its seq.
    pub(crate) async fn acked(&mut self, wanted: SendKey) -> Seq {
        let is_it = |frame: &ServerFrame| matches!(frame, ServerFrame::Ack { key, .. } if *key == wanted);
        match self.expect("an ack", is_it).await {
            ServerFrame::Ack { seq, .. } => seq,
            _ => unreachable!(),
        }
    }

    /// Reads on until this send is refused; why, and when to try again.
    pub(crate) async fn refused(&mut self, wanted: SendKey) -> (ErrorCode, Option<u32>) {
        let is_it = |frame: &ServerFrame| matches!(frame, ServerFrame::Refused { key, .. } if *key == wanted);
        match self.expect("a refusal", is_it).await {
            ServerFrame::Refused { code, message, retry_after, .. } => {
                assert!(message.ends_with('.'), "not a sentence: {message:?}");
                (code, retry_after)
            }
            _ => unreachable!(),
        }
    }

    /// Reads on until some frame is refused; why.
    pub(crate) async fn error(&mut self) -> ErrorCode {
        match self.expect("an error", |frame| matches!(frame, ServerFrame::Error { .. })).await {
            ServerFrame::Error { code, message, .. } => {
                assert!(message.ends_with('.'), "not a sentence: {message:?}");
                code
            }
            _ => unreachable!(),
        }
    }

    /// Reads on until the node closes the socket; the code.
    pub(crate) async fn closed(&mut self) -> Option<u16> {
        self.closed_within(SOON).await
    }

    pub(crate) async fn closed_within(&mut self, limit: Duration) -> Option<u16> {
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.next_within(left).await {
                Some(Heard::Frame(_)) => {}
                Some(Heard::Closed(code)) => return code,
                None => panic!("the node did not close the socket within {limit:?}"),
            }
        }
    }
}
