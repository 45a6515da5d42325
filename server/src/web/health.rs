//! For load balancers, operators and Prometheus.

use super::state::AppState;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use std::time::Duration;

/// How long the store may take to answer before the node counts as not ready.
const STORE_WITHIN: Duration = Duration::from_secs(2);

/// The routes.
pub fn router(state: AppState) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(state)
}

/// What `/readyz` says. Only `ready` decides the status: a node whose bus is down serves, and more slowly.
#[derive(Serialize)]
struct Readiness {
    /// Send clients here.
    ready: bool,
    /// This incarnation.
    node: String,
    /// `up`, or `down` when it can not be read or the last write failed.
    store: &'static str,
    /// `sqlite` or `postgres`.
    store_kind: &'static str,
    /// `fsync` or `os`: what an acknowledgement is worth.
    durability: &'static str,
    /// `up` or `down`.
    bus: &'static str,
    /// `memory` or `redis`.
    bus_kind: &'static str,
    /// Whether the node is stopping.
    draining: bool,
}

async fn ready(State(state): State<AppState>) -> impl IntoResponse {
    let epoch = tokio::time::timeout(STORE_WITHIN, state.node.store.epoch()).await;
    let store_up = matches!(epoch, Ok(Ok(_))) && *state.node.store.writable().borrow();
    let draining = *state.node.draining().borrow();
    let ready = store_up && !draining;
    let readiness = Readiness {
        ready,
        node: state.node.id().to_string(),
        store: up(store_up),
        store_kind: state.node.store.kind(),
        durability: state.node.store.durability().as_str(),
        bus: up(!*state.node.degraded().borrow()),
        bus_kind: state.node.bus_kind(),
        draining,
    };
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(readiness))
}

const fn up(is_up: bool) -> &'static str {
    if is_up { "up" } else { "down" }
}

async fn metrics(State(state): State<AppState>) -> impl IntoResponse {
    state.node.measure();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], state.node.metrics.render())
}
