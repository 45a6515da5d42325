//! Everything over HTTP: pages, API, the WebSocket upgrade, health and metrics.
//!
//! # Layout
//!
//! - [`serve`]: taking connections in, within bounds that a peer can not stretch; [`stream`] of it
//! - [`state`]: what handlers share
//! - [`session`]: who sent a request; [`request_id`]: by which its log lines are found
//! - [`security`]: origin check, CSRF, headers
//! - [`upgrade`]: the route `/ws`
//! - [`pages`]: the rendered pages, and [`backend`]: what they need of the server; [`delivery`] and [`admin`] of it
//! - [`search`]: searching, for pages and API
//! - [`passage`]: parts of a conversation, for pages
//! - [`api`]: the JSON API and its OpenAPI document
//! - [`health`]: `/healthz`, `/readyz`, `/metrics`
//! - [`assets`]: the built site's files

pub mod admin;
pub mod api;
pub mod assets;
pub mod backend;
pub mod delivery;
pub mod device;
pub mod health;
pub mod pages;
pub mod passage;
pub mod request_id;
pub mod search;
pub mod security;
pub mod serve;
pub mod session;
pub mod state;
pub mod stream;
pub mod upgrade;

use crate::config::Origin;
use api::problem::Problem;
use api::reason::Reason;
use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use state::AppState;
use std::time::Duration;
use tower_http::catch_panic::CatchPanicLayer;
use trunkline_protocol::limits;

/// How long a request may take to its answer: the largest body over the slowest line, and all that a store may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
const TOO_SLOW: &str = "The request did not come to its end in time.";

/// The whole site. The order of layers: every response has the security headers, a panic becomes a 500, a forged
/// request gets nowhere, and then it is found out who asks.
pub fn router(state: AppState) -> Router {
    let csrf = security::csrf(&state.config);
    let https = state.config.public_url.as_ref().is_some_and(Origin::is_https);
    let router = Router::new()
        .merge(api::router(&state))
        .merge(pages::router(&state))
        .layer(axum::extract::DefaultBodyLimit::max(limits::FRAME_BYTES))
        .layer(from_fn(in_time))
        .layer(from_fn_with_state(state.clone(), session::identify))
        .layer(csrf)
        .merge(upgrade::router(state.clone()))
        .merge(health::router(state));
    shield(router, https)
}

/// Middleware: answers in time, whether the rest of the request has come by then or not.
async fn in_time(request: Request, next: Next) -> Response {
    let is_api = request.uri().path().starts_with(api::PREFIX);
    match tokio::time::timeout(ANSWER_WITHIN, next.run(request)).await {
        Ok(answer) => answer,
        Err(_) if is_api => Problem::new(Reason::TooSlow, TOO_SLOW).into_response(),
        Err(_) => (StatusCode::REQUEST_TIMEOUT, TOO_SLOW).into_response(),
    }
}

/// What holds for every response, that to a panic included.
fn shield(router: Router, https: bool) -> Router {
    router
        .layer(CatchPanicLayer::new())
        .layer(from_fn_with_state(https, security::headers))
        .layer(from_fn(request_id::identify))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, Bytes};
    use axum::http::header;
    use tower::ServiceExt;

    #[tokio::test]
    async fn a_panic_has_the_headers_of_every_response() {
        async fn broken() -> &'static str {
            panic!("broken");
        }
        for https in [false, true] {
            let router = shield(Router::new().route("/", axum::routing::get(broken)), https);
            let response = router.oneshot(Request::new(Body::empty())).await.expect("an answer");
            assert_eq!(response.status(), 500);
            assert!(response.headers().contains_key(header::CONTENT_SECURITY_POLICY));
            assert!(response.headers().contains_key(request_id::HEADER));
            assert_eq!(response.headers().contains_key(header::STRICT_TRANSPORT_SECURITY), https);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_ends_is_not_waited_for() {
        async fn take(_: Bytes) -> &'static str {
            "taken"
        }
        let route = axum::routing::post(take);
        let router = Router::new().route("/", route.clone()).route("/api/v1/x", route).layer(from_fn(in_time));
        for (path, kind) in [("/", "text/plain; charset=utf-8"), ("/api/v1/x", api::problem::CONTENT_TYPE)] {
            let never = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
            let request = Request::post(path).body(never).expect("a request");
            let response = router.clone().oneshot(request).await.expect("an answer");
            assert_eq!(response.status(), 408);
            assert_eq!(response.headers()[header::CONTENT_TYPE], kind);
        }
    }
}
