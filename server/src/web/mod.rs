//! Everything over HTTP: pages, API, the WebSocket upgrade, health and metrics.
//!
//! # Layout
//!
//! - [`state`]: what handlers share
//! - [`session`]: who sent a request
//! - [`security`]: origin check, CSRF, headers
//! - [`upgrade`]: the route `/ws`
//! - [`pages`]: the rendered pages, and [`backend`]: what they need of the server
//! - [`api`]: the JSON API and its OpenAPI document
//! - [`health`]: `/healthz`, `/readyz`, `/metrics`
//! - [`assets`]: the built site's files

pub mod api;
pub mod assets;
pub mod backend;
pub mod device;
pub mod health;
pub mod pages;
pub mod security;
pub mod session;
pub mod state;
pub mod upgrade;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use state::AppState;
use tower_http::catch_panic::CatchPanicLayer;
use trunkline_protocol::limits;

/// The whole site. The order of layers: a panic becomes a 500, every response has the security headers, a forged
/// request gets nowhere, and then it is found out who asks.
pub fn router(state: AppState) -> Router {
    let csrf = security::csrf(&state.config);
    Router::new()
        .merge(api::router(&state))
        .merge(pages::router(&state))
        .layer(axum::extract::DefaultBodyLimit::max(limits::FRAME_BYTES))
        .layer(from_fn_with_state(state.clone(), session::identify))
        .layer(csrf)
        .merge(upgrade::router(state.clone()))
        .merge(health::router(state))
        .layer(from_fn(security::headers))
        .layer(CatchPanicLayer::new())
}
