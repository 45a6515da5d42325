//! One client of a storm.

use crate::load::nanos;
use crate::socket::{Socket, State};
use crate::users::User;
use anyhow::Result;
use std::net::SocketAddr;
use std::time::Duration;
use trunkline_protocol::client::backoff::Backoff;
use trunkline_protocol::{ClientFrame, ConversationId, Epoch, Position, SendKey, ServerFrame};

/// How long a connection may take to be served before it is given up.
const SERVED_WITHIN: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) socket: Option<Socket>,
    cookie: String,
    conversation: ConversationId,
    backoff: Backoff,
    known: Option<(Epoch, Position)>,
    live: bool,
    /// When to connect, or, while connecting, when to give that up.
    due: Option<u64>,
    key: Option<SendKey>,
    /// When it first tried to come back.
    pub(super) returned: Option<u64>,
    /// When it was served again.
    pub(super) served: Option<u64>,
    /// How often it tried.
    pub(super) tries: u32,
    returning: bool,
}

impl Client {
    pub(super) fn new(user: &User, conversation: u64, seed: u64) -> Self {
        Self {
            socket: None,
            cookie: user.cookie.clone(),
            conversation: ConversationId(conversation),
            backoff: Backoff::new(seed),
            known: None,
            live: false,
            due: None,
            key: None,
            returned: None,
            served: None,
            tries: 0,
            returning: false,
        }
    }

    pub(super) const fn is_live(&self) -> bool {
        self.live
    }

    pub(super) const fn is_served(&self) -> bool {
        self.served.is_some()
    }

    pub(super) fn is_open(&self) -> bool {
        self.socket.as_ref().is_some_and(|socket| socket.state() == State::Open)
    }

    /// From now on it will be cut, and counts what follows.
    pub(super) const fn prepare_for_return(&mut self) {
        self.returning = true;
    }

    pub(super) fn is_due(&self, now: u64) -> bool {
        self.due.is_some_and(|due| now >= due)
    }

    pub(super) fn connect(&mut self, node: SocketAddr, now: u64) -> Result<()> {
        if self.returning {
            self.tries += 1;
            self.returned.get_or_insert(now);
        }
        let request = crate::dialect::Dialect::Trunkline.request(node, &self.cookie);
        self.socket = Some(Socket::connect(node, request)?);
        self.due = Some(now + nanos(SERVED_WITHIN));
        Ok(())
    }

    /// The connection is gone: it comes back after a delay.
    pub(super) fn lose(&mut self, now: u64) {
        (self.socket, self.live) = (None, false);
        let delay = u64::try_from(self.backoff.next_delay()).unwrap_or(0);
        self.due = Some(now + delay * 1_000_000);
    }

    /// Says which position it has seen.
    pub(super) fn greet(&mut self) {
        let (epoch, position) = self.known.unzip();
        // In JSON, since a later version's hello may say more.
        let hello = match epoch.zip(position) {
            Some((epoch, position)) => {
                serde_json::json!({"type": "hello", "epoch": epoch, "position": position, "after": 1006})
            }
            None => serde_json::json!({"type": "hello"}),
        };
        self.say(hello.to_string().as_bytes());
    }

    pub(super) fn hear(&mut self, frame: &[u8], now: u64) -> Result<()> {
        match serde_json::from_slice(frame)? {
            ServerFrame::Welcome { epoch, position, .. } => {
                self.known = Some((epoch, position));
                self.live = true;
                self.due = self.due.filter(|_| self.returning);
                if self.returning {
                    let key = *self.key.get_or_insert_with(SendKey::random);
                    let send = ClientFrame::Send { key, conversation: self.conversation, text: "Back.".to_owned() };
                    self.say(&serde_json::to_vec(&send)?);
                }
            }
            ServerFrame::Ack { key, .. } if self.key == Some(key) => {
                self.served.get_or_insert(now);
                self.due = None;
            }
            ServerFrame::Pong { position } => self.known = self.known.map(|(epoch, _)| (epoch, position)),
            _ => {}
        }
        Ok(())
    }

    pub(super) fn pong(&mut self, payload: &[u8]) {
        if let Some(socket) = &mut self.socket {
            socket.pong(payload);
        }
    }

    fn say(&mut self, frame: &[u8]) {
        if let Some(socket) = &mut self.socket {
            socket.text(frame);
        }
    }
}
