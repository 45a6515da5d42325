//! The connection and the log behind the page.

use super::log::{Direction, FrameLog};
use super::templates;
use super::wire::{self, Happening, Wire};
use leptos::prelude::*;
use leptos::task::spawn_local;
use serde_json::json;
use trunkline_protocol::{CloseCode, SendKey};

/// How the connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// There is none.
    Closed,
    /// It is being made.
    Connecting,
    /// Frames may go.
    Open,
}

impl Line {
    /// For people.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Closed => "Not connected",
            Self::Connecting => "Connecting…",
            Self::Open => "Connected",
        }
    }

    /// For the style sheet.
    #[must_use]
    pub const fn state(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Connecting => "connecting",
            Self::Open => "open",
        }
    }
}

/// What is on the page. Everything stays in the page and ends with it.
#[derive(Clone, Copy)]
pub struct Desk {
    /// Where to connect to.
    pub target: RwSignal<String>,
    /// Whether to say hello as soon as the socket is open.
    pub greets: RwSignal<bool>,
    /// To whom.
    pub receiver: RwSignal<String>,
    /// What.
    pub message: RwSignal<String>,
    /// The raw frame.
    pub frame: RwSignal<String>,
    /// How the connection is.
    pub line: RwSignal<Line>,
    /// What went over it.
    pub log: RwSignal<FrameLog>,
    wire: StoredValue<Option<Wire>, LocalStorage>,
}

impl Desk {
    /// An empty desk, not connected.
    pub fn new() -> Self {
        Self {
            target: RwSignal::new(String::new()),
            greets: RwSignal::new(true),
            receiver: RwSignal::new(String::new()),
            message: RwSignal::new(String::new()),
            frame: RwSignal::new(String::new()),
            line: RwSignal::new(Line::Closed),
            log: RwSignal::new(FrameLog::default()),
            wire: StoredValue::new_local(None),
        }
    }

    /// Opens a socket to the target.
    pub fn connect(self) {
        let target = self.target.get_untracked();
        self.note("connect", target.clone());
        // The socket before this one, if any, is closed; its handlers may go now.
        self.wire.set_value(None);
        match Wire::open(&target, move |happening| self.hear(happening)) {
            Ok(wire) => {
                self.line.set(Line::Connecting);
                self.wire.set_value(Some(wire));
            }
            Err(error) => self.note("error", error),
        }
    }

    /// Closes the socket.
    pub fn disconnect(self) {
        self.wire.with_value(|wire| {
            if let Some(wire) = wire {
                wire.close();
            }
        });
    }

    /// Sends what is in the frame editor, whatever it is.
    pub fn send_frame(self) {
        self.send(self.frame.get_untracked());
    }

    /// Sends the message over HTTP, as a program would.
    pub fn send_message(self) {
        let message = self.message.get_untracked();
        let body = json!({ "to": self.receiver.get_untracked().trim(), "text": message, "key": SendKey::random() });
        spawn_local(async move {
            let sent = self.post("/api/v1/messages", body.to_string()).await;
            // What was refused stays, to be mended.
            if sent && self.message.try_get_untracked() == Some(message) {
                self.message.set(String::new());
            }
        });
    }

    /// Asks for everything unread over HTTP; nothing is marked as read by it.
    pub fn pull_unread(self) {
        spawn_local(async move {
            self.post("/api/v1/unread/pull", "{}".to_owned()).await;
        });
    }

    /// Posts, and logs both ways. Whether the server did it.
    async fn post(self, path: &'static str, body: String) -> bool {
        self.record(Direction::Sent, format!("POST {path}"), body.clone());
        let answer = wire::post(path, &body).await;
        // The page may be gone by now, and its log with it.
        if self.log.is_disposed() {
            return false;
        }
        match answer {
            Ok((status, text)) => {
                self.record(Direction::Received, format!("HTTP {status}"), text);
                (200..300).contains(&status)
            }
            Err(error) => {
                self.note("error", error);
                false
            }
        }
    }

    fn hear(self, happening: Happening) {
        match happening {
            Happening::Opened => {
                self.line.set(Line::Open);
                self.note("open", "The socket is open.");
                if self.greets.get_untracked() {
                    self.send(templates::json("hello"));
                }
            }
            Happening::Frame(text) => self.record(Direction::Received, templates::kind_of(&text), text),
            Happening::Binary => self.note("binary", "A binary frame, which this protocol does not have."),
            Happening::Closed { code, reason } => {
                self.line.set(Line::Closed);
                self.note("closed", farewell(code, &reason));
            }
        }
    }

    fn send(self, text: String) {
        let sent = self.wire.with_value(|wire| wire.as_ref().map(|wire| wire.send(&text)));
        match sent {
            Some(Ok(())) => self.record(Direction::Sent, templates::kind_of(&text), text),
            Some(Err(error)) => self.note("error", error),
            None => self.note("error", "There is no connection."),
        }
    }

    fn note(self, kind: &str, text: impl Into<String>) {
        self.record(Direction::Note, kind, text);
    }

    fn record(self, direction: Direction, kind: impl Into<String>, text: impl Into<String>) {
        let (kind, text) = (kind.into(), text.into());
        self.log.update(|log| log.push(wire::time_of_day(), direction, kind, text));
    }
}

impl Default for Desk {
    fn default() -> Self {
        Self::new()
    }
}

/// What a close means to a client.
fn farewell(code: u16, reason: &str) -> String {
    /// The code of RFC 6455, section 7.4.1, for a connection that ended without a close frame.
    const ABNORMAL: u16 = 1006;
    let rule = match code {
        ABNORMAL => "no close frame; refused, unreachable or cut",
        _ if CloseCode::allows_reconnect(code) => "a client may connect again",
        _ => "a client must not connect again by itself",
    };
    if reason.is_empty() { format!("{code} ({rule})") } else { format!("{code} {reason} ({rule})") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_farewell_tells_the_retry_rule() {
        assert_eq!(farewell(4000, "the node is stopping"), "4000 the node is stopping (a client may connect again)");
        assert_eq!(
            farewell(4500, "the session was ended"),
            "4500 the session was ended (a client must not connect again by itself)"
        );
        assert_eq!(farewell(1006, ""), "1006 (no close frame; refused, unreachable or cut)");
    }
}
