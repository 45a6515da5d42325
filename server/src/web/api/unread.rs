//! What a user has not read, in two calls: one that only reads it, and one that moves the cursor.

use super::document::refusals;
use super::extract::{Authenticated, Json, Optional, Path};
use super::names;
use super::problem::Problem;
use super::types::{Cursor, MoveCursor, PullUnread, Unread, UnreadConversation};
use crate::web::state::AppState;
use axum::extract::State;
use trunkline_protocol::{Conversation, ConversationId, Seq, UserId, limits};

/// Changes of each conversation where nothing is said.
const LIMIT: u64 = 50;
/// Changes in one answer: bounds what a long absence costs. Conversations beyond it are listed without changes.
const TOTAL: u64 = 500;

refusals! {
    PullRefused: BadFrame Invalid UnknownConversation NotAMember TooLarge TooSlow UnsupportedMediaType CrossSite;
    CursorRefused: BadFrame Invalid UnknownConversation NotAMember CursorBeyondHead TooLarge TooSlow UnsupportedMediaType
        CrossSite;
}

/// Pull what was not read
///
/// What comes after the caller's read cursor, from one or all conversations. **Changes nothing**: it answers the same
/// again until the cursor is moved, so that nothing is lost with an answer that does not arrive.
///
/// An answer has at most 500 changes. Conversations that do not fit any more are listed without changes and with
/// `more`.
#[utoipa::path(
    post,
    path = "/unread/pull",
    operation_id = "pull_unread",
    tag = "Messages",
    request_body(content = Option<PullUnread>, description = "May be left out."),
    responses((status = 200, description = "What was not read.", body = Unread), PullRefused)
)]
pub(super) async fn pull(
    State(state): State<AppState>,
    caller: Authenticated,
    Optional(request): Optional<PullUnread>,
) -> Result<axum::Json<Unread>, Problem> {
    let limit = request.limit.unwrap_or(LIMIT);
    if !(1..=limits::FETCH_CHANGES).contains(&limit) {
        return Err(Problem::invalid(format!("A limit is from 1 to {}.", limits::FETCH_CHANGES)));
    }
    let store = &state.node.store;
    let known = match request.conversation {
        Some(id) => vec![store.conversation(caller.id(), ConversationId(id)).await?],
        None => store.conversations(caller.id()).await?,
    };
    let mut left = TOTAL;
    let mut conversations = Vec::new();
    for conversation in known {
        if let Some(unread) = after_cursor(&state, caller.id(), conversation, limit.min(left)).await? {
            left = left.saturating_sub(unread.changes.len() as u64);
            conversations.push(unread);
        }
    }
    Ok(axum::Json(Unread { conversations }))
}

/// What a conversation has after the reader's cursor; `None` if nothing.
async fn after_cursor(
    state: &AppState,
    reader: UserId,
    conversation: Conversation,
    limit: u64,
) -> Result<Option<UnreadConversation>, Problem> {
    let read = conversation.member(reader).map_or(Seq(0), |member| member.read);
    if read >= conversation.head {
        return Ok(None);
    }
    let changes = if limit == 0 {
        Vec::new()
    } else {
        // To the head that was counted at, so that the answer fits together.
        let to = conversation.head.min(Seq(read.0 + limit));
        state.node.store.range(reader, conversation.id, read.next(), to).await?.changes
    };
    let last = changes.last().map_or(read, |change| change.seq);
    Ok(Some(UnreadConversation {
        conversation: conversation.id.0,
        peer: conversation.peer(reader).cloned().map(Into::into),
        read: read.0,
        head: conversation.head.0,
        unread: conversation.unread,
        authors: names::authors(state, &conversation, &changes).await?,
        changes: changes.into_iter().map(Into::into).collect(),
        more: last < conversation.head,
        name: conversation.name,
    }))
}

/// Move the cursors
///
/// Says what the caller has read or received. Everybody in the conversation is told. Cursors move forward only:
/// a lower value than before changes nothing and is no error.
#[utoipa::path(
    post,
    path = "/conversations/{id}/cursor",
    operation_id = "move_cursor",
    tag = "Messages",
    params(("id" = u64, Path, description = "The conversation's id.", example = 12)),
    responses((status = 200, description = "Where they stand now.", body = Cursor), CursorRefused)
)]
pub(super) async fn move_cursor(
    State(state): State<AppState>,
    caller: Authenticated,
    Path(id): Path<u64>,
    Json(request): Json<MoveCursor>,
) -> Result<axum::Json<Cursor>, Problem> {
    if request.read.is_none() && request.delivered.is_none() {
        return Err(Problem::invalid("Give `read`, `delivered` or both."));
    }
    let (delivered, read) = (Seq(request.delivered.unwrap_or(0)), Seq(request.read.unwrap_or(0)));
    let node = &state.node;
    let state = node.move_cursor(caller.id(), ConversationId(id), delivered, read).await?;
    node.trace.moved(ConversationId(id), caller.id(), None, (delivered, read));
    Ok(axum::Json(Cursor {
        conversation: id,
        read: state.cursor.read.0,
        delivered: state.cursor.delivered.0,
        unread: state.unread,
        head: state.head.0,
    }))
}
