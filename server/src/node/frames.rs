//! Frames as they are written: serialised once, shared by all receivers.

use crate::connection::handle::{Frame, Postponed};
use std::time::Duration;
use trunkline_protocol::{ErrorCode, SendKey, ServerFrame};

/// A frame's JSON.
#[must_use]
pub fn encode(frame: &ServerFrame) -> Frame {
    // Strings, numbers and lists: there is nothing in a frame that JSON can not say.
    serde_json::to_vec(frame).unwrap_or_default().into()
}

/// A send was not stored.
#[must_use]
pub fn refused(key: SendKey, code: ErrorCode, message: &str, retry_after: Option<Duration>) -> Frame {
    let retry_after = retry_after.map(millis);
    encode(&ServerFrame::Refused { key, code, message: message.to_owned(), retry_after })
}

/// A send came behind one that has to come again, and has to come again too.
#[must_use]
pub fn postponed(key: SendKey, Postponed { code, retry_after }: Postponed) -> Frame {
    refused(key, code, "A message before this one has to be sent again first.", Some(retry_after))
}

/// The node stops; come back after this time.
#[must_use]
pub fn moving(after: Duration) -> Frame {
    encode(&ServerFrame::Moving { after: millis(after) })
}

/// Rounded up: who comes a moment too early is refused again.
fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros().div_ceil(1_000)).unwrap_or(u32::MAX)
}
