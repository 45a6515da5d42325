//! What each frame of a client leads to.

use super::gate::Postponed;
use super::handle::Handle;
use crate::node::{Node, frames};
use crate::store::{Append, Range, StoreError};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use trunkline_protocol::text::has_visible;
use trunkline_protocol::{Change, ClientFrame, ConversationId, ErrorCode, SendKey, Seq, ServerFrame, UserId, limits};

/// Typing told more often than this is not passed on.
const TYPING_EVERY: Duration = Duration::from_secs(1);
/// Conversations whose typing is remembered at most.
const TYPING_IN: usize = 64;

/// Bytes of changes in one answer to a fetch, as they are written; a single change may be longer.
const RANGE_BYTES: usize = limits::FRAME_BYTES;

/// Work that a frame started and that the connection's task carries on beside its reading and writing.
pub type Pending = BoxFuture<'static, ()>;

/// The frames of one connection, after its hello.
pub struct Requests {
    node: Arc<Node>,
    handle: Arc<Handle>,
    typed: HashMap<ConversationId, Instant>,
    /// One answer to a fetch at a time: a peer that asks for much and reads nothing does not make us hold it all.
    fetching: Arc<Semaphore>,
}

/// Why a message can not be stored as it is.
///
/// # Errors
/// The code and a sentence.
pub fn check_text(text: &str) -> Result<(), (ErrorCode, String)> {
    if !has_visible(text) {
        return Err((ErrorCode::EmptyMessage, "A message needs some text.".to_owned()));
    }
    let count = text.chars().count();
    if count > limits::MESSAGE_CHARS {
        let most = limits::MESSAGE_CHARS;
        return Err((
            ErrorCode::MessageTooLong,
            format!("A message can have {most} characters; this one has {count}."),
        ));
    }
    Ok(())
}

/// The code and sentence that clients see for a store's error; the cause is logged here, once.
pub fn explain(error: &StoreError) -> (ErrorCode, String) {
    let code = match error {
        StoreError::UnknownConversation => ErrorCode::UnknownConversation,
        StoreError::NotAMember => ErrorCode::NotAMember,
        StoreError::UnknownUser => ErrorCode::UnknownUser,
        StoreError::CursorBeyondHead => ErrorCode::CursorBeyondHead,
        StoreError::Forbidden | StoreError::NotFirst => ErrorCode::Forbidden,
        StoreError::NameTaken => ErrorCode::NameTaken,
        StoreError::GroupFull | StoreError::InvalidInvite | StoreError::TooManyTokens => ErrorCode::Invalid,
        StoreError::Unavailable { operation, source } => {
            tracing::error!(operation, error = %source, "the store failed");
            return (ErrorCode::StoreUnavailable, "The store does not answer; please try again.".to_owned());
        }
        StoreError::NewerSchema { .. } | StoreError::NotDurable | StoreError::Unfit(_) | StoreError::AnotherHistory => {
            ErrorCode::StoreUnavailable
        }
    };
    (code, crate::text::sentence(&error.to_string()))
}

impl Requests {
    /// For a connection that was welcomed.
    #[must_use]
    pub fn new(node: Arc<Node>, handle: Arc<Handle>) -> Self {
        Self { node, handle, typed: HashMap::new(), fetching: Arc::new(Semaphore::new(1)) }
    }

    /// Takes a text frame. What needs the store comes back as work to carry on with.
    pub fn take(&mut self, text: &str) -> Option<Pending> {
        self.node.metrics.frames_received.inc();
        let frame = match serde_json::from_str(text) {
            Ok(frame) => frame,
            Err(error) => {
                self.error(ErrorCode::BadFrame, &format!("This frame can not be read: {error}."), None);
                return None;
            }
        };
        match frame {
            ClientFrame::Send { key, conversation, text } => {
                self.send(key, conversation, text);
                None
            }
            ClientFrame::Cursor { conversation, delivered, read } => Some(self.cursor(conversation, delivered, read)),
            ClientFrame::Fetch { conversation, from, to } => Some(self.fetch(conversation, from, to)),
            ClientFrame::Watch { users } => self.watch(users),
            ClientFrame::Typing { conversation } => {
                self.typing(conversation);
                None
            }
            ClientFrame::Ping {} => {
                self.push(&ServerFrame::Pong { position: self.node.position() });
                None
            }
            ClientFrame::Hello { .. } => {
                self.error(ErrorCode::BadFrame, "The hello was said already.", None);
                None
            }
            ClientFrame::Unknown => {
                self.error(ErrorCode::UnknownFrame, "This node does not know this type of frame.", None);
                None
            }
        }
    }

    /// A frame that is not text.
    pub fn not_text(&self) {
        self.error(ErrorCode::BadFrame, "Frames are JSON in text messages, not binary ones.", None);
    }

