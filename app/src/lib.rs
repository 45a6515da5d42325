//! Trunkline's user interface: rendered on the server, alive in the browser, and of use without scripts.
//!
//! The server calls `shell::shell` for every page; the browser takes over the islands in it. What the pages need of the
//! server stands in [`backend`], which the server implements.
//!
//! # Layout
//!
//! - [`backend`]: what the pages need of the server
//! - [`functions`]: server functions, the way from the pages to the backend
//! - [`pages`]: one page a file or folder: chat, login, register, settings, console, api, admin, delivery, not found
//! - [`components`]: what pages are made of, one component a file
//! - [`state`]: what the chat page knows; [`realtime`]: its line to the node, which keeps that up to date
//! - [`text`], [`mod@time`]: how messages and moments are written
//! - [`theme`]: light or dark, by the system or by choice
//! - [`return_path`]: where to go after logging in, and nowhere else
//! - `shell`: the application and the document around it, on the server only
//! - `security`: the Content-Security-Policy, on the server only

// The types of views grow with the pages.
#![recursion_limit = "256"]

pub mod backend;
pub mod components;
pub mod functions;
pub mod pages;
pub mod realtime;
pub mod return_path;
#[cfg(feature = "ssr")]
pub mod security;
#[cfg(feature = "ssr")]
pub mod shell;
pub mod state;
pub mod text;
pub mod theme;
pub mod time;
