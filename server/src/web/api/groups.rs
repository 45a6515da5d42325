//! Changing groups: who is in them, what they are called, whose they are.

use super::conversations::as_seen;
use super::document::refusals;
use super::extract::{Authenticated, Json, Path};
use super::names;
use super::problem::Problem;
use super::types::{AddMembers, AmendGroup, Conversation};
use crate::auth::accounts::shown_name;
use crate::store::Amendment;
use crate::web::state::AppState;
use axum::extract::State;
use axum::http::StatusCode;
use trunkline_protocol::{ConversationId, ErrorCode, UserId};

refusals! {
    AmendRefused: BadFrame Invalid UnknownConversation NotAMember Forbidden UnknownUser RateLimited TooLarge TooSlow
        UnsupportedMediaType CrossSite;
    RemoveRefused: Invalid UnknownConversation NotAMember Forbidden UnknownUser RateLimited CrossSite;
}

/// Counts a new conversation or a change to one against the caller's rate.
pub(super) fn admitted(state: &AppState, caller: UserId) -> Result<(), Problem> {
    state.node.admit_amendment(caller).map_err(|wait| {
        Problem::new(ErrorCode::RateLimited, "You are changing conversations faster than this server takes.")
            .after(wait)
    })
}

/// Add people to a group
///
/// Any member may. Newcomers see what is said from then on.
#[utoipa::path(
    post,
    path = "/conversations/{id}/members",
    operation_id = "add_members",
    tag = "Conversations",
    params(("id" = u64, Path, description = "The group's id.", example = 12)),
    responses((status = 200, description = "The group with them.", body = Conversation), AmendRefused)
)]
pub(super) async fn add(
    State(state): State<AppState>,
    caller: Authenticated,
    Path(id): Path<u64>,
    Json(request): Json<AddMembers>,
) -> Result<axum::Json<Conversation>, Problem> {
    let conversation = ConversationId(id);
    admitted(&state, caller.id())?;
    let members = names::members(&state, &request.add).await?;
    state.node.amend(caller.id(), conversation, Amendment::AddMembers(members)).await?;
    as_seen(&state, caller.id(), conversation).await
}

/// Remove somebody from a group, or leave it
///
/// The owner may remove anybody, and everybody may remove themselves. When the owner leaves, the longest standing
/// other member owns the group. Removing somebody who is not in it changes nothing.
#[utoipa::path(
    delete,
    path = "/conversations/{id}/members/{name}",
    operation_id = "remove_member",
    tag = "Conversations",
    params(
        ("id" = u64, Path, description = "The group's id.", example = 12),
        ("name" = String, Path, description = "The login name of who goes.", example = "ben"),
    ),
    responses((status = 204, description = "They are not in it any more."), RemoveRefused)
)]
pub(super) async fn remove(
    State(state): State<AppState>,
    caller: Authenticated,
    Path((id, name)): Path<(u64, String)>,
) -> Result<StatusCode, Problem> {
    admitted(&state, caller.id())?;
    let member = names::user(&state, &name).await?.id;
    state.node.amend(caller.id(), ConversationId(id), Amendment::RemoveMember(member)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Of a request that asks for no change.
const NOTHING_ASKED: &str = "Give `name`, `owner` or both.";

/// Rename a group, or hand it to another member
///
/// The owner may.
#[utoipa::path(
    patch,
    path = "/conversations/{id}",
    operation_id = "amend_group",
    tag = "Conversations",
    params(("id" = u64, Path, description = "The group's id.", example = 12)),
    responses((status = 200, description = "The group as it is now.", body = Conversation), AmendRefused)
)]
pub(super) async fn amend(
    State(state): State<AppState>,
    caller: Authenticated,
    Path(id): Path<u64>,
    Json(request): Json<AmendGroup>,
) -> Result<axum::Json<Conversation>, Problem> {
    let conversation = ConversationId(id);
    if request.name.is_none() && request.owner.is_none() {
        return Err(Problem::invalid(NOTHING_ASKED));
    }
    admitted(&state, caller.id())?;
    let name = request.name.as_deref().map(shown_name).transpose()?;
    let owner = match &request.owner {
        Some(owner) => {
            let group = state.node.store.conversation(caller.id(), conversation).await?;
            let owner = names::user(&state, owner).await?;
            if group.member(owner.id).is_none() {
                let detail = "A group can be handed to one of its members only.";
                return Err(Problem::new(ErrorCode::UnknownUser, detail));
            }
            Some(owner.id)
        }
        None => None,
    };
    // One amendment, so that a request is not carried out by half, whatever others do meanwhile.
    let amendment = match (name, owner) {
        (Some(name), Some(owner)) => Amendment::RenameAndChangeOwner { name, owner },
        (Some(name), None) => Amendment::Rename(name),
        (None, Some(owner)) => Amendment::ChangeOwner(owner),
        (None, None) => return Err(Problem::invalid(NOTHING_ASKED)),
    };
    state.node.amend(caller.id(), conversation, amendment).await?;
    as_seen(&state, caller.id(), conversation).await
}
