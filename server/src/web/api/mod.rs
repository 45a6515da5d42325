//! The JSON API: the routes under `/api/v1`, and the OpenAPI document that is made from them.
//!
//! # Layout
//!
//! - `messages`: sending
//! - `delivery`: which way a message took
//! - `unread`: pulling what was not read, and moving the cursors
//! - `search`: finding what was said
//! - `conversations`, `groups`: conversations, their logs and their members
//! - `people`: the directory, presence, and who calls
//! - [`types`]: what is sent and answered
//! - [`problem`] and [`reason`]: what is answered when something is refused, and with which code and status
//! - `document`: what the document says besides the routes
//! - `extract`, `names`: what handlers share
//!
//! A route and its description are one: a handler that is not described can not be reached.

mod conversations;
mod delivery;
mod document;
mod extract;
mod groups;
mod messages;
mod names;
mod people;
pub mod problem;
pub mod reason;
mod search;
pub mod types;
mod unread;

use super::state::AppState;
use axum::Router;
use axum::extract::Request;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use problem::Problem;
use reason::Reason;
use std::any::Any;
use std::sync::LazyLock;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Where all routes are.
pub const PREFIX: &str = "/api/v1";

static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    let document = document::Document::openapi().nest(PREFIX, routes().into_openapi());
    // Strings, numbers and lists: there is nothing in the document that JSON can not say.
    document.to_pretty_json().unwrap_or_default()
});

/// The routes under `/api/v1`. Whatever is refused below it is a [`Problem`], also an unknown path or method and a
/// handler's panic.
pub fn router(state: &AppState) -> Router {
    let (routes, _) = routes().split_for_parts();
    let routes = routes
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(CatchPanicLayer::custom(panicked))
        .with_state(state.clone());
    // A nested router answers below the prefix, and not for the bare slash behind it.
    Router::new().nest(PREFIX, routes).route(&format!("{PREFIX}/"), axum::routing::any(not_found))
}

/// The OpenAPI document, as JSON.
#[must_use]
pub fn document() -> String {
    DOCUMENT.clone()
}

fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(messages::send))
        .routes(routes!(unread::pull))
        .routes(routes!(unread::move_cursor))
        .routes(routes!(conversations::changes))
        .routes(routes!(delivery::get))
        .routes(routes!(search::search))
        .routes(routes!(conversations::list))
        .routes(routes!(conversations::get, groups::amend))
        .routes(routes!(conversations::direct))
        .routes(routes!(conversations::group))
        .routes(routes!(groups::add))
        .routes(routes!(groups::remove))
        .routes(routes!(people::users))
        .routes(routes!(people::presence))
        .routes(routes!(people::me))
        .routes(routes!(openapi))
}

/// Get this document
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "get_document",
    tag = "Document",
    security(()),
    responses((status = 200, description = "OpenAPI, as JSON.", body = Object))
)]
async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.as_str())
}

async fn not_found(request: Request) -> Problem {
    let path = request.uri().path();
    let path: String = path.strip_prefix(PREFIX).unwrap_or(path).chars().take(100).collect();
    Problem::new(Reason::NotFound, format!("There is no {PREFIX}{path}; see {PREFIX}/openapi.json."))
}

async fn method_not_allowed(request: Request) -> Problem {
    Problem::new(Reason::MethodNotAllowed, format!("This route has no {}.", request.method()))
}

fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no text");
    tracing::error!(panic = text, "a handler of the API panicked");
    Problem::new(Reason::Internal, "Something is wrong with this server; it was logged.").into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tower::ServiceExt;

    #[tokio::test]
    async fn a_panic_is_answered_like_every_other_problem() {
        async fn broken() -> &'static str {
            panic!("broken");
        }
        let layer = CatchPanicLayer::custom(panicked);
        let router: Router = Router::new().route("/", axum::routing::get(broken)).layer(layer);
        let response = router.oneshot(Request::new(axum::body::Body::empty())).await.expect("an answer");
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers()[header::CONTENT_TYPE], problem::CONTENT_TYPE);
    }

    #[test]
    fn every_code_stands_in_the_document() {
        let document: serde_json::Value = serde_json::from_str(&document()).expect("JSON");
        let codes = &document["components"]["schemas"]["Code"];
        let (listed, described) = (codes["enum"].to_string(), codes["description"].to_string());
        for reason in Reason::ALL {
            let (status, title) = reason.describe();
            assert!(listed.contains(&format!("\"{}\"", reason.as_str())), "{}", reason.as_str());
            assert!(described.contains(&format!("`{}` ({}): {title}", reason.as_str(), status.as_u16())));
        }
    }
}
