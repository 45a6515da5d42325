//! The rendered pages, and the server functions behind their forms.

use super::assets;
use super::backend::PageBackend;
use super::state::AppState;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing};
use leptos::prelude::provide_context;
use leptos_axum::{LeptosRoutes, generate_route_list};
use std::sync::Arc;
use trunkline_app::backend::service::SharedBackend;
use trunkline_app::{App, shell};

/// The routes of all pages, `/api/fn/…` for their forms, and the site's files.
pub fn router(state: &AppState) -> Router {
    let backend: SharedBackend = Arc::new(PageBackend::new(state.clone()));
    let context = move || provide_context(backend.clone());
    let (options, functions) = (state.leptos.clone(), context.clone());
    let functions = move |request: Request| leptos_axum::handle_server_fns_with_context(functions.clone(), request);
    let pages = Router::new().leptos_routes_with_context(&options, generate_route_list(App), context.clone(), {
        let options = options.clone();
        move || shell(options.clone())
    });
    pages
        .route("/api/fn/{*function}", routing::post(functions))
        .fallback(move |state: State<leptos::config::LeptosOptions>, request: Request| {
            file_or_not_found(state, context.clone(), request)
        })
        .with_state(options)
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
