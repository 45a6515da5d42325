//! The outbox and the drafts in the browser's storage, which all tabs of a browser share.
//!
//! One key an entry: two tabs never overwrite each other's. A browser that refuses storage (private mode, full)
//! costs the survival across a reload and nothing else.

use trunkline_protocol::client::outbox::Entry;
use trunkline_protocol::{ConversationId, SendKey, User};
use web_sys::Storage;

fn storage() -> Option<Storage> {
    web_sys::window()?.local_storage().ok().flatten()
}

// The name is there beside the id: a server that begins anew gives the same ids to other people.
fn outbox_prefix(user: &User) -> String {
    format!("trunkline.outbox.{}.{}.", user.id, user.name)
}

fn draft_prefix(user: &User) -> String {
    format!("trunkline.draft.{}.{}.", user.id, user.name)
}

fn draft_key(user: &User, conversation: ConversationId) -> String {
    format!("{}{conversation}", draft_prefix(user))
}

fn keys(storage: &Storage, prefix: &str) -> Vec<String> {
    (0..storage.length().unwrap_or(0))
        .filter_map(|index| storage.key(index).ok().flatten())
        .filter(|key| key.starts_with(prefix))
        .collect()
}

/// Keeps an entry of the outbox. It is written when this returns.
pub fn keep(user: &User, entry: &Entry) {
    if let (Some(storage), Ok(value)) = (storage(), serde_json::to_string(entry)) {
        let _full_or_refused = storage.set_item(&format!("{}{}", outbox_prefix(user), entry.key), &value);
    }
}

/// The entry needs to be kept no longer.
pub fn forget(user: &User, key: SendKey) {
    if let Some(storage) = storage() {
        let _refused = storage.remove_item(&format!("{}{key}", outbox_prefix(user)));
    }
}

/// All kept entries of a user, of other tabs too; what can not be read is left alone.
#[must_use]
pub fn kept(user: &User) -> Vec<Entry> {
    let Some(storage) = storage() else { return Vec::new() };
    keys(&storage, &outbox_prefix(user))
        .into_iter()
        .filter_map(|key| serde_json::from_str(&storage.get_item(&key).ok()??).ok())
        .collect()
}

/// What the user had begun to write in a conversation.
#[must_use]
pub fn draft(user: &User, conversation: ConversationId) -> String {
    storage().and_then(|storage| storage.get_item(&draft_key(user, conversation)).ok()?).unwrap_or_default()
}

/// Keeps what the user has written so far; empty removes it.
pub fn keep_draft(user: &User, conversation: ConversationId, text: &str) {
    let Some(storage) = storage() else { return };
    let key = draft_key(user, conversation);
    let _full_or_refused = match text {
        "" => storage.remove_item(&key),
        text => storage.set_item(&key, text),
    };
}

/// Forgets all drafts of a user: they leave this browser, and others may come to it. What waits to be sent stays.
pub fn forget_drafts(user: &User) {
    let Some(storage) = storage() else { return };
    for key in keys(&storage, &draft_prefix(user)) {
        let _refused = storage.remove_item(&key);
    }
}
