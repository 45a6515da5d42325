//! What the chat page asks of the server beside its WebSocket.
#![expect(missing_docs, reason = "the macro makes a struct of each function's arguments, which can not be documented")]

#[cfg(feature = "ssr")]
use crate::backend::ChatSnapshot;
use crate::backend::{GroupAmendment, Person, Refusal};
#[cfg(feature = "ssr")]
use crate::functions::{answer, backend, caller};
#[cfg(feature = "ssr")]
use crate::return_path::ReturnPath;
use leptos::prelude::*;
use leptos::server_fn::codec::Json;
use trunkline_protocol::{ConversationId, UserId};

/// The chat page at `path`, with the newest part of the conversation `open`. Who is not logged in is sent to the login
/// page, and gets `None`.
///
/// # Errors
/// [`trunkline_protocol::ErrorCode::StoreUnavailable`] if the store does not answer.
#[cfg(feature = "ssr")]
pub async fn load_chat(open: Option<ConversationId>, path: &str) -> Result<Option<ChatSnapshot>, Refusal> {
    let caller = caller()?;
    match caller.viewer {
        Some(_) => backend()?.chat(&caller, open).await.map(Some),
        None => {
            answer::go(&ReturnPath::or_home(path).after("/login"));
            Ok(None)
        }
    }
}

/// People whose name contains `query`, at most 50; everyone if it is empty.
///
/// # Errors
/// [`trunkline_protocol::ErrorCode::Unauthorized`] if nobody is logged in.
#[server(prefix = "/api/fn", endpoint = "directory", input = Json, output = Json)]
pub async fn directory(query: String) -> Result<Vec<Person>, Refusal> {
    backend()?.directory(&caller()?, &query).await
}

/// The direct conversation with somebody; it is made if there is none.
///
/// # Errors
/// [`trunkline_protocol::ErrorCode::UnknownUser`] if there is no such user.
#[server(prefix = "/api/fn", endpoint = "direct", input = Json, output = Json)]
pub async fn direct(peer: UserId) -> Result<ConversationId, Refusal> {
    backend()?.direct(&caller()?, peer).await
}

/// A new group of the caller and these people.
///
/// # Errors
/// [`trunkline_protocol::ErrorCode::Invalid`] for a bad name or too many people.
#[server(prefix = "/api/fn", endpoint = "create_group", input = Json, output = Json)]
pub async fn create_group(name: String, members: Vec<UserId>) -> Result<ConversationId, Refusal> {
    backend()?.create_group(&caller()?, &name, &members).await
}

/// Changes a group: its members, name or owner.
///
/// # Errors
/// [`trunkline_protocol::ErrorCode::Forbidden`] if the caller may not.
#[server(prefix = "/api/fn", endpoint = "amend", input = Json, output = Json)]
pub async fn amend(conversation: ConversationId, change: GroupAmendment) -> Result<(), Refusal> {
    backend()?.amend(&caller()?, conversation, change).await
}
