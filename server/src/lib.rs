//! A Trunkline node: one process that serves the pages, the API and the WebSockets.
//!
//! # Layout
//!
//! - [`store`], [`bus`], [`presence`]: the seams. Each `mod.rs` is the trait and its guarantees, siblings implement it.

pub mod bus;
pub mod presence;
pub mod store;
