//! Switches to another conversation by a few letters of its name.

use crate::components::avatar::Avatar;
use crate::components::dialog::Dialog;
use crate::state::chat::Chat;
use crate::state::roster::matches;
use leptos::prelude::*;
use leptos::web_sys::KeyboardEvent;
use trunkline_protocol::ConversationId;

/// How many are offered: what fits without scrolling.
const OFFERED: usize = 8;

/// The dialog behind Ctrl+K and ⌘K.
#[component]
pub fn Switcher() -> impl IntoView {
    let chat = expect_context::<Chat>();
    let listener = move |event: KeyboardEvent| {
        let modified = (event.ctrl_key() || event.meta_key()) && !event.alt_key() && !event.shift_key();
        if modified && event.key().eq_ignore_ascii_case("k") {
            event.prevent_default();
            chat.switching.update(|open| *open = !*open);
        }
    };
    Effect::new(move |_| {
        let handle = window_event_listener(leptos::ev::keydown, listener);
        on_cleanup(move || handle.remove());
    });
    view! {
        <Dialog open=chat.switching id="switcher" title="Switch conversation">
            <Search/>
        </Dialog>
    }
    .into_any()
}

#[component]
fn Search() -> impl IntoView {
    let chat = expect_context::<Chat>();
    let query = RwSignal::new(String::new());
    let at = RwSignal::new(0_usize);
    let offered = Memo::new(move |_| {
        let query = query.get();
        let fits = |id: &ConversationId| chat.name(*id).is_some_and(|name| matches(&name, &query));
        // The open one is where one is already, so another comes first.
        let (others, open): (Vec<_>, Vec<_>) =
            chat.order().into_iter().filter(fits).partition(|id| Some(*id) != chat.open.get());
        others.into_iter().chain(open).take(OFFERED).collect::<Vec<_>>()
    });
    let chosen = Memo::new(move |_| offered.read().get(at.get()).copied());
    let go = Callback::new(move |id: ConversationId| {
        chat.switching.set(false);
        chat.open.go(Some(id));
    });
    let pressed = move |event: KeyboardEvent| {
        let count = offered.read_untracked().len().max(1);
        match event.key().as_str() {
            "ArrowDown" => at.update(|at| *at = (*at + 1) % count),
            "ArrowUp" => at.update(|at| *at = (*at + count - 1) % count),
            "Enter" if !event.is_composing() => {
                if let Some(id) = chosen.get_untracked() {
                    go.run(id);
                }
            }
            _ => return,
        }
        event.prevent_default();
    };
    let option = move |id: ConversationId| {
        let name = Signal::derive(move || chat.name(id).unwrap_or_default());
        let peer = chat
            .conversation_untracked(id)
            .and_then(|given| given.with_untracked(|given| given.peer(chat.me).map(|peer| peer.id)));
        let online = Signal::derive(move || peer.and_then(|peer| chat.is_online(peer)));
        view! {
            <li
                class="switcher__option"
                id=option_id(id)
                role="option"
                aria-selected=move || if chosen.get() == Some(id) { "true" } else { "false" }
                on:click=move |_| go.run(id)
            >
                <Avatar id=peer.map_or(id.0, |peer| peer.0) name group=peer.is_none() online/>
                <span dir="auto">{name}</span>
            </li>
        }
    };
    view! {
        <div class="dialog__body switcher">
            <input
                class="field__input"
                type="text"
                role="combobox"
                aria-label="Conversation"
                aria-expanded="true"
                aria-autocomplete="list"
                aria-controls="switcher-options"
                aria-activedescendant=move || chosen.get().map(option_id)
                placeholder="Name of a person or group"
                autocomplete="off"
                autofocus=true
                prop:value=move || query.get()
                on:input=move |event| {
                    query.set(event_target_value(&event));
                    at.set(0);
                }
                on:keydown=pressed
            />
            <ul class="switcher__options" id="switcher-options" role="listbox" aria-label="Conversations">
                <For each=move || offered.get() key=|id| *id children=option/>
            </ul>
            <p class="switcher__remark" aria-live="polite">
                {move || offered.read().is_empty().then_some("No conversation has this name.")}
            </p>
        </div>
    }
    .into_any()
}

fn option_id(id: ConversationId) -> String {
    format!("switch-to-{id}")
}
