//! Gives each request an id, by which its log lines are found: the one that a proxy or program has given it
//! (`X-Request-Id`), or a new one. The answer says which.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tokio::time::Instant;
use tracing::{Instrument, field};
use uuid::Uuid;

/// The header, both ways.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// Longer ones are not ids.
const LONGEST: usize = 128;

/// Middleware: runs the request in a span with its id. Its address is logged without the query, which may hold an
/// invite's secret.
pub async fn identify(request: Request, next: Next) -> Response {
    let id = given(request.headers()).unwrap_or_else(random);
    let span = tracing::info_span!(
        "request",
        request.id = id.to_str().unwrap_or_default(),
        http.method = %request.method(),
        http.path = request.uri().path(),
        http.status = field::Empty,
        message.id = field::Empty,
        message.key = field::Empty,
    );
    let begun = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    span.record("http.status", response.status().as_u16());
    let took = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
    span.in_scope(|| tracing::debug!(http.took_us = took, "answered a request"));
    response.headers_mut().insert(HEADER, id);
    response
}

/// The id that came with a request, if it is one: it goes into logs, so it has to be plain.
fn given(headers: &HeaderMap) -> Option<HeaderValue> {
    let id = headers.get(HEADER)?;
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(byte);
    let fits = (1..=LONGEST).contains(&id.len()) && id.as_bytes().iter().all(is_plain);
    fits.then(|| id.clone())
}

fn random() -> HeaderValue {
    let id = Uuid::new_v4().to_string();
    // Hexadecimal digits and dashes are fit for a header.
    HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_is_plain_is_kept_and_no_other() {
        let kept = |id: &str| {
            let headers = HeaderMap::from_iter([(HEADER, HeaderValue::from_str(id).expect("a header"))]);
            given(&headers).is_some()
        };
        assert!(kept("a") && kept("7b9a-4f:2/x_y.z=+") && kept(&"x".repeat(LONGEST)));
        for other in ["", "two words", "quote\"", "{}", "ü", &"x".repeat(LONGEST + 1)] {
            assert!(!kept(other), "{other:?}");
        }
        assert_ne!(random(), random());
    }
}
