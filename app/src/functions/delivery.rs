//! What the pages about a message's way ask of the server.

use super::{answer, backend, caller};
use crate::backend::Refusal;
use crate::backend::delivery::{Delivery, SentMessages};
use crate::return_path::ReturnPath;
use leptos::server_fn::http_export::StatusCode;
use trunkline_protocol::{ConversationId, ErrorCode, Seq};

/// The way of a message, for the page at `path`. Who is not logged in is sent to the login page, and gets `None`.
///
/// # Errors
/// [`trunkline_protocol::ErrorCode::Forbidden`] for who did not send it and is no administrator, and as
/// `Backend::delivery` says.
pub async fn load_delivery(conversation: ConversationId, seq: Seq, path: &str) -> Result<Option<Delivery>, Refusal> {
    let caller = caller()?;
    if caller.viewer.is_none() {
        answer::go(&ReturnPath::or_home(path).after("/login"));
        return Ok(None);
    }
    backend()?.delivery(&caller, conversation, seq).await.map(Some).inspect_err(status)
}

/// The caller's own messages in a conversation, for the page at `path`. Who is not logged in is sent to the login page,
/// and gets `None`.
///
/// # Errors
/// As `Backend::sent_messages` says.
pub async fn load_sent(conversation: ConversationId, path: &str) -> Result<Option<SentMessages>, Refusal> {
    let caller = caller()?;
    if caller.viewer.is_none() {
        answer::go(&ReturnPath::or_home(path).after("/login"));
        return Ok(None);
    }
    backend()?.sent_messages(&caller, conversation).await.map(Some).inspect_err(status)
}

/// Gives the page that says why there is nothing the status that says so too.
fn status(refusal: &Refusal) {
    answer::page_status(match refusal.code {
        ErrorCode::Forbidden | ErrorCode::NotAMember => StatusCode::FORBIDDEN,
        ErrorCode::UnknownConversation | ErrorCode::Invalid => StatusCode::NOT_FOUND,
        ErrorCode::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    });
}
