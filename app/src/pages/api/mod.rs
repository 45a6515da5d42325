//! The HTTP API's document as a page.
//!
//! Only the server knows how to render it, and it loads no scripts: the browser's bundle carries nothing of it. Links
//! to it are `rel="external"`, so that the browser asks the server.
//!
//! # Layout
//!
//! - `document`: the OpenAPI document, read into what the page shows
//! - `view`: the page
//! - `elsewhere`: what the browser has instead

#[cfg(feature = "ssr")]
pub mod document;
#[cfg(not(feature = "ssr"))]
pub mod elsewhere;
#[cfg(feature = "ssr")]
pub mod view;

#[cfg(not(feature = "ssr"))]
pub use elsewhere::ApiPage;
#[cfg(feature = "ssr")]
pub use view::ApiPage;

/// Where the page is.
pub const PATH: &str = "/api";
