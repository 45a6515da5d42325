//! A cluster of Trunkline in one process, with a virtual clock and a seed: real nodes (hub, router, delivery, resume,
//! leases, the task of each connection), the real SQL, the real client machine. Network, clocks, processes and chance are
//! simulated, and all that they do comes from the seed. So a run in which something went wrong can be repeated.
//!
//! # Layout
//!
//! - [`run()`] one seed from its beginning to the verdict
//! - [`script`] what people do and what breaks; [`faults`] how that is carried out
//! - [`world`] everything that there is; [`schedule`] what will happen when; [`random`] chance
//! - [`node`] processes; [`gate`] how they freeze and die
//! - [`store`], [`bus`], [`registry`] the seams of a node, with what can go wrong on the way there
//! - [`device`] pages with their clients; [`line`](mod@line) the connections between them and the nodes
//! - [`history`] what happened; [`rest`] how everything stands in the end
//! - [`checker`] the verdict: one function for each invariant
//! - [`article`] another design under the same scripts, to compare with

pub mod article;
pub mod bus;
pub mod checker;
pub mod device;
pub mod faults;
pub mod gate;
pub mod history;
pub mod line;
pub mod node;
pub mod random;
pub mod registry;
pub mod rest;
mod run;
pub mod schedule;
pub mod script;
pub mod store;
pub mod world;

pub use run::{Run, run, run_script};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Everything runs on one thread: nobody waits for a lock, and nobody holds one across an await.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
