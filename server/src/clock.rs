//! The time of day, in the protocol's unit. Durations are measured with tokio's clock instead.

use std::time::{SystemTime, UNIX_EPOCH};
use trunkline_protocol::Millis;

/// Microseconds since 1970: for what happens within a millisecond.
pub type Micros = i64;

/// Milliseconds since 1970. A clock before that counts as 1970.
#[must_use]
pub fn now() -> Millis {
    millis(SystemTime::now())
}

/// The same of another clock's time of day.
#[must_use]
pub fn millis(time: SystemTime) -> Millis {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
}

/// Microseconds since 1970. A clock before that counts as 1970.
#[must_use]
pub fn micros() -> Micros {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Micros::try_from(since.as_micros()).unwrap_or(Micros::MAX)
}
