//! The chat page, for `/` and `/c/:id`.
//!
//! The server renders the list and the open conversation; in the browser the island takes over from the same snapshot,
//! and only then opens its line.

use crate::backend::ChatSnapshot;
use crate::components::chat::account_menu::AccountMenu;
use crate::components::chat::announcer::Announcer;
use crate::components::chat::connection_banner::ConnectionBanner;
use crate::components::chat::conversation_list::ConversationList;
use crate::components::chat::conversation_pane::ConversationPane;
use crate::components::chat::switcher::Switcher;
use crate::functions::chat::load_chat;
use crate::realtime::{self, Command};
use crate::return_path::ReturnPath;
use crate::state::address::{self, Address};
use crate::state::chat::Chat;
use crate::state::people::conversation_name;
use crate::state::title::title;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::Redirect;
use leptos_router::hooks::use_location;
use trunkline_protocol::ConversationId;

/// The chat page. Visitors without a session are sent to the login page.
#[component]
pub fn ChatPage() -> impl IntoView {
    let path = use_location().pathname.get_untracked();
    let open = address::conversation(&path);
    let snapshot = Resource::new_blocking(|| (), move |()| load_chat(open));
    view! {
        <Suspense>
            {move || {
                let path = path.clone();
                Suspend::new(async move {
                    match snapshot.await {
                        Ok(Some(snapshot)) => {
                            let title = first_title(&snapshot, open);
                            view! { <Title text=title/> <ChatIsland snapshot open/> }.into_any()
                        }
                        Ok(None) => view! { <Redirect path=ReturnPath::or_home(&path).after("/login")/> }.into_any(),
                        Err(refusal) => view! { <Trouble message=refusal.message/> }.into_any(),
                    }
                })
            }}
        </Suspense>
    }
}

/// The title that the page comes with.
fn first_title(snapshot: &ChatSnapshot, open: Option<ConversationId>) -> String {
    let unread = snapshot.conversations.iter().map(|given| given.unread).sum();
    let here = snapshot.conversations.iter().find(|given| Some(given.id) == open);
    title(unread, here.map(|given| conversation_name(given, snapshot.viewer.user.id)).as_deref())
}

/// All of the chat that is alive.
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

#[component]
fn Trouble(message: String) -> impl IntoView {
    view! {
        <main class="chat chat--trouble">
            <h1>"Trunkline"</h1>
            <p role="alert">{message}</p>
            <a class="button button--primary" href="" rel="external">"Try again"</a>
        </main>
    }
}
