//! The rendered pages, and the server functions behind their forms.

use super::api::problem::Problem;
use super::api::reason::Reason;
use super::assets;
use super::backend::PageBackend;
use super::state::AppState;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing};
use leptos::prelude::provide_context;
use leptos::server_fn::error::SERVER_FN_ERROR_HEADER;
use leptos_axum::{LeptosRoutes, generate_route_list};
use std::sync::Arc;
use trunkline_app::backend::service::SharedBackend;
use trunkline_app::shell::{App, shell};
use trunkline_protocol::{ErrorCode, limits};

/// Where all functions are.
const FUNCTIONS: &str = "/api/fn/";

/// The routes of all pages, `/api/fn/…` for their forms, and the site's files.
pub fn router(state: &AppState) -> Router {
    let backend: SharedBackend = Arc::new(PageBackend::new(state.clone()));
    let context = move || provide_context(backend.clone());
    let options = state.leptos.clone();
    let pages = Router::new().leptos_routes_with_context(&options, generate_route_list(App), context.clone(), {
        let options = options.clone();
        move || shell(options.clone())
    });
    pages
        .route(&format!("{FUNCTIONS}{{*function}}"), routing::any(unknown_function))
        .fallback(move |state: State<leptos::config::LeptosOptions>, request: Request| {
            file_or_not_found(state, context.clone(), request)
        })
        .layer(from_fn(function))
        .with_state(options)
}

async fn unknown_function() -> Problem {
    Problem::new(Reason::NotFound, "There is no such function.")
}

/// Middleware around what pages ask and the forms they send: Leptos would read a body of any size, and would answer
/// every error with the same status.
async fn function(request: Request, next: Next) -> Response {
    if !request.uri().path().starts_with(FUNCTIONS) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let body = match Bytes::from_request(Request::from_parts(parts.clone(), body), &()).await {
        Ok(body) => body,
        Err(rejection) => return Problem::from(rejection).into_response(),
    };
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    if response.headers().contains_key(SERVER_FN_ERROR_HEADER) { refused(response).await } else { response }
}

/// Leptos answers an error with 500, or for a form with a redirection that carries the error in its address, where
/// anybody could write one. The refusal itself has a status.
async fn refused(response: Response) -> Response {
    #[derive(serde::Deserialize)]
    struct Coded {
        code: ErrorCode,
    }

    let (mut parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, limits::FRAME_BYTES).await.unwrap_or_default();
    parts.headers.remove(header::LOCATION);
    parts.status = match serde_json::from_slice::<Coded>(&body) {
        Ok(refusal) => Reason::from(refusal.code).describe().0,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Response::from_parts(parts, Body::from(body))
}

/// A file of the built site, or the page that says that there is nothing.
async fn file_or_not_found(
    State(options): State<leptos::config::LeptosOptions>,
    context: impl Fn() + Clone + Send + Sync + 'static,
    request: Request,
) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    if let Some(file) = assets::serve(request.uri(), request.headers()).await {
        return file;
    }
    let render = leptos_axum::render_app_to_stream_with_context(context, move || shell(options.clone()));
    let mut response = render(request).await;
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}
