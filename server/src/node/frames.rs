//! Frames as they are written: serialised once, shared by all receivers.

use crate::connection::gate::Postponed;
use crate::connection::handle::Frame;
use crate::store::{CursorState, MovedCursor};
use std::time::Duration;
use trunkline_protocol::{Change, ErrorCode, SendKey, Seq, ServerFrame, UserId};

/// A frame's JSON.
#[must_use]
pub fn encode(frame: &ServerFrame) -> Frame {
    // Strings, numbers and lists: there is nothing in a frame that JSON can not say.
    serde_json::to_string(frame).unwrap_or_default().into()
}

/// Bytes that a change takes in a frame. Escapes can make it six times as long as its text.
#[must_use]
pub fn written_len(change: &Change) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // As in `encode`: there is nothing that JSON can not say, and counting can not fail.
    let _ = serde_json::to_writer(&mut count, change);
    count.0
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

/// A member's cursors, for the others.
#[must_use]
pub fn cursor(&MovedCursor { conversation, user, delivered, read }: &MovedCursor) -> Frame {
    encode(&ServerFrame::Cursor { conversation, user, delivered, read, unread: None, head: Seq(0) })
}

/// A member's cursors, for their own devices.
#[must_use]
pub fn own_cursor(state: &CursorState) -> Frame {
    let MovedCursor { conversation, user, delivered, read } = state.cursor;
    let (unread, head) = (Some(state.unread), state.head);
    encode(&ServerFrame::Cursor { conversation, user, delivered, read, unread, head })
}

/// A member's cursors, for one of their own devices or another's.
#[must_use]
pub fn cursor_for(user: UserId, state: &CursorState) -> Frame {
    if state.cursor.user == user { own_cursor(state) } else { cursor(&state.cursor) }
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
