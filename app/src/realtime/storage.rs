//! The outbox and the drafts in the browser's storage, which all tabs of a browser share.
//!
//! One key an entry: two tabs never overwrite each other's. A browser that refuses storage (private mode, full)
//! costs the survival across a reload and nothing else.

use trunkline_protocol::client::outbox::Entry;
use trunkline_protocol::{ConversationId, SendKey, UserId};
use web_sys::Storage;

fn storage() -> Option<Storage> {
    web_sys::window()?.local_storage().ok().flatten()
}

fn outbox_prefix(user: UserId) -> String {
    format!("trunkline.outbox.{user}.")
}

fn draft_key(user: UserId, conversation: ConversationId) -> String {
    format!("trunkline.draft.{user}.{conversation}")
}

/// Keeps an entry of the outbox. It is written when this returns.
pub fn keep(user: UserId, entry: &Entry) {
    if let (Some(storage), Ok(value)) = (storage(), serde_json::to_string(entry)) {
        let _full_or_refused = storage.set_item(&format!("{}{}", outbox_prefix(user), entry.key), &value);
    }
}

/// The entry needs to be kept no longer.
pub fn forget(user: UserId, key: SendKey) {
    if let Some(storage) = storage() {
        let _refused = storage.remove_item(&format!("{}{key}", outbox_prefix(user)));
    }
}

/// All kept entries of a user, of other tabs too; what can not be read is left alone.
#[must_use]
pub fn kept(user: UserId) -> Vec<Entry> {
    let Some(storage) = storage() else { return Vec::new() };
    let prefix = outbox_prefix(user);
    (0..storage.length().unwrap_or(0))
        .filter_map(|index| storage.key(index).ok().flatten())
        .filter(|key| key.starts_with(&prefix))
        .filter_map(|key| serde_json::from_str(&storage.get_item(&key).ok()??).ok())
        .collect()
}

/// What the user had begun to write in a conversation.
#[must_use]
pub fn draft(user: UserId, conversation: ConversationId) -> String {
    storage().and_then(|storage| storage.get_item(&draft_key(user, conversation)).ok()?).unwrap_or_default()
}

/// Keeps what the user has written so far; empty removes it.
pub fn keep_draft(user: UserId, conversation: ConversationId, text: &str) {
    let Some(storage) = storage() else { return };
    let key = draft_key(user, conversation);
    let _full_or_refused = match text {
        "" => storage.remove_item(&key),
        text => storage.set_item(&key, text),
    };
}
