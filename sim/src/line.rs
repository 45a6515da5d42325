//! One connection between a device and a node: frames in both directions, in order, each with its delay. It can be cut with
//! everything that is on its way, noticed at either end or at none. As with TCP, no frame comes twice or overtakes another.

use crate::history::Event;
use crate::lock;
use crate::schedule::Moment;
use crate::world::World;
use axum::extract::ws::{CloseFrame, Message};
use futures_util::{Sink, Stream};
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use trunkline_protocol::SessionId;
use trunkline_protocol::client::Socket;

/// Bytes that the buffers of a connection take before a writer has to wait.
const WINDOW: usize = 64 * 1024;

/// See the module.
pub struct Line {
    /// Its number, from 1.
    pub number: u64,
    /// Whose.
    pub device: usize,
    /// Which of the device's sockets.
    pub socket: Socket,
    /// To which node.
    pub slot: usize,
    /// With whose cookie.
    pub session: SessionId,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    inbox: VecDeque<Message>,
    reader: Option<Waker>,
    /// The node knows that nobody is there any more.
    gone: bool,
    /// Bytes that were written and not read.
    unread: usize,
    writer: Option<Waker>,
    /// What has come to the device and waits for it to read. `None` is the end.
    arrived: VecDeque<Option<Message>>,
    /// When the last frame of each direction arrives.
    up_at: Moment,
    down_at: Moment,
    /// Nothing passes any more.
    cut: bool,
}

impl Line {
    /// A new one.
    #[must_use]
    pub fn new(number: u64, device: usize, socket: Socket, slot: usize, session: SessionId) -> Arc<Self> {
        Arc::new(Self { number, device, socket, slot, session, state: Mutex::default() })
    }

    /// From here on nothing passes, and what is on its way is lost.
    pub fn cut(&self) {
        lock(&self.state).cut = true;
    }

    /// The node finds that the device is gone.
    pub fn end_at_node(&self) {
        let mut state = lock(&self.state);
        state.gone = true;
        let wakers = [state.reader.take(), state.writer.take()];
        drop(state);
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    fn take_in(&self, message: Message) {
        let mut state = lock(&self.state);
        if state.cut {
            return;
        }
        state.inbox.push_back(message);
        let reader = state.reader.take();
        drop(state);
        reader.into_iter().for_each(Waker::wake);
    }

    /// The next message that the device reads; `Some(None)` is the end.
    pub fn read(&self) -> Option<Option<Message>> {
        let mut state = lock(&self.state);
        if state.cut {
            return None;
        }
        let message = state.arrived.pop_front()?;
        state.unread = state.unread.saturating_sub(message.as_ref().map_or(0, length));
        let writer = state.writer.take();
        drop(state);
        writer.into_iter().for_each(Waker::wake);
        Some(message)
    }
}

fn length(message: &Message) -> usize {
    match message {
        Message::Text(text) => text.len(),
        Message::Binary(bytes) | Message::Ping(bytes) | Message::Pong(bytes) => bytes.len(),
        Message::Close(_) => 2,
    }
}

impl World {
    /// The device writes.
    pub fn up(self: &Arc<Self>, line: &Arc<Line>, message: Message) {
        let wait = self.delay();
        let mut state = lock(&line.state);
        state.up_at = state.up_at.max(self.schedule.now() + wait);
        let wait = state.up_at - self.schedule.now();
        drop(state);
        let line = line.clone();
        self.schedule.after(wait, move || line.take_in(message));
    }

    /// The device closes; what it has written before arrives before.
    pub fn hang_up(self: &Arc<Self>, line: &Arc<Line>) {
        let wait = self.delay();
        let mut state = lock(&line.state);
        state.up_at = state.up_at.max(self.schedule.now() + wait);
        let wait = state.up_at - self.schedule.now();
        drop(state);
        let (world, line) = (self.clone(), line.clone());
        self.schedule.after(wait, move || {
            if !lock(&line.state).cut {
                line.end_at_node();
            }
            lock(&world.lines).remove(&line.number);
        });
    }

    /// The node writes.
    fn down(self: &Arc<Self>, line: &Arc<Line>, message: Message) {
        let wait = self.delay();
        let mut state = lock(&line.state);
        state.unread += length(&message);
        state.down_at = state.down_at.max(self.schedule.now() + wait);
        let wait = state.down_at - self.schedule.now();
        drop(state);
        let (world, line) = (self.clone(), line.clone());
        self.schedule.after(wait, move || {
            lock(&line.state).arrived.push_back(Some(message));
            world.device_reads(&line);
        });
    }

    /// The node closes its end.
    fn close(self: &Arc<Self>, line: &Arc<Line>) {
        let wait = self.delay();
        let at = lock(&line.state).down_at;
        let wait = wait.max(at.saturating_sub(self.schedule.now()));
        let (world, line) = (self.clone(), line.clone());
        self.schedule.after(wait, move || {
            lock(&line.state).arrived.push_back(None);
            world.device_reads(&line);
            lock(&world.lines).remove(&line.number);
        });
    }
}

/// The node's end: what it takes for a WebSocket.
pub struct NodeEnd {
    world: Arc<World>,
    line: Arc<Line>,
}

impl NodeEnd {
    /// Of this connection.
    #[must_use]
    pub const fn new(world: Arc<World>, line: Arc<Line>) -> Self {
        Self { world, line }
    }

    fn note_late(&self, message: &Message) {
        let Some(ended) = self.world.stores.ended_at(self.line.session) else { return };
        let Message::Text(text) = message else { return };
        let kind = text.split('"').nth(3).unwrap_or_default().to_owned();
        let late = self.world.schedule.now() - ended;
        self.world.history.note(Event::LateFrame { session: self.line.session, late, kind });
    }

    fn poll_room(&self, context: &Context<'_>) -> Poll<Result<(), axum::Error>> {
        let mut state = lock(&self.line.state);
        if state.gone {
            return Poll::Ready(Err(axum::Error::new("the connection is closed")));
        }
        if state.unread < WINDOW {
            return Poll::Ready(Ok(()));
        }
        state.writer = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Stream for NodeEnd {
    type Item = Result<Message, axum::Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut state = lock(&self.line.state);
        if let Some(message) = state.inbox.pop_front() {
            return Poll::Ready(Some(Ok(message)));
        }
        if state.gone {
            return Poll::Ready(None);
        }
        state.reader = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Sink<Message> for NodeEnd {
    type Error = axum::Error;

    fn poll_ready(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), axum::Error>> {
        self.poll_room(context)
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), axum::Error> {
        self.note_late(&message);
        self.world.down(&self.line, message);
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), axum::Error>> {
        self.poll_room(context)
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), axum::Error>> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for NodeEnd {
    fn drop(&mut self) {
        self.world.close(&self.line);
    }
}

/// The code of a close frame.
#[must_use]
pub fn code_of(close: Option<&CloseFrame>) -> Option<u16> {
    close.map(|close| close.code)
}
