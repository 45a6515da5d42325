//! Searching, for pages and API.

use super::state::AppState;
use crate::auth::accounts::refusal;
use crate::search::{Found, Query, Search};
use crate::text::sentence;
use std::collections::BTreeMap;
use trunkline_app::backend::Refusal;
use trunkline_protocol::{ConversationId, ErrorCode, User, UserId, limits};

/// A page of messages, and who wrote them.
pub struct Messages {
    /// The messages.
    pub found: Found,
    /// Those of their authors who are known, by id.
    pub authors: BTreeMap<UserId, User>,
}

/// What `user` finds. The rate is counted by the caller, who knows how to say it.
///
/// # Errors
/// `Invalid` for what can not be searched for and for a page that does not exist, and those of the store.
pub async fn find(
    state: &AppState,
    user: UserId,
    query: &str,
    conversation: Option<ConversationId>,
    before: Option<&str>,
) -> Result<Messages, Refusal> {
    let invalid = |text: String| Refusal::new(ErrorCode::Invalid, sentence(&text));
    let query = Query::parse(query).map_err(|error| invalid(error.to_string()))?;
    let before = before.filter(|before| !before.is_empty()).map(str::parse).transpose();
    let before = before.map_err(|()| invalid("there is no such page of a search".into()))?;
    let search = Search { query, conversation, before, limit: limits::SEARCH_HITS };
    let found = state.node.store.search(user, search).await.map_err(refusal)?;
    let mut authors = BTreeMap::new();
    for hit in &found.hits {
        if !authors.contains_key(&hit.author) {
            let author = state.node.store.user(hit.author).await.map_err(refusal)?;
            authors.extend(author.map(|author| (author.id, author)));
        }
    }
    Ok(Messages { found, authors })
}
