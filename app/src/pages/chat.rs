//! The chat page, for `/` and `/c/:id`: the list and the open conversation, to be read before the scripts are there.

use crate::backend::ChatSnapshot;
use crate::components::chat::island::ChatIsland;
use crate::functions::chat::{Opened, load_chat};
use crate::pages::passage::PassagePage;
use crate::state::address;
use crate::state::people::conversation_name;
use crate::state::title::title;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_location, use_query_map};
use trunkline_protocol::ConversationId;

/// The chat page. Visitors without a session are sent to the login page.
#[component]
pub fn ChatPage() -> impl IntoView {
    let path = use_location().pathname.get_untracked();
    let open = address::conversation(&path);
    let at = use_query_map().with_untracked(|query| query.get("at")?.parse().ok());
    let content = async move {
        match load_chat(open, at, &path).await {
            Ok(Some(Opened::Chat(snapshot))) => {
                let title = first_title(&snapshot, open);
                view! { <Title text=title/> <ChatIsland snapshot=*snapshot open/> }.into_any()
            }
            Ok(Some(Opened::Passage(passage))) => view! { <PassagePage passage=*passage/> }.into_any(),
            Ok(None) => ().into_any(),
            Err(refusal) => view! { <Trouble message=refusal.message/> }.into_any(),
        }
    };
    view! { <Suspense>{Suspend::new(content)}</Suspense> }
}

/// The title that the page comes with.
fn first_title(snapshot: &ChatSnapshot, open: Option<ConversationId>) -> String {
    let unread = snapshot.conversations.iter().map(|given| given.unread).sum();
    let here = snapshot.conversations.iter().find(|given| Some(given.id) == open);
    title(unread, here.map(|given| conversation_name(given, snapshot.viewer.user.id)).as_deref())
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
