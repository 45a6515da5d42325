//! One WebSocket: its task, its queue, and what its frames lead to.
//!
//! # Layout
//!
//! - [`handle`]: the queue of outgoing frames, as the rest of the node sees it
//! - [`gate`]: the order of sends after a refusal
//! - [`requests`]: what each frame of a client leads to
//! - [`socket`]: the task that reads and writes
//! - [`wire`]: a WebSocket as the standard has it: bounds, reading, closing

pub mod gate;
pub mod handle;
pub mod requests;
pub mod socket;
pub mod wire;
