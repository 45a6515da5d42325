//! What the chat page asks of the server beside its WebSocket.
#![expect(missing_docs, reason = "the macro makes a struct of each function's arguments, which can not be documented")]

#[cfg(feature = "ssr")]
use crate::backend::{ChatSnapshot, service::FoundPage, service::Passage};
use crate::backend::{GroupAmendment, Person, Refusal};
#[cfg(feature = "ssr")]
use crate::functions::{answer, backend, caller};
#[cfg(feature = "ssr")]
use crate::return_path::ReturnPath;
use leptos::prelude::*;
use leptos::server_fn::codec::Json;
#[cfg(feature = "ssr")]
use trunkline_protocol::Seq;
use trunkline_protocol::{ConversationId, UserId};

/// What the address of a conversation leads to.
#[cfg(feature = "ssr")]
#[derive(Clone, Debug)]
pub enum Opened {
    /// The chat.
    Chat(Box<ChatSnapshot>),
    /// A part of a log that is too far from its end for the chat.
    Passage(Box<Passage>),
}

/// The chat page at `path`, with the newest part of the conversation `open`, or with what it has around the change `at`.
/// Who is not logged in is sent to the login page, and gets `None`.
///
/// # Errors
/// [`trunkline_protocol::ErrorCode::StoreUnavailable`] if the store does not answer.
#[cfg(feature = "ssr")]
pub async fn load_chat(open: Option<ConversationId>, at: Option<Seq>, path: &str) -> Result<Option<Opened>, Refusal> {
    let caller = caller()?;
    if caller.viewer.is_none() {
        let asked = at.map_or_else(|| path.to_owned(), |at| format!("{path}?at={at}#at"));
        answer::go(&ReturnPath::or_home(&asked).after("/login"));
        return Ok(None);
    }
    if let (Some(open), Some(at)) = (open, at)
        && let Some(passage) = backend()?.passage(&caller, open, at).await?
    {
        return Ok(Some(Opened::Passage(Box::new(passage))));
    }
    backend()?.chat(&caller, open, at).await.map(|chat| Some(Opened::Chat(Box::new(chat))))
}

/// What the search page at `path` shows. Who is not logged in is sent to the login page, and gets `None`; who has asked
/// for nothing yet gets nothing.
///
/// # Errors
/// [`trunkline_protocol::ErrorCode::Invalid`] for what can not be searched for.
#[cfg(feature = "ssr")]
pub async fn load_search(
    query: &str,
    conversation: Option<ConversationId>,
    before: Option<&str>,
    path: &str,
) -> Result<Option<Option<FoundPage>>, Refusal> {
    let caller = caller()?;
    if caller.viewer.is_none() {
        answer::go(&ReturnPath::or_home(path).after("/login"));
        return Ok(None);
    }
    if query.trim().is_empty() {
        return Ok(Some(None));
    }
    backend()?.search(&caller, query, conversation, before).await.map(|found| Some(Some(found)))
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
