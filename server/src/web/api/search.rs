//! Finding what was said.

use super::document::refusals;
use super::extract::{Authenticated, Query};
use super::problem::Problem;
use super::types::{FoundMessage, FoundMessages, Highlight, SearchMessages};
use crate::web::search::{Messages, find};
use crate::web::state::AppState;
use axum::extract::State;
use std::ops::Range;
use trunkline_protocol::{ConversationId, ErrorCode, User};

refusals! {
    SearchRefused: Invalid UnknownConversation NotAMember RateLimited;
}

/// Search messages
///
/// In all conversations of the caller, from the change on with which they came into each: everything that was
/// acknowledged is found at once. Newest first.
///
/// A user may search 2 times a second, and 20 times at once after a pause.
#[utoipa::path(
    get,
    path = "/search",
    operation_id = "search_messages",
    tag = "Messages",
    params(SearchMessages),
    responses((status = 200, description = "A page of what was found.", body = FoundMessages), SearchRefused)
)]
pub(super) async fn search(
    State(state): State<AppState>,
    caller: Authenticated,
    Query(asked): Query<SearchMessages>,
) -> Result<axum::Json<FoundMessages>, Problem> {
    state.node.admit_search(caller.id()).map_err(|wait| {
        Problem::new(ErrorCode::RateLimited, "You are searching faster than this server takes.").after(wait)
    })?;
    let conversation = asked.conversation.map(ConversationId);
    let Messages { found, authors } =
        find(&state, caller.id(), &asked.q, conversation, asked.before.as_deref()).await?;
    let hits = found.hits.into_iter().map(|hit| {
        let author = authors.get(&hit.author).cloned();
        // Accounts are never deleted; a store that has lost one still shows what was said.
        let author = author.unwrap_or(User { id: hit.author, name: String::new(), display_name: String::new() });
        FoundMessage {
            conversation: hit.mark.conversation.0,
            seq: hit.mark.seq.0,
            at: hit.mark.at,
            author: author.into(),
            highlights: in_characters(&hit.text, &hit.highlights),
            text: hit.text,
        }
    });
    Ok(axum::Json(FoundMessages { hits: hits.collect(), next: found.next.map(|next| next.to_string()) }))
}

/// Ranges of bytes as ranges of characters.
fn in_characters(text: &str, ranges: &[Range<usize>]) -> Vec<Highlight> {
    let (mut byte, mut character) = (0, 0);
    let mut to = |end: usize| {
        character += text.get(byte..end).map_or(0, |part| part.chars().count());
        byte = end;
        character
    };
    ranges.iter().map(|range| Highlight { from: to(range.start), to: to(range.end) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn highlights_are_counted_in_characters() {
        let highlights = in_characters("é👍 café", &[0..2, 7..12]);
        assert_eq!(highlights, [Highlight { from: 0, to: 1 }, Highlight { from: 3, to: 7 }]);
    }
}
