//! Who may send what from where, and what browsers are told to forbid.

use super::api::{problem::Problem, reason::Reason};
use crate::config::Config;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tower_http::csrf::{CsrfLayer, ProtectionError};

/// Refuses requests that change something and come from another site's page (by `Sec-Fetch-Site` and `Origin`).
/// Programs without a browser send neither, and pass. Origins that may open a WebSocket are other sites here.
pub fn csrf(config: &Config) -> CsrfLayer<fn(ProtectionError) -> Response> {
    let layer = config.public_url.iter().fold(CsrfLayer::new(), |layer, origin| {
        // The configuration was checked: an origin it holds is one.
        layer.clone().add_trusted_origin(origin.to_string()).unwrap_or(layer)
    });
    layer.with_rejection_response(cross_site)
}

fn cross_site(_: ProtectionError) -> Response {
    Problem::new(Reason::CrossSite, "This was sent by a page of another site, which is not allowed.").into_response()
}

/// Whether the page that opens a WebSocket is ours. Browsers always send `Origin` there and cookies with it, and no
/// CSRF layer looks at a GET, so this check is what keeps other sites from speaking for a user. Programs
/// without a browser send no origin, and carry a cookie or token only if they were given one.
#[must_use]
pub fn origin_is_ours(config: &Config, headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let mut known = config.public_url.iter().chain(&config.allowed_origins);
    if known.any(|ours| ours.is(origin)) {
        return true;
    }
    // Without a fixed public address the site is whatever host the browser asked for.
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let named = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    config.public_url.is_none() && named.is_some() && named == host
}

/// Middleware: headers that every response has, unless its handler has set its own. Browsers that came over `https`
/// never come without it again.
pub async fn headers(State(https): State<bool>, request: Request, next: Next) -> Response {
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD);
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut default = |name: header::HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    if https {
        default(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    default(header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'; base-uri 'none'");
    default(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    default(header::REFERRER_POLICY, "same-origin");
    default(header::X_FRAME_OPTIONS, "DENY");
    default(header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    default(header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    default(
        header::HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    );
    // Pages and answers differ by who asks; files of the site set their own.
    default(header::CACHE_CONTROL, if is_safe { "no-store, private" } else { "no-store" });
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Options;

    fn allowed(url: Option<&str>, origin: &str) -> bool {
        let options = Options { public_url: url.map(str::to_owned), ..Options::default() };
        let config = Config::try_from(options).expect("a configuration");
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("chat.example.org:3000"));
        headers.insert(header::ORIGIN, HeaderValue::from_str(origin).expect("a header"));
        origin_is_ours(&config, &headers)
    }

    #[test]
    fn with_a_public_address_just_that_origin_is_ours() {
        let url = Some("https://chat.example.org");
        assert!(allowed(url, "https://chat.example.org"));
        for other in ["http://chat.example.org", "https://chat.example.org:3000", "https://evil.example", "null"] {
            assert!(!allowed(url, other), "{other}");
        }
    }

    #[test]
    fn without_one_the_host_that_was_asked_for_is_ours() {
        assert!(allowed(None, "http://chat.example.org:3000"));
        for other in ["http://chat.example.org", "http://chat.example.org:3000.evil.example", "null", "file://"] {
            assert!(!allowed(None, other), "{other}");
        }
    }
}
