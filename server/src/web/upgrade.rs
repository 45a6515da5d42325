//! `/ws`: the WebSocket upgrade. A plain axum route, because Leptos' own WebSockets check no origin and drop
//! messages of a slow handler.

use super::security::origin_is_ours;
use super::session::identity;
use super::state::AppState;
use crate::connection::socket;
use axum::Router;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use trunkline_protocol::{CloseCode, SUBPROTOCOL, limits};

/// Read buffer of a connection, in bytes. axum's default of 128 KiB is most of what an idle connection costs.
const READ_BUFFER: usize = 2 * 1024;
/// Bytes gathered before they go to the operating system. There is no bound beyond: a frame above it could never be
/// written, and the connection's task hands over no more than a portion and waits until it is gone.
const WRITE_BUFFER: usize = 16 * 1024;

/// The route.
pub fn router(state: AppState) -> Router {
    Router::new().route("/ws", get(upgrade)).with_state(state)
}

async fn upgrade(State(state): State<AppState>, headers: HeaderMap, upgrade: WebSocketUpgrade) -> Response {
    if !origin_is_ours(&state.config, &headers) {
        return (StatusCode::FORBIDDEN, "This page is not allowed to connect here.\n").into_response();
    }
    let upgrade = upgrade
        .protocols([SUBPROTOCOL])
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_message_size(limits::FRAME_BYTES)
        .max_frame_size(limits::FRAME_BYTES);
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
        Ok(None) => upgrade.on_upgrade(|socket| refuse(socket, CloseCode::SessionEnded)),
        Err(error) => {
            tracing::error!(error = %error, "could not find out who connects");
            upgrade.on_upgrade(|socket| refuse(socket, CloseCode::Unavailable))
        }
    }
}

async fn refuse(mut socket: WebSocket, code: CloseCode) {
    let reason = Utf8Bytes::from_static(code.reason());
    // Who is gone already need not be told.
    let _ = socket.send(Message::Close(Some(CloseFrame { code: code.as_u16(), reason }))).await;
}
