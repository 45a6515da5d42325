//! What the rest of the node holds of a connection: its queue of frames and its gate.

use super::gate::Gate;
use crate::store::Credential;
use axum::extract::ws::Utf8Bytes;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use trunkline_protocol::{CloseCode, UserId, limits};

/// A serialised frame: JSON, shared by all its receivers, and known to be UTF-8, so that none of them looks again.
pub type Frame = Utf8Bytes;

/// Names a connection within its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(u64);

impl ConnectionId {
    /// The connection with this number.
    #[must_use]
    pub const fn numbered(number: u64) -> Self {
        Self(number)
    }

    /// Its number: from 1 in each node.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
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
    /// The last of its frames that holds changes, by its number: see [`crate::node::trace`].
    pub traced: AtomicU64,
    /// Sends that the node has taken in and not answered.
    in_hand: AtomicUsize,
}

impl Handle {
    /// A new connection, which takes frames in but lets none out before its welcome.
    #[must_use]
    pub fn new(id: ConnectionId, user: UserId, credential: Credential) -> Arc<Self> {
        Arc::new(Self {
            id,
            user,
            credential,
            outbound: Outbound::default(),
            gate: Gate::default(),
            traced: AtomicU64::new(0),
            in_hand: AtomicUsize::new(0),
        })
    }

    /// A send is taken in, unless [`limits::SENDS_IN_HAND`] wait for their answer already. Returns whether it is.
    pub fn take_in(&self) -> bool {
        let taken = self.in_hand.fetch_add(1, Ordering::Relaxed) < limits::SENDS_IN_HAND;
        if !taken {
            self.answered();
        }
        taken
    }

    /// One of them has its answer.
    pub fn answered(&self) {
        self.in_hand.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Frames that wait to be written, at most [`limits::QUEUE_BYTES`] of them beside the welcome, whose length is the
/// user's and not the reader's fault.
///
/// Until the welcome is given, frames wait behind it: a connection is registered before the store is read, so
/// changes can come first.
#[derive(Debug, Default)]
pub struct Outbound {
    state: Mutex<Queue>,
    wake: Notify,
    /// Woken when frames were taken out.
    taken: Notify,
    closing: CancellationToken,
}

#[derive(Debug, Default)]
struct Queue {
    frames: VecDeque<Frame>,
    bytes: usize,
    /// How many frames there ever were.
    pushed: u64,
    /// Goes out before all frames; not counted.
    welcome: Option<Frame>,
    welcomed: bool,
    closing: Option<CloseCode>,
    finishing: Option<CloseCode>,
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
        self.hand(frame);
    }

    /// The same, for who wants to know when it is written: its number among all frames of the connection, of which the
    /// welcome is the first. One that is not written has none.
    pub fn hand(&self, frame: Frame) -> u64 {
        let mut queue = self.lock();
        if queue.closing.is_some() || queue.finishing.is_some() {
            return u64::MAX;
        }
        queue.bytes += frame.len();
        if queue.bytes > limits::QUEUE_BYTES {
            drop(queue);
            self.close(CloseCode::SlowConsumer);
            return u64::MAX;
        }
        queue.frames.push_back(frame);
        queue.pushed += 1;
        let number = queue.pushed + 1;
        // Before the welcome nothing can be written, so nobody need wake.
        let wake = queue.welcomed;
        drop(queue);
        if wake {
            self.wake.notify_one();
        }
        number
    }

    /// Puts the welcome before all that has come meanwhile, and lets frames out.
    pub fn welcome(&self, frame: Frame) {
        let mut queue = self.lock();
        if queue.closing.is_some() {
            return;
        }
        queue.welcome = Some(frame);
        queue.welcomed = true;
        drop(queue);
        self.wake.notify_one();
    }

    /// Whether the welcome was given.
    #[must_use]
    pub fn is_welcomed(&self) -> bool {
        self.lock().welcomed
    }

    /// Asks for the connection to be closed; what still waits is dropped.
    pub fn close(&self, code: CloseCode) {
        self.lock().close(code);
        self.closing.cancel();
        self.wake.notify_one();
    }

    /// Asks for the connection to be closed once what waits is written.
    pub fn finish(&self, code: CloseCode) {
        self.lock().finishing.get_or_insert(code);
        self.wake.notify_one();
    }

    /// Waits until most of the queue is free: for an answer so long that all of it at once would not fit. For the
    /// connection's own task only, which also takes the frames out: nothing can be taken between look and wait.
    pub async fn room(&self) {
        loop {
            {
                let queue = self.lock();
                if queue.closing.is_some() || queue.bytes <= limits::QUEUE_BYTES / 4 {
                    return;
                }
            }
            self.taken.notified().await;
        }
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
        if let Some(welcome) = queue.welcome.take() {
            return Some(Outgoing::Frames(vec![welcome]));
        }
        if !queue.welcomed || queue.frames.is_empty() {
            return queue.finishing.map(Outgoing::Close);
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
        drop(queue);
        self.taken.notify_waiters();
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
        self.welcome = None;
        self.frames.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(text: &'static str) -> Frame {
        Frame::from_static(text)
    }

    #[tokio::test]
    async fn what_comes_before_the_welcome_is_written_behind_it() {
        let outbound = Outbound::default();
        outbound.push(frame("change"));
        assert_eq!(outbound.try_next(100), None);
        outbound.welcome(frame("welcome"));
        assert_eq!(outbound.next(100).await, Outgoing::Frames(vec![frame("welcome")]));
        assert_eq!(outbound.next(100).await, Outgoing::Frames(vec![frame("change")]));
        assert_eq!(outbound.waiting_bytes(), 0);
    }

    #[tokio::test]
    async fn a_slow_reader_is_closed_at_the_bound_and_holds_nothing_any_more() {
        let outbound = Outbound::default();
        outbound.welcome(frame("welcome"));
        let large = Frame::from("x".repeat(limits::QUEUE_BYTES / 4));
        for _ in 0..5 {
            outbound.push(large.clone());
        }
        assert_eq!(outbound.next(100).await, Outgoing::Close(CloseCode::SlowConsumer));
        assert_eq!(outbound.waiting_bytes(), 0);
    }

    #[tokio::test]
    async fn a_welcome_above_the_bound_does_not_make_its_reader_a_slow_one() {
        let outbound = Outbound::default();
        outbound.welcome(Frame::from("x".repeat(2 * limits::QUEUE_BYTES)));
        outbound.push(frame("change"));
        assert!(matches!(outbound.next(100).await, Outgoing::Frames(_)));
        assert_eq!(outbound.next(100).await, Outgoing::Frames(vec![frame("change")]));
    }

    #[tokio::test]
    async fn frames_are_taken_in_portions_but_never_none() {
        let outbound = Outbound::default();
        outbound.welcome(frame("welcome"));
        outbound.push(frame("aaaa"));
        outbound.push(frame("bbbb"));
        assert_eq!(outbound.next(1).await, Outgoing::Frames(vec![frame("welcome")]));
        assert_eq!(outbound.next(1).await, Outgoing::Frames(vec![frame("aaaa")]));
        assert_eq!(outbound.next(1).await, Outgoing::Frames(vec![frame("bbbb")]));
    }

    #[tokio::test]
    async fn a_finished_connection_is_closed_behind_what_waits() {
        let outbound = Outbound::default();
        outbound.welcome(frame("welcome"));
        outbound.finish(CloseCode::Moving);
        outbound.push(frame("late"));
        assert_eq!(outbound.next(100).await, Outgoing::Frames(vec![frame("welcome")]));
        assert_eq!(outbound.next(100).await, Outgoing::Close(CloseCode::Moving));
    }
}
