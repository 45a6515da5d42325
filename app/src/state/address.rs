//! Which conversation is open, as the page's address says: `/` none, `/c/:id` this one.

use leptos::ev::MouseEvent;
use leptos::prelude::*;
use leptos::web_sys::{Element, HtmlAnchorElement};
use trunkline_protocol::ConversationId;
use wasm_bindgen::{JsCast, JsValue};

/// The address of the chat page. Going from one conversation to another keeps the page, its socket and everything
/// that is known; all other links leave it.
#[derive(Clone, Copy, Debug)]
pub struct Address(RwSignal<Option<ConversationId>>);

impl Address {
    /// The address that the page came with.
    #[must_use]
    pub fn new(open: Option<ConversationId>) -> Self {
        Self(RwSignal::new(open))
    }

    /// The open conversation. Tracked.
    #[must_use]
    pub fn get(self) -> Option<ConversationId> {
        self.0.get()
    }

    /// The open conversation, without tracking.
    #[must_use]
    pub fn get_untracked(self) -> Option<ConversationId> {
        self.0.get_untracked()
    }

    /// Goes to a conversation, or to none.
    pub fn go(self, to: Option<ConversationId>) {
        if self.get_untracked() == to {
            return;
        }
        if let Ok(history) = window().history() {
            // Refused only to a page that changes its address many times a second; the page is right all the same.
            let _refused = history.push_state_with_url(&JsValue::NULL, "", Some(&path(to)));
        }
        self.0.set(to);
    }

    /// Follows the browser's own ways, back and forth, until the owner is gone.
    pub fn follow_history(self) {
        let handle = window_event_listener(leptos::ev::popstate, move |_| {
            if let Ok(path) = window().location().pathname() {
                self.0.set(conversation(&path));
            }
        });
        on_cleanup(move || handle.remove());
    }

    /// Takes a click on a link to the chat, unless the reader wants it elsewhere: in another tab, or as a download.
    pub fn take_click(self, event: &MouseEvent) {
        let modified = event.ctrl_key() || event.meta_key() || event.shift_key() || event.alt_key();
        if event.default_prevented() || event.button() != 0 || modified {
            return;
        }
        let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        let link = target.and_then(|target| target.closest("a[href]").ok().flatten());
        let Some(link) = link.and_then(|link| link.dyn_into::<HtmlAnchorElement>().ok()) else { return };
        let here = window().location().origin().is_ok_and(|origin| origin == link.origin());
        let path = link.pathname();
        if here && link.target().is_empty() && !link.has_attribute("rel") && is_chat(&path) {
            event.prevent_default();
            self.go(conversation(&path));
        }
    }
}

fn path(open: Option<ConversationId>) -> String {
    open.map_or_else(|| "/".to_owned(), |id| format!("/c/{id}"))
}

/// The conversation that a path names.
#[must_use]
pub fn conversation(path: &str) -> Option<ConversationId> {
    path.strip_prefix("/c/")?.trim_end_matches('/').parse().ok()
}

fn is_chat(path: &str) -> bool {
    path == "/" || conversation(path).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_conversation_or_none() {
        assert_eq!(conversation("/c/12"), Some(ConversationId(12)));
        assert_eq!(conversation("/c/12/"), Some(ConversationId(12)));
        for path in ["/", "/c/", "/c/x", "/c/1/2", "/settings"] {
            assert_eq!(conversation(path), None, "{path}");
        }
        assert_eq!(path(Some(ConversationId(12))), "/c/12");
        assert_eq!(path(None), "/");
    }

    #[test]
    fn only_the_chat_is_gone_to_without_leaving_the_page() {
        assert!(is_chat("/") && is_chat("/c/7"));
        for path in ["/settings", "/c/x", "/api", "/console"] {
            assert!(!is_chat(path), "{path}");
        }
    }
}
