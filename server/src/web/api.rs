//! The JSON API.

use super::state::AppState;
use axum::Router;

/// The routes under `/api/v1`.
pub fn router(_state: &AppState) -> Router {
    Router::new()
}

/// The OpenAPI document, as JSON.
#[must_use]
pub fn document() -> String {
    String::new()
}
