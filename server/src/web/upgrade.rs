//! `/ws`: the WebSocket upgrade. A plain axum route, because Leptos' own WebSockets check no origin and drop
//! messages of a slow handler.

use super::security::origin_is_ours;
use super::session::identity;
use super::state::AppState;
use crate::connection::{socket, wire};
use axum::Router;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use trunkline_protocol::{CloseCode, SUBPROTOCOL, limits};

/// The route.
pub fn router(state: AppState) -> Router {
    Router::new().route("/ws", get(upgrade)).with_state(state)
}

async fn upgrade(State(state): State<AppState>, headers: HeaderMap, upgrade: WebSocketUpgrade) -> Response {
    if !origin_is_ours(&state.config, &headers) {
        return (StatusCode::FORBIDDEN, "This page is not allowed to connect here.\n").into_response();
    }
    let upgrade = wire::settings(upgrade, limits::FRAME_BYTES).protocols([SUBPROTOCOL]);
    if upgrade.selected_protocol().is_none() {
        let sentence = format!("Name the subprotocol {SUBPROTOCOL} to connect here.\n");
        return (StatusCode::BAD_REQUEST, sentence).into_response();
    }
    if *state.node.draining().borrow() {
        let sentence = "This node is stopping; another one serves.\n";
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")], sentence).into_response();
    }
    match identity(&state, &headers).await {
        Ok(Some(identity)) => {
            let node = state.node.clone();
            upgrade.on_upgrade(move |socket| socket::serve(socket, identity, node))
        }
        // A browser's script can not read the status of a refused upgrade, but it can read a close code.
        Ok(None) => upgrade.on_upgrade(|socket| wire::close(socket, CloseCode::SessionEnded.into())),
        Err(error) => {
            tracing::error!(error = %error, "could not find out who connects");
            upgrade.on_upgrade(|socket| wire::close(socket, CloseCode::Unavailable.into()))
        }
    }
}
