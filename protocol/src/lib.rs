//! Trunkline's contract: what browser, server and tools agree on.
//!
//! Nothing in here opens a socket, reads a clock or draws a random number, so the same code runs in the
//! browser, in a node, and in tests that are their own clock.
//!
//! # Layout
//!
//! - [`ids`]: the names of things (user, conversation, seq, position, epoch, send key …)
//! - [`model`]: what a conversation consists of (changes, members, presence)
//! - [`frames`]: what crosses the WebSocket, in both directions
//! - [`codes`]: error codes and close codes, each with its retry rule
//! - [`limits`]: every number that bounds something, with its reason
//! - [`text`]: what can be seen of a text
//! - [`sorted`]: the map that clients keep things in
//! - [`client`]: the client's state machine (outbox, hole detection, resume, backoff)

pub mod client;
pub mod codes;
mod field;
pub mod frames;
pub mod ids;
pub mod limits;
pub mod model;
pub mod sorted;
pub mod text;

pub use codes::{CloseCode, ErrorCode};
pub use frames::{ClientFrame, ServerFrame};
pub use ids::{ConversationId, Epoch, Millis, NodeId, Position, SendKey, Seq, SessionId, UserId};
pub use model::{Change, ChangeBody, Conversation, ConversationKind, Member, Presence, User};

/// The WebSocket subprotocol that both ends must name.
pub const SUBPROTOCOL: &str = "trunkline.v1";
