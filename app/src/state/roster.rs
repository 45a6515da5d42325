//! Order and search of the conversations.

use crate::text::{lower, words};
use std::cmp::Reverse;
use trunkline_protocol::{Conversation, ConversationId, Millis};

/// Sorts conversations: last active first, then newest first.
#[must_use]
pub fn sorted<'a>(conversations: impl Iterator<Item = &'a Conversation>) -> Vec<ConversationId> {
    let mut order: Vec<_> = conversations.map(|conversation| (active(conversation), conversation.id)).collect();
    order.sort_unstable_by_key(|&key| Reverse(key));
    order.into_iter().map(|(_, id)| id).collect()
}

/// When a conversation was last written in. One without a message is new, and waits at the top for its first.
fn active(conversation: &Conversation) -> Millis {
    conversation.last_message.as_ref().map_or(Millis::MAX, |last| last.at)
}

/// Whether every word of a query starts a word of the name, whatever its case.
#[must_use]
pub fn matches(name: &str, query: &str) -> bool {
    let (name, query) = (lower(name), lower(query));
    let words: Vec<_> = words(&name).collect();
    query
        .split_whitespace()
        .all(|sought| words.iter().any(|word| word.starts_with(sought)) || sought.len() > 1 && name.contains(sought))
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_protocol::{Change, ChangeBody, ConversationKind, Seq, UserId};

    fn conversation(id: u64, at: Option<Millis>) -> Conversation {
        let id = ConversationId(id);
        let body = ChangeBody::Posted { text: "x".into() };
        let last = at.map(|at| Change { conversation: id, seq: Seq(1), at, author: UserId(1), key: None, body });
        Conversation {
            id,
            kind: ConversationKind::Group,
            name: None,
            owner: None,
            members: Vec::new(),
            head: Seq(0),
            since: Seq(1),
            unread: 0,
            last_message: last,
            former: Vec::new(),
        }
    }

    #[test]
    fn the_last_active_is_first_and_a_new_one_waits_above() {
        let all =
            [conversation(1, Some(10)), conversation(2, Some(30)), conversation(3, Some(20)), conversation(4, None)];
        assert_eq!(sorted(all.iter()), [4, 2, 3, 1].map(ConversationId));
    }

    #[test]
    fn a_query_matches_starts_of_words_in_any_case() {
        for query in ["", "ann", "EX", "ex an", "mple"] {
            assert!(matches("Ann Example", query), "{query}");
        }
        for query in ["x", "bo", "ann bo"] {
            assert!(!matches("Ann Example", query), "{query}");
        }
        assert!(matches("Zoë", "zoë"));
    }
}
