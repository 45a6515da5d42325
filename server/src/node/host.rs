//! What a node takes from the process it runs in, beside store, bus and registry: the time of day, a name for each
//! incarnation, and somewhere to run its tasks.
//!
//! A server has the operating system's and tokio's ([`System`]). A simulation gives all of it from its seed, and can stop
//! a node between any two steps of its tasks. Durations are no part of this: they are measured with tokio's clock, which
//! a simulation moves itself.

use futures_util::future::BoxFuture;
use std::time::SystemTime;
use tokio_util::task::TaskTracker;
use trunkline_protocol::NodeId;

/// See the module.
pub trait Host: Send + Sync + 'static {
    /// The time of day. It may be wrong, and may go back.
    fn now(&self) -> SystemTime;

    /// A name that no incarnation has had before.
    fn name(&self) -> NodeId;

    /// Runs a task to its end, as one of `tasks`. Returns at once.
    fn run(&self, tasks: &TaskTracker, task: BoxFuture<'static, ()>);
}

/// A process of its own.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

impl Host for System {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn name(&self) -> NodeId {
        NodeId::random()
    }

    fn run(&self, tasks: &TaskTracker, task: BoxFuture<'static, ()>) {
        tasks.spawn(task);
    }
}
