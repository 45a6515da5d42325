//! One WebSocket: its task, its queue, and what its frames lead to.
//!
//! # Layout
//!
//! - [`handle`]: the queue of outgoing frames and the gate, as the rest of the node sees them
//! - [`requests`]: what each frame of a client leads to
//! - [`socket`]: the task that reads and writes

pub mod handle;
pub mod requests;
pub mod socket;
