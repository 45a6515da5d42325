//! The JSON API, spoken to over real HTTP by a program: a whole node, a real socket, its own SQLite file.

mod client;
mod conversations;
mod document;
mod messages;
mod people;
mod refusals;
mod unread;
