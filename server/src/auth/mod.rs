//! Accounts, logins and access tokens.
//!
//! # Layout
//!
//! - [`accounts`]: registering, logging in and out, changing a password
//! - [`passwords`]: hashing, off the async threads and bounded
//! - [`secrets`]: session tokens, access tokens and invites
//! - [`throttle`]: how often one may guess

pub mod accounts;
pub mod passwords;
pub mod secrets;
pub mod throttle;
