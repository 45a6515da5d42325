//! What is done with bytes that anybody may send, as functions of bytes.
//!
//! Each is run with what a fuzzer makes up (`cargo xtask fuzz`), and with the corpus that it has found so far, by an
//! ordinary test. None of them may panic, whatever it is given; and each asserts what must hold of what it understood.
//!
//! # Layout
//!
//! - [`frames`]: frames and kept outbox entries: what is read can be written, and reads the same again
//! - [`client`]: the client's state machine under a drawn run of sockets, frames, intents and times
//! - [`secrets`]: cookies, access tokens, proxies' headers, and paths to return to
//! - [`text`]: a message's text as the view shows it
//! - [`search`]: questions and the texts that answer them
//! - [`redis`]: addresses, answers and envelopes
//! - [`config`]: the configuration file
//!
//! The fuzzer's own programs are in `engine/`, a workspace by itself: they need flags of the compiler that nothing else
//! is built with. The corpora are in `corpus/`, a folder for each target.

#![expect(clippy::expect_used, reason = "a target fails by panicking")]

pub mod client;
pub mod config;
mod draw;
pub mod frames;
pub mod redis;
pub mod search;
pub mod secrets;
pub mod text;

/// Something that is done with bytes.
pub type Target = fn(&[u8]);

/// All of them, by name.
pub const TARGETS: [(&str, Target); 11] = [
    ("client", client::run),
    ("client_frame", frames::client_frame),
    ("config", config::file),
    ("envelope", redis::envelope),
    ("kept_entry", frames::kept_entry),
    ("redis_answer", redis::answer),
    ("redis_url", redis::url),
    ("search", search::search),
    ("secrets", secrets::headers),
    ("server_frame", frames::server_frame),
    ("text", text::view),
];
