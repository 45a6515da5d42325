//! The pages, one a route.
//!
//! # Layout
//!
//! - [`console`]: every frame of a connection, for people who operate or learn the system
//!
//! On the server only, since they are not alive as a whole, and work without scripts:
//!
//! - `chat`: the chat, at `/` and `/c/:id`; what is alive of it is an island among the components
//! - `passage`: a part of a conversation far from its end; `search`: messages that were found
//! - `login`, `register`: the way in
//! - `settings`: the account, its sessions and access tokens
//! - `api`: the HTTP API's document
//! - `admin`: nodes, bus, store and accounts, for administrators
//! - `delivery`: which way a message took
//! - `not_found`: everything else

#[cfg(feature = "ssr")]
pub mod admin;
#[cfg(feature = "ssr")]
pub mod api;
#[cfg(feature = "ssr")]
pub mod chat;
pub mod console;
#[cfg(feature = "ssr")]
pub mod delivery;
#[cfg(feature = "ssr")]
pub mod login;
#[cfg(feature = "ssr")]
pub mod not_found;
#[cfg(feature = "ssr")]
pub mod passage;
#[cfg(feature = "ssr")]
pub mod register;
#[cfg(feature = "ssr")]
pub mod search;
#[cfg(feature = "ssr")]
pub mod settings;
