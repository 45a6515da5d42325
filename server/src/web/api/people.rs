//! Who there is, who is here, and who calls.

use super::document::refusals;
use super::extract::{Authenticated, Query};
use super::names;
use super::problem::Problem;
use super::types::{Credential, Me, Names, Presence, Presences, Search, Users};
use crate::store;
use crate::web::state::AppState;
use axum::extract::State;
use trunkline_protocol::limits;

/// People in one answer of the directory.
const DIRECTORY: u32 = 50;
/// Names in one question.
const NAMES: usize = 100;

refusals! {
    MeRefused: ;
    SearchRefused: Invalid;
    PresenceRefused: Invalid UnknownUser;
}

/// Say who calls
#[utoipa::path(
    get,
    path = "/me",
    operation_id = "get_me",
    tag = "People",
    responses((status = 200, description = "The caller.", body = Me), MeRefused)
)]
pub(super) async fn me(Authenticated(identity): Authenticated) -> axum::Json<Me> {
    let credential = match identity.credential {
        store::Credential::Session(_) => Credential::Session,
        store::Credential::Token(_) => Credential::Token,
    };
    axum::Json(Me { user: identity.user.into(), admin: identity.admin, credential })
}

/// Look for people
#[utoipa::path(
    get,
    path = "/users",
    operation_id = "find_users",
    tag = "People",
    params(Search),
    responses((status = 200, description = "Who was found.", body = Users), SearchRefused)
)]
pub(super) async fn users(
    State(state): State<AppState>,
    _caller: Authenticated,
    Query(search): Query<Search>,
) -> Result<axum::Json<Users>, Problem> {
    let query: String = search.query.trim().chars().take(limits::NAME_CHARS).collect();
    let users = state.node.store.directory(&query, DIRECTORY).await?;
    Ok(axum::Json(Users { users: users.into_iter().map(Into::into).collect() }))
}

/// Say who is here
///
/// A user is online while they have a live connection to any node. A node that dies takes its connections' users
/// with it within seconds.
#[utoipa::path(
    get,
    path = "/presence",
    operation_id = "get_presence",
    tag = "People",
    params(Names),
    responses((status = 200, description = "Each of them, in the order asked.", body = Presences), PresenceRefused)
)]
pub(super) async fn presence(
    State(state): State<AppState>,
    _caller: Authenticated,
    Query(asked): Query<Names>,
) -> Result<axum::Json<Presences>, Problem> {
    let asked: Vec<_> = asked.names.split(',').filter(|name| !name.trim().is_empty()).collect();
    if asked.is_empty() || asked.len() > NAMES {
        return Err(Problem::invalid(format!("Give 1 to {NAMES} login names with commas between them.")));
    }
    let mut users = Vec::with_capacity(asked.len());
    for name in asked {
        users.push(names::user(&state, name).await?);
    }
    let ids: Vec<_> = users.iter().map(|user| user.id).collect();
    let states = state.node.presence(&ids).await;
    let presence = users.into_iter().zip(states).map(|(user, state)| Presence {
        user: user.into(),
        online: state.online,
        last_seen: state.last_seen,
    });
    Ok(axum::Json(Presences { presence: presence.collect() }))
}
