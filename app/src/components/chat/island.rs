//! All of the chat that is alive: takes over what the server rendered from the same snapshot, and then opens its line.

use super::account_menu::AccountMenu;
use super::announcer::Announcer;
use super::connection_banner::ConnectionBanner;
use super::conversation_list::ConversationList;
use super::conversation_pane::ConversationPane;
use super::switcher::Switcher;
use crate::backend::ChatSnapshot;
use crate::realtime::{self, Command};
use crate::state::address::Address;
use crate::state::chat::Chat;
use crate::state::title::title;
use leptos::prelude::*;
use trunkline_protocol::ConversationId;

/// See the module.
#[island]
pub(crate) fn ChatIsland(
    /// What the server knew when it rendered the page.
    snapshot: ChatSnapshot,
    /// The conversation that the address named.
    open: Option<ConversationId>,
) -> impl IntoView {
    let address = Address::new(open);
    let chat = Chat::new(&snapshot, address);
    provide_context(chat);
    let snapshot = StoredValue::new(Some(snapshot));
    Effect::new(move |_| {
        if let Some(snapshot) = snapshot.try_update_value(Option::take).flatten() {
            address.follow_history();
            realtime::start(chat, snapshot);
        }
    });
    Effect::new(move |_| realtime::tell(Command::Open(address.get())));
    Effect::new(move |_| {
        document().set_title(&title(chat.unread(), address.get().and_then(|id| chat.name(id)).as_deref()));
    });
    on_cleanup(realtime::stop);
    view! {
        <main
            class="chat"
            data-view=move || if address.get().is_some() { "conversation" } else { "list" }
            on:click=move |event| address.take_click(&event)
        >
            <h1 class="visually-hidden">"Trunkline"</h1>
            <ConnectionBanner/>
            <div class="chat__list">
                <AccountMenu/>
                <ConversationList/>
            </div>
            <div class="chat__conversation"><ConversationPane/></div>
            <Switcher/>
            <Announcer/>
        </main>
    }
    .into_any()
}
