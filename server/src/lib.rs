//! A Trunkline node: one process that serves the pages, the API and the WebSockets.
//!
//! # Layout
//!
//! - [`startup`]: puts a node together; the only place that names a concrete engine
//! - [`config`]: flags, environment and file
//! - [`web`]: pages, API, the WebSocket upgrade, health
//! - [`auth`]: accounts, logins, access tokens
//! - [`connection`]: one WebSocket
//! - [`logging`]: where logs and spans go
//! - [`node`]: the hub of connections, and how messages get from one to the others
//! - [`redis`]: how Redis is reached, in each of the forms that people run it
//! - [`search`]: what it means that a message is found, for all stores
//! - [`tls`]: TLS to the servers that a node depends on
//! - [`store`], [`bus`], [`presence`]: the seams. Each `mod.rs` is the trait and its guarantees, siblings implement it.

// The types of views grow with the pages.
#![recursion_limit = "256"]

pub mod auth;
pub mod bus;
pub mod clock;
pub mod config;
pub mod connection;
pub mod logging;
pub mod metrics;
pub mod node;
pub mod presence;
pub mod redis;
pub mod search;
pub mod startup;
pub mod store;
pub mod text;
pub mod tls;
pub mod web;
