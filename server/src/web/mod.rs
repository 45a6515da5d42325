//! Everything over HTTP: pages, API, the WebSocket upgrade, health and metrics.
//!
//! # Layout
//!
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
pub mod session;
pub mod state;
pub mod upgrade;

use crate::config::Origin;
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use state::AppState;
use tower_http::catch_panic::CatchPanicLayer;
use trunkline_protocol::limits;

/// The whole site. The order of layers: every response has the security headers, a panic becomes a 500, a forged
/// request gets nowhere, and then it is found out who asks.
pub fn router(state: AppState) -> Router {
    let csrf = security::csrf(&state.config);
    let https = state.config.public_url.as_ref().is_some_and(Origin::is_https);
    let router = Router::new()
        .merge(api::router(&state))
        .merge(pages::router(&state))
        .layer(axum::extract::DefaultBodyLimit::max(limits::FRAME_BYTES))
        .layer(from_fn_with_state(state.clone(), session::identify))
        .layer(csrf)
        .merge(upgrade::router(state.clone()))
        .merge(health::router(state));
    shield(router, https)
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
    use axum::body::Body;
    use axum::http::{Request, header};
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
}
