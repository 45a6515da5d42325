//! A Trunkline node: one process that serves the pages, the API and the WebSockets.
//!
//! # Layout
//!
//! - [`connection`]: one WebSocket
//! - [`node`]: the hub of connections, and how messages get from one to the others
//! - [`store`], [`bus`], [`presence`]: the seams. Each `mod.rs` is the trait and its guarantees, siblings implement it.

pub mod bus;
pub mod clock;
pub mod connection;
pub mod metrics;
pub mod node;
pub mod presence;
pub mod store;
pub mod text;
