//! One WebSocket of a device, as a task: what is said to it is written, what it says is told.

use super::Owner;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::{HeaderValue, Request, header};
use trunkline_protocol::client::Socket;
use trunkline_protocol::{ClientFrame, SUBPROTOCOL, ServerFrame};

/// What a socket tells.
#[derive(Debug)]
pub(super) enum Heard {
    Opened,
    Frame(Box<ServerFrame>),
    /// It said something that is no frame.
    Nonsense(String),
    /// With a close code, if there was one, and what went wrong, if something did.
    Closed(Option<u16>, String),
}

/// Where it is told. Unbounded: what comes is bounded by what the node queues, and is taken at once.
pub(super) type Told = mpsc::UnboundedSender<(u32, Socket, Heard)>;

/// Opens it and serves it to its end, of which it tells.
pub(super) async fn run(
    (load, socket): (u32, Socket),
    owner: Owner,
    mut frames: mpsc::UnboundedReceiver<ClientFrame>,
    told: Told,
) {
    let (code, why) = match open(&owner).await {
        Ok(mut open) => {
            // The device may be gone.
            let _ = told.send((load, socket, Heard::Opened));
            loop {
                tokio::select! {
                    frame = frames.recv() => {
                        let Some(frame) = frame else { return };
                        let Ok(text) = serde_json::to_string(&frame) else { continue };
                        if open.send(Message::text(text)).await.is_err() {
                            break (None, "it took nothing more".to_owned());
                        }
                    }
                    message = open.next() => match message {
                        Some(Ok(Message::Text(text))) => {
                            let heard = match serde_json::from_str(&text) {
                                Ok(frame) => Heard::Frame(Box::new(frame)),
                                Err(_) => Heard::Nonsense(text.to_string()),
                            };
                            let _ = told.send((load, socket, heard));
                        }
                        Some(Ok(Message::Close(close))) => {
                            break (close.map(|close| close.code.into()), String::new());
                        }
                        Some(Ok(_)) => {}
                        Some(Err(error)) => break (None, error.to_string()),
                        None => break (None, "it ended".to_owned()),
                    }
                }
            }
        }
        Err(error) => (None, format!("{error:#}")),
    };
    let _ = told.send((load, socket, Heard::Closed(code, why)));
}

async fn open(owner: &Owner) -> anyhow::Result<tokio_tungstenite::WebSocketStream<TcpStream>> {
    let stream = TcpStream::connect(owner.door).await?;
    stream.set_nodelay(true)?;
    Ok(tokio_tungstenite::client_async(request(owner)?, stream).await?.0)
}

fn request(owner: &Owner) -> anyhow::Result<Request<()>> {
    let mut request = format!("ws://{}/ws", owner.door).into_client_request()?;
    let origin = HeaderValue::from_str(&format!("http://{}", owner.door))?;
    let headers = request.headers_mut();
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    headers.insert(header::ORIGIN, origin);
    headers.insert(header::COOKIE, HeaderValue::from_str(&owner.cookie)?);
    Ok(request)
}
