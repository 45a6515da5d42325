//! What the test files share.
#![allow(dead_code, reason = "each test file uses another part of this")]

pub(crate) mod redis;
