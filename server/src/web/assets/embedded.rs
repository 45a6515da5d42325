//! The site inside the binary.

use std::borrow::Cow;
use std::fmt::Write as _;

use bytes::Bytes;
use rust_embed::RustEmbed;

use super::Asset;

/// `cargo xtask` and `cargo leptos` both build the site there.
#[derive(RustEmbed)]
#[folder = "../target/site"]
struct Site;

/// The file with this plain name; `None` when there is none. Its content is not copied.
pub(super) async fn load(name: &str) -> Option<Asset> {
    let file = Site::get(name)?;
    let content = match file.data {
        Cow::Borrowed(content) => Bytes::from_static(content),
        Cow::Owned(content) => content.into(),
    };
    // Half of the hash is plenty to tell versions apart.
    let mut tag = String::new();
    for byte in &file.metadata.sha256_hash()[..16] {
        // Writing to a string cannot fail.
        let _ = write!(tag, "{byte:02x}");
    }
    Some(Asset { content, tag })
}
