//! Searching, for pages and API.

use super::state::AppState;
use crate::auth::accounts::refusal;
use crate::search::{Found, Query, Search};
use crate::store::StoreError;
use crate::text::sentence;
use std::collections::{BTreeMap, HashMap};
use trunkline_app::backend::Refusal;
use trunkline_app::backend::service::{FoundMessage, FoundPage};
use trunkline_app::state::people::conversation_name;
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

/// What `me` finds, with the names of conversations, for the page. Counts against the rate.
///
/// # Errors
/// As [`find`], and `RateLimited`.
pub(super) async fn page(
    state: &AppState,
    me: UserId,
    query: &str,
    conversation: Option<ConversationId>,
    before: Option<&str>,
) -> Result<FoundPage, Refusal> {
    let too_fast = "You are searching faster than this server takes; please try again in a moment.";
    state.node.admit_search(me).map_err(|_| Refusal::new(ErrorCode::RateLimited, too_fast))?;
    let Messages { found, authors } = find(state, me, query, conversation, before).await?;
    let mut names: HashMap<ConversationId, String> = HashMap::new();
    let mut hits = Vec::with_capacity(found.hits.len());
    for hit in found.hits {
        let id = hit.mark.conversation;
        let name = match names.get(&id) {
            Some(name) => name.clone(),
            None => match state.node.store.conversation(me, id).await {
                Ok(conversation) => conversation_name(&conversation, me),
                // They have just left it.
                Err(StoreError::NotAMember) => continue,
                Err(error) => return Err(refusal(error)),
            },
        };
        names.insert(id, name.clone());
        hits.push(FoundMessage {
            conversation: id,
            name,
            seq: hit.mark.seq,
            at: hit.mark.at,
            author: authors.get(&hit.author).cloned(),
            text: hit.text,
            highlights: hit.highlights,
        });
    }
    Ok(FoundPage { hits, next: found.next.map(|next| next.to_string()) })
}
