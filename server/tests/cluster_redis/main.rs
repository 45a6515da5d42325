//! What may happen to Redis, in all its forms, while people on different nodes talk: nothing is lost, doubled or
//! reordered, all of it is delivered in time, and afterwards all is as before by itself. And who is said to be where.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod acl;
mod faults;
mod presence;
mod scenario;
#[path = "../support/mod.rs"]
mod support;
