//! Says to screen readers what has come into the open conversation.

use crate::state::chat::Chat;
use leptos::prelude::*;

/// The page's one live region for messages.
#[component]
pub fn Announcer() -> impl IntoView {
    let chat = expect_context::<Chat>();
    view! { <div class="visually-hidden" aria-live="polite" aria-atomic="true">{chat.announcement}</div> }
}
