//! What the test files share.
#![allow(dead_code, reason = "each test file uses another part of this")]

pub(crate) mod balancer;
pub(crate) mod bytes;
pub(crate) mod certificates;
pub(crate) mod child;
pub(crate) mod cluster;
pub(crate) mod device;
pub(crate) mod forms;
pub(crate) mod postgres;
pub(crate) mod proxy;
pub(crate) mod raw;
pub(crate) mod redis;
pub(crate) mod server;

use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a test waits for what is due at once, on a machine that has much to do.
pub(crate) const SOON: Duration = Duration::from_secs(10);

/// Waits until `look` gives something, and fails with `what` if it does not within `limit`. For what gives no
/// sign by itself, such as a page of another process.
pub(crate) async fn eventually<T>(what: &str, limit: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}
