//! A WebSocket and HTTP requests with nothing in between: what the console shows is what went over the wire.

use leptos::prelude::window;
use trunkline_protocol::SUBPROTOCOL;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{CloseEvent, Event, Headers, MessageEvent, RequestInit, Response, WebSocket};

/// What happens to a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// It is open.
    Opened,
    /// A text frame came.
    Frame(String),
    /// A frame came that is not text, which this protocol does not have.
    Binary,
    /// It is closed, or never came to be open.
    Closed {
        /// The close code.
        code: u16,
        /// The close reason; may be empty.
        reason: String,
    },
}

/// An open or opening socket. Dropping it closes it.
#[derive(Debug)]
pub struct Wire {
    socket: WebSocket,
    // The socket calls these for as long as it lives.
    _opened: Closure<dyn FnMut(Event)>,
    _message: Closure<dyn FnMut(MessageEvent)>,
    _closed: Closure<dyn FnMut(CloseEvent)>,
}

impl Wire {
    /// Opens a socket to an address; a path means this site.
    ///
    /// # Errors
    /// The browser's sentence, if it takes the address for none.
    pub fn open(address: &str, tell: impl Fn(Happening) + Clone + 'static) -> Result<Self, String> {
        let socket = WebSocket::new_with_str(&absolute(address), SUBPROTOCOL).map_err(said)?;
        let opened = Closure::new({
            let tell = tell.clone();
            move |_: Event| tell(Happening::Opened)
        });
        let message = Closure::new({
            let tell = tell.clone();
            move |event: MessageEvent| tell(event.data().as_string().map_or(Happening::Binary, Happening::Frame))
        });
        let closed = Closure::new(move |event: CloseEvent| {
            tell(Happening::Closed { code: event.code(), reason: event.reason() });
        });
        socket.set_onopen(Some(opened.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(closed.as_ref().unchecked_ref()));
        Ok(Self { socket, _opened: opened, _message: message, _closed: closed })
    }

    /// Sends a text frame.
    ///
    /// # Errors
    /// The browser's sentence, if the socket is not open yet.
    pub fn send(&self, text: &str) -> Result<(), String> {
        self.socket.send_with_str(text).map_err(said)
    }

    /// Begins to close the socket; [`Happening::Closed`] follows.
    pub fn close(&self) {
        // Without a code of one's own, closing never fails.
        let _ = self.socket.close();
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        self.close();
    }
}

/// This site's WebSocket.
#[must_use]
pub fn here() -> String {
    absolute("/ws")
}

fn absolute(address: &str) -> String {
    let address = address.trim();
    if !address.starts_with('/') {
        return address.to_owned();
    }
    let origin = window().location().origin().unwrap_or_default();
    format!("{}{address}", origin.replacen("http", "ws", 1))
}

/// Posts JSON; the status and the answer's text.
///
/// # Errors
/// The browser's sentence, if no answer came.
pub async fn post(path: &str, json: &str) -> Result<(u16, String), String> {
    let headers = Headers::new().map_err(said)?;
    headers.set("content-type", "application/json").map_err(said)?;
    let request = RequestInit::new();
    request.set_method("POST");
    request.set_headers(&headers);
    request.set_body(&JsValue::from_str(json));
    let answer = JsFuture::from(window().fetch_with_str_and_init(path, &request)).await.map_err(said)?;
    let answer: Response = answer.dyn_into().map_err(said)?;
    let text = JsFuture::from(answer.text().map_err(said)?).await.map_err(said)?;
    Ok((answer.status(), text.as_string().unwrap_or_default()))
}

/// The time of day in the reader's zone, to the millisecond.
#[must_use]
pub fn time_of_day() -> String {
    let now = js_sys::Date::new_0();
    let (h, m, s, ms) = (now.get_hours(), now.get_minutes(), now.get_seconds(), now.get_milliseconds());
    format!("{h:02}:{m:02}:{s:02}.{ms:03}")
}

fn said(error: JsValue) -> String {
    let message = error.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message()));
    message.unwrap_or_else(|| "the browser refused".to_owned())
}
