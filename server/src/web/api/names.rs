//! From login names to users, and from authors to names.

use super::problem::Problem;
use super::types;
use crate::web::state::AppState;
use std::collections::BTreeMap;
use trunkline_protocol::{Change, Conversation, ErrorCode, User, UserId, limits};

/// Characters of an unknown name that are repeated to its sender.
const SHOWN: usize = 40;

/// The user with this login name.
pub(super) async fn user(state: &AppState, name: &str) -> Result<User, Problem> {
    state.node.store.user_named(name.trim()).await?.ok_or_else(|| {
        let name: String = name.chars().take(SHOWN).collect();
        Problem::new(ErrorCode::UnknownUser, format!("There is no user called “{name}”."))
    })
}

/// The users with these login names: members to be.
pub(super) async fn members(state: &AppState, names: &[String]) -> Result<Vec<UserId>, Problem> {
    if names.len() > limits::GROUP_MEMBERS {
        return Err(Problem::invalid(format!("A group can have {} members.", limits::GROUP_MEMBERS)));
    }
    let mut ids = Vec::with_capacity(names.len());
    for name in names {
        ids.push(user(state, name).await?.id);
    }
    Ok(ids)
}

/// Who wrote these changes, also those who are no longer in the conversation; by id.
pub(super) async fn authors(
    state: &AppState,
    conversation: &Conversation,
    changes: &[Change],
) -> Result<Vec<types::User>, Problem> {
    let mut authors: BTreeMap<UserId, types::User> = BTreeMap::new();
    for change in changes {
        if authors.contains_key(&change.author) {
            continue;
        }
        let user = match conversation.member(change.author) {
            Some(member) => Some(member.user.clone()),
            None => state.node.store.user(change.author).await?,
        };
        authors.extend(user.map(|user| (user.id, user.into())));
    }
    Ok(authors.into_values().collect())
}
