//! The built site: the browser bundle, the style sheet and what is in `public/`.
//!
//! With the feature `embed` the files are inside the binary, which then needs no other file; without it
//! they are read from disk, so that a development server shows the latest build. Both behave the same:
//! file names carry no hash, so browsers ask every time and are told "not modified" by entity tag; who
//! accepts brotli gets the form that was compressed at build time, where there is one.
//!
//! Only plain paths name a file. Anything that could lead out of the site, a hidden file or a compressed
//! form itself is as unknown as a file that does not exist.

#[cfg(not(feature = "embed"))]
#[path = "disk.rs"]
mod source;
#[cfg(feature = "embed")]
#[path = "embedded.rs"]
mod source;

use axum::body::Body;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderName, IF_NONE_MATCH,
    VARY,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::Response;
use bytes::Bytes;

/// One file of the site.
struct Asset {
    content: Bytes,
    /// Changes whenever the content does; without quotes.
    tag: String,
}

/// The answer to a request for a file of the site; `None` when there is no such file, so that the caller
/// can ask elsewhere.
///
/// Meant for GET and HEAD. The body is there for both: the router leaves it out of an answer to HEAD.
pub(crate) async fn serve(uri: &Uri, headers: &HeaderMap) -> Option<Response> {
    let name = plain_name(uri.path())?;
    let mut compressed = None;
    if accepts_brotli(headers) {
        compressed = source::load(&format!("{name}.br")).await;
    }
    match compressed {
        Some(asset) => answer(name, asset, true, headers),
        None => answer(name, source::load(name).await?, false, headers),
    }
}

/// The file that a path asks for, relative to the site. `None` for everything that is not a plain name.
fn plain_name(path: &str) -> Option<&str> {
    let name = path.strip_prefix('/')?;
    let plain = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains(['\\', ':', '%', '\0']);
    (name.split('/').all(plain) && !name.ends_with(".br")).then_some(name)
}

fn answer(name: &str, asset: Asset, compressed: bool, headers: &HeaderMap) -> Option<Response> {
    let tag = format!("\"{}\"", asset.tag);
    let mut response = Response::builder()
        .header(ETAG, HeaderValue::from_str(&tag).ok()?)
        .header(CACHE_CONTROL, "no-cache")
        .header(VARY, "accept-encoding");
    if is_known(&tag, headers) {
        return response.status(StatusCode::NOT_MODIFIED).body(Body::empty()).ok();
    }
    if compressed {
        response = response.header(CONTENT_ENCODING, "br");
    }
    response
        .header(CONTENT_TYPE, content_type(name))
        .header(CONTENT_LENGTH, asset.content.len())
        .body(Body::from(asset.content))
        .ok()
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "ico" => "image/x-icon",
        "jpg" | "jpeg" => "image/jpeg",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" | "map" => "application/json",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "txt" => "text/plain; charset=utf-8",
        "wasm" => "application/wasm",
        "webmanifest" => "application/manifest+json",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

/// Whether the browser holds this version already (RFC 9110, section 13.1.2: a weak comparison).
fn is_known(tag: &str, headers: &HeaderMap) -> bool {
    list(headers, IF_NONE_MATCH).any(|known| known == "*" || known.trim_start_matches("W/") == tag)
}

/// Whether brotli is named and not refused with a weight of zero.
fn accepts_brotli(headers: &HeaderMap) -> bool {
    list(headers, ACCEPT_ENCODING).any(|entry| {
        let (coding, weight) = entry.split_once(';').unwrap_or((entry, "q=1"));
        let refused = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse().ok()) == Some(0.0_f32);
        coding.trim().eq_ignore_ascii_case("br") && !refused
    })
}

/// The entries of a header that is a list; what is not text is left out.
fn list(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    fn asset() -> Asset {
        Asset { content: Bytes::from_static(b"content"), tag: "one".to_owned() }
    }

    #[test]
    fn only_plain_paths_name_a_file() {
        for path in ["/pkg/trunkline.js", "/favicon.svg", "/a/b/c.txt"] {
            assert_eq!(plain_name(path), path.strip_prefix('/'), "{path}");
        }
        for path in [
            "",
            "/",
            "//",
            "/pkg/",
            "/pkg//a",
            "/../etc/passwd",
            "/pkg/../../a",
            "/./a",
            "/.env",
            "/pkg/.hidden",
            "/a\\..\\b",
            "/%2e%2e/a",
            "/c:/a",
            "/pkg/trunkline.js.br",
            "a",
        ] {
            assert_eq!(plain_name(path), None, "{path}");
        }
    }

    #[test]
    fn brotli_is_sent_only_to_who_accepts_it() {
        for value in ["br", "gzip, deflate, br, zstd", "gzip, BR;q=0.5", "br ; q=1.0"] {
            assert!(accepts_brotli(&headers(ACCEPT_ENCODING, value)), "{value}");
        }
        for value in ["gzip", "br;q=0", "br; q=0.000", "brotli", "", "*"] {
            assert!(!accepts_brotli(&headers(ACCEPT_ENCODING, value)), "{value}");
        }
        assert!(!accepts_brotli(&HeaderMap::new()));
    }

    #[test]
    fn a_known_version_is_not_sent_again() {
        for value in ["\"one\"", "W/\"one\"", "\"zero\", \"one\"", "*"] {
            let response = answer("a.js", asset(), true, &headers(IF_NONE_MATCH, value)).unwrap();
            assert_eq!(response.status(), StatusCode::NOT_MODIFIED, "{value}");
            assert_eq!(response.headers()[ETAG], "\"one\"");
            assert!(!response.headers().contains_key(CONTENT_ENCODING));
        }
        let response = answer("a.js", asset(), false, &headers(IF_NONE_MATCH, "\"two\"")).unwrap();
        assert_eq!(response.status(), StatusCode::OK);
    }

    #[test]
    fn an_answer_says_what_it_is_and_what_it_depends_on() {
        let response = answer("pkg/trunkline.wasm", asset(), true, &HeaderMap::new()).unwrap();
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        assert_eq!(header(CONTENT_TYPE), Some("application/wasm"));
        assert_eq!(header(CONTENT_ENCODING), Some("br"));
        assert_eq!(header(CONTENT_LENGTH), Some("7"));
        assert_eq!(header(VARY), Some("accept-encoding"));
        assert_eq!(header(CACHE_CONTROL), Some("no-cache"));
        let plain = answer("unknown", asset(), false, &HeaderMap::new()).unwrap();
        assert_eq!(plain.headers()[CONTENT_TYPE], "application/octet-stream");
        assert!(!plain.headers().contains_key(CONTENT_ENCODING));
    }

    #[tokio::test]
    async fn what_is_not_there_is_left_to_the_caller() {
        let missing = Uri::from_static("/no/such/file.js");
        assert!(serve(&missing, &headers(ACCEPT_ENCODING, "br")).await.is_none());
        assert!(serve(&Uri::from_static("/"), &HeaderMap::new()).await.is_none());
    }
}
