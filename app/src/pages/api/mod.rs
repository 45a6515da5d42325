//! The HTTP API's document as a page.
//!
//! It loads no scripts. Links to it are `rel="external"`, so that the browser asks the server.
//!
//! # Layout
//!
//! - [`document`]: the OpenAPI document, read into what the page shows
//! - `markdown`: how its descriptions are written
//! - `reader`: reads it from what our server generates
//! - [`view`]: the page

pub mod document;
mod markdown;
mod reader;
pub mod view;

pub use view::ApiPage;

/// Where the page is.
pub const PATH: &str = "/api";
