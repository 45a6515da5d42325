//! What the chat page knows. Plain structs decide and are unit-tested; thin reactive wrappers hand it to components.
//!
//! Server and browser build the same state from the same [`crate::backend::ChatSnapshot`], so that the first render
//! matches; what only the browser knows (clock, zone, outbox) comes in after it has mounted.
//!
//! # Layout
//!
//! - [`address`]: which conversation is open
//! - [`chat`]: the context of the chat page, which holds all of the rest
//! - [`thread`]: the lines of one conversation, kept alive across updates; [`lines`] arranges them
//! - [`receipt`]: how far a message of one's own has come
//! - [`draft`]: what is being written
//! - [`roster`]: order and search of the conversations; [`preview`] and [`standing`]: the sentences below a name
//! - [`people`]: names; [`typing`]: who writes; [`clock`]: the reader's time
//! - [`scroll`]: where the view stays when lines come; [`banner`]: what the connection banner says;
//!   [`title`]: the window's title; [`wording`]: sentences about changes of a group

pub mod address;
pub mod banner;
pub mod chat;
pub mod clock;
pub mod draft;
pub mod lines;
pub mod people;
pub mod preview;
pub mod receipt;
pub mod roster;
pub mod scroll;
pub mod standing;
pub mod thread;
pub mod title;
pub mod typing;
pub mod wording;
