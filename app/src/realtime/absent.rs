//! The server renders a page and has no line of its own.

use super::Command;
use crate::backend::ChatSnapshot;
use crate::state::chat::Chat;

/// Does nothing here.
pub fn start(_chat: Chat, _snapshot: ChatSnapshot) {}

/// Does nothing here.
pub fn tell(_command: Command) {}

/// Does nothing here.
pub fn stop() {}
