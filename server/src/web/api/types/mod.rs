//! What is sent and answered. The doc comments are the descriptions in the OpenAPI document.
//!
//! [`model`] has the same JSON as the frames of the WebSocket, so that a client can put what it got over HTTP next
//! to what it heard; [`requests`], [`answers`] and [`delivery`] are the API's own.

pub mod answers;
pub mod delivery;
pub mod model;
pub mod requests;

pub use answers::*;
pub use delivery::*;
pub use model::*;
pub use requests::*;
