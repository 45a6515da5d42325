//! What the rest of the node holds of a connection: its queue of frames and its gate.

use crate::store::Credential;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use trunkline_protocol::{CloseCode, SendKey, UserId, limits};

/// A serialised frame: JSON, valid UTF-8, shared by all its receivers.
pub type Frame = Bytes;

/// Names a connection within this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(u64);

impl ConnectionId {
    fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// One connection, as hub and appender see it.
#[derive(Debug)]
pub struct Handle {
    /// Which.
    pub id: ConnectionId,
    /// Whose.
    pub user: UserId,
    /// By what right.
    pub credential: Credential,
    /// What is to be written to it.
    pub outbound: Outbound,
    /// Keeps its sends in order after a refusal.
    pub gate: Gate,
}

impl Handle {
    /// A new connection, which takes frames in but lets none out before its welcome.
    #[must_use]
    pub fn new(user: UserId, credential: Credential) -> Arc<Self> {
        Arc::new(Self {
            id: ConnectionId::next(),
            user,
            credential,
            outbound: Outbound::default(),
            gate: Gate::default(),
        })
    }
}

/// Frames that wait to be written, at most [`limits::QUEUE_BYTES`] of them.
///
/// Until the welcome is given, frames wait behind it: a connection is registered before the store is read, so
/// changes can come first.
#[derive(Debug, Default)]
pub struct Outbound {
    state: Mutex<Queue>,
    wake: Notify,
    closing: CancellationToken,
}

#[derive(Debug, Default)]
struct Queue {
    frames: VecDeque<Frame>,
    bytes: usize,
    welcomed: bool,
    closing: Option<CloseCode>,
}

/// What the connection's task has to do next.
#[derive(Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// Write these, in order.
    Frames(Vec<Frame>),
    /// Close, and write nothing more.
    Close(CloseCode),
}

impl Outbound {
    /// Adds a frame at the end. A connection that reads too slowly is closed instead: what it lacks it will
    /// ask for when it is back.
    pub fn push(&self, frame: Frame) {
        let mut queue = self.lock();
        if queue.closing.is_some() {
            return;
        }
        queue.bytes += frame.len();
        if queue.bytes > limits::QUEUE_BYTES {
            drop(queue);
            return self.close(CloseCode::SlowConsumer);
        }
        queue.frames.push_back(frame);
        // Before the welcome nothing can be written, so nobody need wake.
        let wake = queue.welcomed;
        drop(queue);
        if wake {
            self.wake.notify_one();
        }
    }

    /// Puts the welcome before all that has come meanwhile, and lets frames out.
    pub fn welcome(&self, frame: Frame) {
        let mut queue = self.lock();
        queue.bytes += frame.len();
        queue.frames.push_front(frame);
        queue.welcomed = true;
        drop(queue);
        self.wake.notify_one();
    }

    /// Asks for the connection to be closed; what still waits is dropped.
    pub fn close(&self, code: CloseCode) {
        self.lock().close(code);
        self.closing.cancel();
        self.wake.notify_one();
    }

    /// Waits until the connection is to be closed: for whoever is held up by a peer that does not read.
    pub async fn closing(&self) {
        self.closing.cancelled().await;
    }

    /// Waits for the next thing to do. Cancel-safe. Takes at most `most` bytes of frames at once (one frame at
    /// least), so that what is handed to the socket stays counted against the bound for as long as it can.
    pub async fn next(&self, most: usize) -> Outgoing {
        loop {
            if let Some(outgoing) = self.try_next(most) {
                return outgoing;
            }
            self.wake.notified().await;
        }
    }

    /// Bytes that wait.
    #[must_use]
    pub fn waiting_bytes(&self) -> usize {
        self.lock().bytes
    }

    fn try_next(&self, most: usize) -> Option<Outgoing> {
        let mut queue = self.lock();
        if let Some(code) = queue.closing {
            return Some(Outgoing::Close(code));
        }
        if !queue.welcomed || queue.frames.is_empty() {
            return None;
        }
        let mut taken = Vec::new();
        let mut bytes = 0;
        while let Some(frame) = queue.frames.pop_front() {
            bytes += frame.len();
            taken.push(frame);
            if queue.frames.front().is_none_or(|next| bytes + next.len() > most) {
                break;
            }
        }
        queue.bytes -= bytes;
        Some(Outgoing::Frames(taken))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Queue> {
        // A panic elsewhere can not leave a queue half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn close(&mut self, code: CloseCode) {
        self.closing.get_or_insert(code);
        self.frames.clear();
        self.bytes = 0;
    }
}

/// After a send was refused with "try again later", everything behind it is refused too until it comes again.
/// Otherwise a send that was in flight behind it could overtake it.
#[derive(Debug, Default)]
pub struct Gate(Mutex<Option<SendKey>>);

impl Gate {
    /// Whether this send may pass. The one that everybody waits for opens the gate.
    pub fn admits(&self, key: SendKey) -> bool {
        let mut blocked_on = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if *blocked_on == Some(key) {
            *blocked_on = None;
        }
        blocked_on.is_none()
    }

    /// This send was told to come again later.
    pub fn shut(&self, key: SendKey) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(text: &'static str) -> Frame {
        Frame::from_static(text.as_bytes())
    }

    #[tokio::test]
    async fn what_comes_before_the_welcome_is_written_behind_it() {
        let outbound = Outbound::default();
        outbound.push(frame("change"));
        assert_eq!(outbound.try_next(100), None);
        outbound.welcome(frame("welcome"));
        assert_eq!(outbound.next(100).await, Outgoing::Frames(vec![frame("welcome"), frame("change")]));
        assert_eq!(outbound.waiting_bytes(), 0);
    }

    #[tokio::test]
    async fn a_slow_reader_is_closed_at_the_bound_and_holds_nothing_any_more() {
        let outbound = Outbound::default();
        outbound.welcome(frame("welcome"));
        let large = Frame::from(vec![b'x'; limits::QUEUE_BYTES / 4]);
        for _ in 0..5 {
            outbound.push(large.clone());
        }
        assert_eq!(outbound.next(100).await, Outgoing::Close(CloseCode::SlowConsumer));
        assert_eq!(outbound.waiting_bytes(), 0);
    }

    #[tokio::test]
    async fn frames_are_taken_in_portions_but_never_none() {
        let outbound = Outbound::default();
        outbound.welcome(frame("aaaa"));
        outbound.push(frame("bbbb"));
        assert_eq!(outbound.next(1).await, Outgoing::Frames(vec![frame("aaaa")]));
        assert_eq!(outbound.next(1).await, Outgoing::Frames(vec![frame("bbbb")]));
    }

    #[test]
    fn behind_a_postponed_send_nothing_passes_until_it_comes_again() {
        let (gate, first, second) = (Gate::default(), SendKey::random(), SendKey::random());
        assert!(gate.admits(first));
        gate.shut(first);
        gate.shut(second);
        assert!(!gate.admits(second));
        assert!(gate.admits(first));
        assert!(gate.admits(second));
    }
}
