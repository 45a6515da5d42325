//! The left pane: all conversations, the way to find one, and the way to begin one.

use crate::components::chat::conversation_row::ConversationRow;
use crate::components::chat::new_conversation::NewConversation;
use crate::components::icon::{Glyph, Icon};
use crate::state::chat::Chat;
use crate::state::roster::matches;
use leptos::html;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::web_sys::{HtmlElement, KeyboardEvent};
use trunkline_protocol::ConversationId;

/// The list of conversations.
#[component]
pub fn ConversationList() -> impl IntoView {
    let chat = expect_context::<Chat>();
    let query = RwSignal::new(String::new());
    let composing = RwSignal::new(false);
    let list = NodeRef::<html::Ul>::new();
    let shown = Memo::new(move |_| {
        let query = query.get();
        let fits =
            |id: &ConversationId| query.trim().is_empty() || chat.name(*id).is_some_and(|name| matches(&name, &query));
        chat.order().into_iter().filter(fits).collect::<Vec<_>>()
    });
    // The list is one stop in the tab order: the open conversation, or the first.
    let stop = Memo::new(move |_| {
        let shown = shown.read();
        chat.open.get().filter(|open| shown.contains(open)).or_else(|| shown.first().copied())
    });
    let empty = move || match (shown.read().is_empty(), query.read().trim().is_empty()) {
        (false, _) => None,
        // By its own words: the button above has a picture only.
        (true, true) => Some(
            view! {
                <div class="conversations__empty">
                    <p>"No conversations yet."</p>
                    <button class="button" type="button" on:click=move |_| composing.set(true)>
                        "Begin a conversation"
                    </button>
                </div>
            }
            .into_any(),
        ),
        (true, false) => {
            Some(view! { <p class="conversations__empty">"No conversation has this name."</p> }.into_any())
        }
    };
    let further = move || match query.read().trim() {
        "" => "Search messages".to_owned(),
        query => format!("Search messages for “{query}”"),
    };
    view! {
        <nav class="conversations" aria-label="Conversations">
            // Enter, or the button, leads on to the page that searches messages, without scripts too.
            <form class="conversations__tools" role="search" action="/search">
                <label class="conversations__search">
                    <Icon glyph=Glyph::Search/>
                    <span class="visually-hidden">"Search conversations"</span>
                    <input
                        class="conversations__query"
                        type="search"
                        name="q"
                        placeholder="Search"
                        autocomplete="off"
                        prop:value=move || query.get()
                        on:input=move |event| query.set(event_target_value(&event))
                        on:keydown=move |event| if event.key() == "ArrowDown" { move_focus(list, &event) }
                    />
                </label>
                <button
                    class="icon-button icon-button--strong"
                    type="button"
                    aria-label="New conversation"
                    title="New conversation"
                    on:click=move |_| composing.set(true)
                >
                    <Icon glyph=Glyph::Compose/>
                </button>
                <button class="conversations__further" type="submit">{further}</button>
            </form>
            <ul class="conversations__list" node_ref=list on:keydown=move |event| move_focus(list, &event)>
                <For each=move || shown.get() key=|id| *id let(id)>
                    {chat.conversation_untracked(id).map(|conversation| {
                        view! { <ConversationRow id conversation current=Signal::derive(move || stop.get() == Some(id))/> }
                    })}
                </For>
            </ul>
            {empty}
            <NewConversation open=composing/>
        </nav>
    }
    .into_any()
}

/// Arrows, Home and End move the focus from link to link.
fn move_focus(list: NodeRef<html::Ul>, event: &KeyboardEvent) {
    let Some(links) = list.get_untracked().and_then(|list| list.query_selector_all("a").ok()) else { return };
    let links: Vec<HtmlElement> = (0..links.length()).filter_map(|at| links.item(at)?.dyn_into().ok()).collect();
    let focused = document().active_element();
    let at = links.iter().position(|link| Some(link.as_ref()) == focused.as_ref());
    let last = links.len().saturating_sub(1);
    let to = match (event.key().as_str(), at) {
        ("ArrowDown", Some(at)) => (at + 1).min(last),
        ("ArrowUp", Some(at)) => at.saturating_sub(1),
        ("ArrowDown" | "Home", _) => 0,
        ("End", _) => last,
        _ => return,
    };
    if let Some(link) = links.get(to) {
        event.prevent_default();
        let _gone = link.focus();
    }
}
