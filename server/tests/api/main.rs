//! The JSON API, spoken to over real HTTP by a program: a whole node, a real socket, its own SQLite file.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod admin;
mod client;
mod conversations;
mod delivery;
mod document;
mod functions;
mod login;
mod messages;
mod people;
mod refusals;
mod search;
#[path = "../support/mod.rs"]
mod support;
mod unread;
