//! Parts of a conversation for the pages: its newest changes, and those around one that was asked for.

use super::state::AppState;
use crate::auth::accounts::refusal;
use crate::store::StoreError;
use trunkline_app::backend::service::Passage;
use trunkline_app::backend::{OpenConversation, Refusal, Viewer};
use trunkline_protocol::{Change, Conversation, ConversationId, Seq, UserId};

/// Changes of the open conversation that a page shows at once.
const OPEN_CHANGES: u64 = 50;
/// Changes from the newest one up to which the chat itself opens further up. It holds everything behind what it shows: so
/// many messages are there in a tenth of a second, and what is further up has a page of its own.
const NEAR: u64 = 600;
/// Changes shown before and after one that was asked for.
const AROUND: u64 = 25;

/// The open conversation with its newest changes, further up where `at` is near enough.
///
/// # Errors
/// Those of the store.
pub(super) async fn open(
    state: &AppState,
    viewer: UserId,
    conversation: &Conversation,
    at: Option<Seq>,
) -> Result<OpenConversation, Refusal> {
    let lowest = conversation.since.max(Seq(1));
    let latest = Seq((conversation.head.0 + 1).saturating_sub(OPEN_CHANGES));
    let at = at.filter(|at| *at >= lowest && is_near(conversation, *at));
    let from = at.map_or(latest, |at| latest.min(Seq(at.0.saturating_sub(AROUND)))).max(lowest);
    let changes = changes(state, viewer, conversation.id, from, conversation.head).await?;
    Ok(OpenConversation { id: conversation.id, from, changes, at })
}

/// What is around a change that is too far up for the chat; `None` where the chat shows it, or says why not.
///
/// # Errors
/// Those of the store.
pub(super) async fn load(
    state: &AppState,
    viewer: &Viewer,
    conversation: ConversationId,
    at: Seq,
) -> Result<Option<Passage>, Refusal> {
    let conversation = match state.node.store.conversation(viewer.user.id, conversation).await {
        Ok(conversation) => conversation,
        // The chat says that it is not here.
        Err(StoreError::UnknownConversation | StoreError::NotAMember) => return Ok(None),
        Err(error) => return Err(refusal(error)),
    };
    let lowest = conversation.since.max(Seq(1));
    if at < lowest || is_near(&conversation, at) {
        return Ok(None);
    }
    let from = Seq(at.0.saturating_sub(AROUND)).max(lowest);
    let to = Seq(at.0 + AROUND);
    let changes = changes(state, viewer.user.id, conversation.id, from, to).await?;
    let earlier = (from > lowest).then(|| Seq(from.0.saturating_sub(AROUND)).max(lowest));
    Ok(Some(Passage { viewer: viewer.clone(), conversation, at, changes, earlier, later: Seq(to.0 + AROUND) }))
}

/// The changes `from..=to`, however many they are.
async fn changes(
    state: &AppState,
    viewer: UserId,
    conversation: ConversationId,
    from: Seq,
    to: Seq,
) -> Result<Vec<Change>, Refusal> {
    let (mut changes, mut next) = (Vec::new(), from);
    while next <= to {
        let range = state.node.store.range(viewer, conversation, next, to).await.map_err(refusal)?;
        let Some(last) = range.changes.last() else { break };
        next = last.seq.next();
        changes.extend(range.changes);
    }
    Ok(changes)
}

/// Whether a change is so near to the newest one that the chat can show all that is between.
fn is_near(conversation: &Conversation, at: Seq) -> bool {
    at.0.saturating_add(NEAR) > conversation.head.0
}
