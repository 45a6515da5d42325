//! Conversations and their logs.

use super::document::refusals;
use super::extract::{Authenticated, Json, Path, Query};
use super::problem::Problem;
use super::types::{Changes, Conversation, Conversations, CreateGroup, OpenDirect, Part};
use super::{groups, messages, names};
use crate::auth::accounts::shown_name;
use crate::web::state::AppState;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use trunkline_protocol::{ConversationId, Seq, UserId};

/// Changes where it is not said from where.
const PAGE: u64 = 50;
/// Highest seq that every JSON reader keeps exact.
const MOST: u64 = (1 << 53) - 1;

refusals! {
    ListRefused: ;
    ReadRefused: Invalid UnknownConversation NotAMember;
    MakeRefused: BadFrame Invalid UnknownUser RateLimited TooLarge TooSlow UnsupportedMediaType CrossSite;
    GroupRefused: BadFrame Invalid UnknownUser RateLimited TooLarge TooSlow UnsupportedMediaType CrossSite;
}

/// List the caller's conversations
#[utoipa::path(
    get,
    path = "/conversations",
    operation_id = "list_conversations",
    tag = "Conversations",
    responses((status = 200, description = "All of them, last active first.", body = Conversations), ListRefused)
)]
pub(super) async fn list(
    State(state): State<AppState>,
    caller: Authenticated,
) -> Result<axum::Json<Conversations>, Problem> {
    let conversations = state.node.store.conversations(caller.id()).await?;
    Ok(axum::Json(Conversations { conversations: conversations.into_iter().map(Into::into).collect() }))
}

/// Get one conversation
#[utoipa::path(
    get,
    path = "/conversations/{id}",
    operation_id = "get_conversation",
    tag = "Conversations",
    params(("id" = u64, Path, description = "The conversation's id.", example = 12)),
    responses((status = 200, description = "As the caller sees it.", body = Conversation), ReadRefused)
)]
pub(super) async fn get(
    State(state): State<AppState>,
    caller: Authenticated,
    Path(id): Path<u64>,
) -> Result<axum::Json<Conversation>, Problem> {
    as_seen(&state, caller.id(), ConversationId(id)).await
}

/// Read a part of a conversation's log
///
/// The newest 50 changes if nothing is said. To go on backwards, ask for `to` just before the first seq you have.
#[utoipa::path(
    get,
    path = "/conversations/{id}/changes",
    operation_id = "read_changes",
    tag = "Messages",
    params(("id" = u64, Path, description = "The conversation's id.", example = 12), Part),
    responses((status = 200, description = "That part, oldest first.", body = Changes), ReadRefused)
)]
pub(super) async fn changes(
    State(state): State<AppState>,
    caller: Authenticated,
    Path(id): Path<u64>,
    Query(part): Query<Part>,
) -> Result<axum::Json<Changes>, Problem> {
    if part.from.max(part.to) > Some(MOST) {
        return Err(Problem::invalid("A seq is below 2^53."));
    }
    let conversation = state.node.store.conversation(caller.id(), ConversationId(id)).await?;
    let to = part.to.unwrap_or(conversation.head.0).min(conversation.head.0);
    let from = part.from.unwrap_or_else(|| (to + 1).saturating_sub(PAGE)).max(1);
    if part.to.is_some_and(|to| part.from.is_some_and(|from| from > to)) {
        return Err(Problem::invalid("A part goes from a lower seq to a higher one."));
    }
    let range = state.node.store.range(caller.id(), conversation.id, Seq(from), Seq(to)).await?;
    Ok(axum::Json(Changes {
        conversation: id,
        from: range.from.0,
        head: range.head.0,
        since: conversation.since.0,
        authors: names::authors(&state, &conversation, &range.changes).await?,
        changes: range.changes.into_iter().map(Into::into).collect(),
    }))
}

/// Open the direct conversation with somebody
///
/// It is made if it does not exist. Sending a message `to` somebody does the same.
#[utoipa::path(
    post,
    path = "/conversations/direct",
    operation_id = "open_direct",
    tag = "Conversations",
    responses((status = 200, description = "The conversation.", body = Conversation), MakeRefused)
)]
pub(super) async fn direct(
    State(state): State<AppState>,
    caller: Authenticated,
    Json(request): Json<OpenDirect>,
) -> Result<axum::Json<Conversation>, Problem> {
    groups::admitted(&state, caller.id())?;
    let conversation = messages::direct(&state, caller.id(), &request.to).await?;
    as_seen(&state, caller.id(), conversation).await
}

/// Make a group
#[utoipa::path(
    post,
    path = "/conversations/group",
    operation_id = "create_group",
    tag = "Conversations",
    responses(
        (status = 201, description = "The new group.", body = Conversation,
            headers(("Location" = String, description = "The group's path."))),
        GroupRefused
    )
)]
pub(super) async fn group(
    State(state): State<AppState>,
    caller: Authenticated,
    Json(request): Json<CreateGroup>,
) -> Result<impl IntoResponse, Problem> {
    let name = shown_name(&request.name)?;
    groups::admitted(&state, caller.id())?;
    let members = names::members(&state, &request.members).await?;
    let conversation = state.node.create_group(caller.id(), &name, &members).await?;
    let location = format!("{}/conversations/{conversation}", super::PREFIX);
    let group = as_seen(&state, caller.id(), conversation).await?;
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], group))
}

/// A conversation as one of its members sees it.
pub(super) async fn as_seen(
    state: &AppState,
    viewer: UserId,
    conversation: ConversationId,
) -> Result<axum::Json<Conversation>, Problem> {
    Ok(axum::Json(state.node.store.conversation(viewer, conversation).await?.into()))
}
