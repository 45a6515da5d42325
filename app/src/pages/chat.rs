//! The chat page, for `/` and `/c/:id`.
//!
//! Both routes show this one component, so that going from one conversation to another keeps the socket and
//! everything that is known. The server renders the list and the open conversation; the browser takes over from the
//! same snapshot, and only then opens its line.

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
use crate::state::chat::Chat;
use crate::state::title::title;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::{Outlet, Redirect};
use leptos_router::hooks::use_location;
use trunkline_protocol::ConversationId;

/// The chat page.
#[component]
pub fn ChatPage() -> impl IntoView {
    let location = use_location();
    let path = location.pathname;
    let open = Memo::new(move |_| path.with(|path| conversation_of(path)));
    let snapshot = Resource::new_blocking(|| (), move |()| load_chat(open.get_untracked()));
    view! {
        <Suspense fallback=|| view! { <main class="chat" aria-busy="true"><h1 class="visually-hidden">"Trunkline"</h1></main> }>
            {move || Suspend::new(async move {
                match snapshot.await {
                    Ok(Some(snapshot)) => view! { <ChatView snapshot open/> }.into_any(),
                    Ok(None) => {
                        let next = ReturnPath::or_home(&path.get_untracked());
                        view! { <Redirect path=next.after("/login")/> }.into_any()
                    }
                    Err(refusal) => view! { <Trouble message=refusal.message/> }.into_any(),
                }
            })}
        </Suspense>
        // Nothing: but until the route's own view is shown, the router takes a followed link for unfinished and keeps the
        // old address.
        <Outlet/>
    }
    .into_any()
}

/// The conversation that a path names.
fn conversation_of(path: &str) -> Option<ConversationId> {
    path.strip_prefix("/c/")?.trim_end_matches('/').parse().ok()
}

#[component]
fn ChatView(snapshot: ChatSnapshot, open: Memo<Option<ConversationId>>) -> impl IntoView {
    let chat = Chat::new(&snapshot, open);
    provide_context(chat);
    let snapshot = StoredValue::new(Some(snapshot));
    Effect::new(move |_| {
        if let Some(snapshot) = snapshot.try_update_value(Option::take).flatten() {
            realtime::start(chat, snapshot);
        }
    });
    Effect::new(move |_| realtime::tell(Command::Open(open.get())));
    on_cleanup(realtime::stop);
    // The server asks for the title when the page is rendered and its signals may be out of reach, so it is found out
    // here and kept where it can be read from anywhere.
    let shown = ArcMemo::new(move |_| title(chat.unread(), open.get().and_then(|id| chat.name(id)).as_deref()));
    shown.with_untracked(|_| ());
    view! {
        <Title text=move || shown.get()/>
        <main class="chat" data-view=move || if open.get().is_some() { "conversation" } else { "list" }>
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
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_conversation_or_none() {
        assert_eq!(conversation_of("/c/12"), Some(ConversationId(12)));
        assert_eq!(conversation_of("/c/12/"), Some(ConversationId(12)));
        for path in ["/", "/c/", "/c/x", "/c/1/2", "/settings"] {
            assert_eq!(conversation_of(path), None, "{path}");
        }
    }
}
