//! What the administrators' page shows, and what can be done there.

use super::state::AppState;
use crate::auth::accounts::refusal;
use crate::node::questions::{Answer, Question};
use crate::node::status::Status;
use crate::store::AccountRow;
use trunkline_app::backend::admin::{AccountInfo, Admin, BusInfo, NodeInfo, NodeStatus, StoreInfo};
use trunkline_app::backend::{Refusal, Viewer};
use trunkline_protocol::{ErrorCode, NodeId, UserId, limits};

/// Accounts that are shown at once.
const ACCOUNTS: u32 = 50;

/// The page, for administrators.
///
/// # Errors
/// [`ErrorCode::Forbidden`] for anybody else.
pub(super) async fn load(state: &AppState, viewer: &Viewer, query: &str) -> Result<Admin, Refusal> {
    require(viewer)?;
    let node = &state.node;
    let query: String = query.trim().chars().take(limits::NAME_CHARS).collect();
    let now = crate::clock::now();
    let mut rows = node.store.accounts(&query, ACCOUNTS + 1, now).await.map_err(refusal)?;
    let more = rows.len() > ACCOUNTS as usize;
    rows.truncate(ACCOUNTS as usize);
    let ids: Vec<UserId> = rows.iter().map(|row| row.user.id).collect();
    let (answers, presences) = tokio::join!(node.ask_all(Question::Status {}), node.presence(&ids));
    let info = |(row, online): (AccountRow, bool)| AccountInfo {
        user: row.user,
        admin: row.admin,
        disabled: row.disabled,
        created: row.created,
        online,
        last_seen: row.last_seen,
        sessions: row.sessions,
    };
    let here = node.id();
    let mut nodes: Vec<_> = answers.nodes.into_iter().map(|(id, answer)| node_info(id, answer)).collect();
    // The longest there first: a list that stays as it is while one looks at it.
    nodes.sort_by_key(|node| (node.status.as_ref().map(|status| status.started), node.id));
    Ok(Admin {
        viewer: viewer.user.clone(),
        here,
        at: now,
        nodes,
        incomplete: answers.incomplete,
        bus: bus_info(state),
        store: store_info(state).await,
        query,
        accounts: rows.into_iter().zip(presences.into_iter().map(|presence| presence.online)).map(info).collect(),
        more,
    })
}

/// Disables an account, or enables it again. Its connections are closed on every node.
///
/// # Errors
/// [`ErrorCode::Forbidden`] for who is no administrator, and for one's own account.
pub(super) async fn set_disabled(
    state: &AppState,
    viewer: &Viewer,
    user: UserId,
    disabled: bool,
) -> Result<(), Refusal> {
    require(viewer)?;
    if user == viewer.user.id {
        // The only administrator could lock everybody out.
        return Err(Refusal::new(ErrorCode::Forbidden, "You cannot disable your own account."));
    }
    let ended = state.node.store.set_disabled(user, disabled, crate::clock::now()).await.map_err(refusal)?;
    state.node.ended(&ended);
    tracing::info!(user.id = %user, by.id = %viewer.user.id, disabled, "an account was disabled or enabled");
    Ok(())
}

/// Ends all sessions of somebody. Their connections are closed on every node; access tokens go on.
///
/// # Errors
/// [`ErrorCode::Forbidden`] for who is no administrator.
pub(super) async fn end_sessions(state: &AppState, viewer: &Viewer, user: UserId) -> Result<(), Refusal> {
    require(viewer)?;
    // One's own goes on: who looks at the page wants to see that it was done.
    let keep = (user == viewer.user.id).then_some(viewer.session);
    let ended = state.node.store.end_sessions(user, keep, crate::clock::now()).await.map_err(refusal)?;
    state.node.ended(&ended);
    tracing::info!(user.id = %user, by.id = %viewer.user.id, sessions = ended.len(), "sessions were ended");
    Ok(())
}

fn require(viewer: &Viewer) -> Result<(), Refusal> {
    if viewer.admin { Ok(()) } else { Err(Refusal::new(ErrorCode::Forbidden, "Only administrators may do this.")) }
}

fn node_info(id: NodeId, answer: Option<Answer>) -> NodeInfo {
    let status = match answer {
        Some(Answer::Status(status)) => Some(node_status(status)),
        _ => None,
    };
    NodeInfo { id, status }
}

fn node_status(status: Status) -> NodeStatus {
    let troubles = [
        (!status.store_up, "can not read the store"),
        (!status.store_writable, "can not write to the store"),
        (!status.bus_up, "cut off from other nodes"),
        (!status.lease_up, "lease not renewed"),
        (status.draining, "stopping"),
    ];
    NodeStatus {
        version: status.version,
        started: status.started,
        connections: status.connections,
        users: status.users,
        queued: status.queued,
        troubles: troubles.into_iter().filter_map(|(is_so, trouble)| is_so.then_some(trouble)).collect(),
        position: status.position,
        canary: status.canary,
    }
}

fn bus_info(state: &AppState) -> BusInfo {
    let metrics = &state.node.metrics;
    BusInfo {
        address: state.config.bus.to_string(),
        routing: format!("{:?}", state.config.routing).to_lowercase(),
        up: !*state.node.degraded().borrow(),
        dropped: metrics.bus_dropped.get(),
        holes_filled: metrics.holes_filled.get(),
    }
}

async fn store_info(state: &AppState) -> StoreInfo {
    let store = &state.node.store;
    let followed = store.follow(None).await.ok();
    let engine = if store.kind() == "postgres" { "PostgreSQL" } else { "SQLite" };
    StoreInfo {
        address: format!("{engine}: {}", state.config.database),
        durability: state.node.store.durability().as_str().to_owned(),
        epoch: followed.as_ref().map(|followed| followed.epoch),
        position: followed.as_ref().map(|followed| followed.position),
        writable: *store.writable().borrow(),
        stored: state.node.metrics.appended.get(),
    }
}
