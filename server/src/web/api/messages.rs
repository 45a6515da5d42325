//! Sending a message, to a user by name or into a conversation.

use super::document::refusals;
use super::extract::{Authenticated, Json};
use super::names;
use super::problem::Problem;
use super::types::{SendMessage, SentMessage};
use crate::connection::requests::check_text;
use crate::node::trace::MessageId;
use crate::store::Append;
use crate::web::state::AppState;
use axum::extract::State;
use axum::http::StatusCode;
use tracing::field;
use trunkline_protocol::{ConversationId, ErrorCode, SendKey, UserId};

refusals! {
    SendRefused: BadFrame EmptyMessage MessageTooLong Invalid UnknownConversation NotAMember UnknownUser KeyConflict
        RateLimited Busy TooLarge TooSlow UnsupportedMediaType CrossSite;
}

/// Send a message
///
/// To a person by login name, or into a conversation. The answer comes when the message is durably stored; from
/// then on it reaches every device of everybody in the conversation, on whatever node they are.
///
/// A user may send 10 messages a second, and 30 at once after a pause.
#[utoipa::path(
    post,
    path = "/messages",
    operation_id = "send_message",
    tag = "Messages",
    responses(
        (status = 201, description = "Stored.", body = SentMessage),
        (status = 200, description = "This key was stored before: the first answer again.", body = SentMessage),
        SendRefused
    )
)]
pub(super) async fn send(
    State(state): State<AppState>,
    caller: Authenticated,
    Json(message): Json<SendMessage>,
) -> Result<(StatusCode, axum::Json<SentMessage>), Problem> {
    let SendMessage { to, conversation, text, key } = message;
    check_text(&text)?;
    state.node.admit_send(caller.id()).map_err(|wait| {
        Problem::new(ErrorCode::RateLimited, "You are sending faster than this server takes.").after(wait)
    })?;
    let conversation = match (to, conversation) {
        (Some(name), None) => direct(&state, caller.id(), &name).await?,
        (None, Some(id)) => ConversationId(id),
        _ => return Err(Problem::invalid("Say where to: give either `to` or `conversation`.")),
    };
    let key = key.map_or_else(SendKey::random, SendKey);
    let (author, credential, at) = (caller.id(), caller.0.credential, crate::clock::now());
    let span = tracing::Span::current();
    span.record("message.key", field::display(key));
    let stored = state.node.append(Append { author, credential, conversation, key, text, at }).await?;
    span.record("message.id", field::display(MessageId(conversation, stored.seq)));
    let sent = SentMessage {
        conversation: conversation.0,
        seq: stored.seq.0,
        at: stored.at,
        key: key.0,
        repeated: !stored.fresh,
    };
    Ok((if stored.fresh { StatusCode::CREATED } else { StatusCode::OK }, axum::Json(sent)))
}

/// The direct conversation with somebody; made if need be.
pub(super) async fn direct(state: &AppState, me: UserId, name: &str) -> Result<ConversationId, Problem> {
    let peer = names::user(state, name).await?.id;
    if peer == me {
        return Err(Problem::invalid("A direct conversation is with somebody else, not with yourself."));
    }
    Ok(state.node.open_direct(me, peer).await?)
}
