//! The life of a simulated process: every task of a node goes through its gate, which can hold all of them between two of
//! their steps (the process is frozen), or drop them (it was killed).

use crate::lock;
use futures_util::future::BoxFuture;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It runs.
    Running,
    /// It is stopped in its tracks; its connections stay open.
    Frozen,
    /// It is dead.
    Dead,
}

/// See the module.
#[derive(Debug)]
pub struct Gate(Mutex<State>);

#[derive(Debug)]
struct State {
    mode: Mode,
    numbers: u64,
    /// Tasks that wait, by the order of their starts.
    waiting: BTreeMap<u64, Waker>,
}

impl Gate {
    /// Of a process that starts.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(State { mode: Mode::Running, numbers: 0, waiting: BTreeMap::new() })))
    }

    /// What the process does.
    #[must_use]
    pub fn mode(&self) -> Mode {
        lock(&self.0).mode
    }

    /// Freezes, thaws or kills it. The dead stay dead.
    pub fn set(&self, mode: Mode) {
        let mut state = lock(&self.0);
        if state.mode == Mode::Dead {
            return;
        }
        state.mode = mode;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_values().for_each(Waker::wake);
    }

    /// A task of this process.
    pub fn task(self: &Arc<Self>, task: BoxFuture<'static, ()>) -> Task {
        let mut state = lock(&self.0);
        state.numbers += 1;
        Task { gate: self.clone(), number: state.numbers, inner: Some(task) }
    }
}

/// A task that ends with its process.
pub struct Task {
    gate: Arc<Gate>,
    number: u64,
    inner: Option<BoxFuture<'static, ()>>,
}

impl Future for Task {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mode = self.gate.mode();
        let done = match (mode, &mut self.inner) {
            (Mode::Running, Some(inner)) => inner.as_mut().poll(context).is_ready(),
            (Mode::Frozen, Some(_)) => false,
            (Mode::Dead, _) | (_, None) => true,
        };
        if done {
            // Also what it holds goes now.
            self.inner = None;
            lock(&self.gate.0).waiting.remove(&self.number);
            return Poll::Ready(());
        }
        lock(&self.gate.0).waiting.insert(self.number, context.waker().clone());
        Poll::Pending
    }
}
