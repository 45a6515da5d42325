//! The pages, one a route.
//!
//! # Layout
//!
//! - [`chat`]: the chat, at `/` and `/c/:id`
//! - [`login`], [`register`]: the way in
//! - [`settings`]: the account, its sessions and access tokens
//! - [`console`]: every frame of a connection, for people who operate or learn the system
//! - [`api`]: the HTTP API's document, rendered on the server only
//! - [`not_found`]: everything else

pub mod api;
pub mod chat;
pub mod console;
pub mod login;
pub mod not_found;
pub mod register;
pub mod settings;