    fn send(&self, key: SendKey, conversation: ConversationId, text: String) {
        if let Err((code, message)) = check_text(&text) {
            self.handle.outbound.push(frames::refused(key, code, &message, None));
            return;
        }
        let turn = match self.handle.gate.arrive(key) {
            Ok(turn) => turn,
            Err(postponed) => return self.handle.outbound.push(frames::postponed(key, postponed)),
        };
        if let Err(wait) = self.node.admit_send(self.handle.user) {
            let postponed = Postponed { code: ErrorCode::RateLimited, retry_after: wait };
            self.handle.gate.shut(turn, key, postponed);
            let message = "You are sending faster than this server takes; it will be sent in a moment.";
            self.handle.outbound.push(frames::refused(key, ErrorCode::RateLimited, message, Some(wait)));
            return;
        }
        let at = self.node.now();
        let (author, credential) = (self.handle.user, self.handle.credential);
        self.node.submit(Append { author, credential, conversation, key, text, at }, &self.handle, turn);
    }

    fn cursor(&self, conversation: ConversationId, delivered: Seq, read: Seq) -> Pending {
        let (node, handle) = (self.node.clone(), self.handle.clone());
        async move {
            let moved = node.move_cursor(handle.user, conversation, delivered, read).await;
            if moved.is_ok() {
                node.trace.moved(conversation, handle.user, Some(handle.id), (delivered, read));
            }
            match moved {
                Ok(state) if state.moved => {}
                // Nobody is told what is known; but who asked may not know it.
                Ok(state) => handle.outbound.push(frames::own_cursor(&state)),
                Err(error) => push_error(&handle, explain(&error), Some(conversation)),
            }
        }
        .boxed()
    }

    fn fetch(&self, conversation: ConversationId, from: Seq, to: Seq) -> Pending {
        let (node, handle, turns) = (self.node.clone(), self.handle.clone(), self.fetching.clone());
        async move {
            // Kept to the end of the answer.
            let _turn = turns.acquire().await;
            match node.store.range(handle.user, conversation, from, to).await {
                Ok(range) => answer_fetch(&node, &handle, conversation, range).await,
                Err(error) => push_error(&handle, explain(&error), Some(conversation)),
            }
        }
        .boxed()
    }

    fn watch(&self, mut users: Vec<UserId>) -> Option<Pending> {
        users.truncate(limits::WATCHED_USERS);
        self.node.hub.watch(&self.handle, users.clone());
        if users.is_empty() {
            return None;
        }
        let (node, handle) = (self.node.clone(), self.handle.clone());
        Some(async move { node.answer_watch(&handle, &users).await }.boxed())
    }

    fn typing(&mut self, conversation: ConversationId) {
        let now = Instant::now();
        if self.typed.len() >= TYPING_IN {
            self.typed.retain(|_, at| now.duration_since(*at) < TYPING_EVERY);
        }
        let recent = self.typed.get(&conversation).is_some_and(|at| now.duration_since(*at) < TYPING_EVERY);
        if recent || self.typed.len() >= TYPING_IN {
            return;
        }
        self.typed.insert(conversation, now);
        self.node.pass_typing(conversation, self.handle.user);
    }

    fn error(&self, code: ErrorCode, message: &str, conversation: Option<ConversationId>) {
        push_error(&self.handle, (code, message.to_owned()), conversation);
    }

    fn push(&self, frame: &ServerFrame) {
        self.handle.outbound.push(frames::encode(frame));
    }
}

/// A range of long messages is longer than a queue may be. It goes in portions, the last one first, so that each
/// joins on to what a client holds behind the range, and waits for what it holds before it.
async fn answer_fetch(node: &Node, handle: &Handle, conversation: ConversationId, range: Range) {
    let Range { from, mut changes, head } = range;
    loop {
        let at = portion(&changes);
        let part = changes.split_off(at);
        let from = part.first().map_or(from, |first| from.max(first.seq));
        let last = part.last().map(|last| last.seq);
        handle.outbound.room().await;
        let range = frames::encode(&ServerFrame::Range { conversation, from, changes: part, head });
        let number = handle.outbound.hand(range);
        if let Some(last) = last {
            node.trace.handed_range(conversation, (from, last), handle, number, true);
        }
        if changes.is_empty() {
            return;
        }
    }
}

/// Where the last portion of these changes begins.
fn portion(changes: &[Change]) -> usize {
    let mut bytes = 0;
    let fits = changes.iter().rev().take_while(|change| {
        bytes += frames::written_len(change);
        bytes <= RANGE_BYTES
    });
    changes.len() - fits.count().max(1).min(changes.len())
}

fn push_error(handle: &Handle, (code, message): (ErrorCode, String), conversation: Option<ConversationId>) {
    handle.outbound.push(frames::encode(&ServerFrame::Error { code, message, conversation }));
}
