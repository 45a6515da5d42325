//! One conversation in the list.

use crate::components::avatar::Avatar;
use crate::state::chat::Chat;
use crate::state::preview::preview;
use crate::state::title::badge;
use crate::time;
use leptos::prelude::*;
use trunkline_protocol::{Conversation, ConversationId, ConversationKind};

/// A link to a conversation, with what one wants to know before following it.
#[component]
pub fn ConversationRow(
    /// Which.
    id: ConversationId,
    /// What is known of it.
    conversation: ArcRwSignal<Conversation>,
    /// Whether the list's one place in the tab order is here.
    #[prop(into)]
    current: Signal<bool>,
) -> impl IntoView {
    let chat = expect_context::<Chat>();
    let conversation = RwSignal::from(conversation);
    let (group, peer) = conversation
        .with_untracked(|given| (given.kind == ConversationKind::Group, given.peer(chat.me).map(|peer| peer.id)));
    let name = Signal::derive(move || chat.name(id).unwrap_or_default());
    let online = Signal::derive(move || peer.and_then(|peer| chat.is_online(peer)));
    let writing = Memo::new(move |_| chat.typing.with(|typing| typing.writers(id).next().is_some()));
    let line =
        Memo::new(move |_| conversation.with(|given| chat.people.with(|people| preview(given, chat.me, people))));
    let at = Memo::new(move |_| conversation.with(|given| given.last_message.as_ref().map(|last| last.at)));
    let unread = Memo::new(move |_| conversation.with(|given| given.unread));
    let time = move || {
        at.get().map(|at| {
            let text = move || time::short(at, chat.clock.offset(at), chat.clock.today());
            view! { <time class="row__time" datetime=time::machine(at)>{text}</time> }
        })
    };
    let count = move || {
        (unread.get() > 0).then(|| {
            let (shown, said) =
                (badge(unread.get()), if unread.get() == 1 { " unread message" } else { " unread messages" });
            view! { <span class="row__badge">{shown}<span class="visually-hidden">{said}</span></span> }
        })
    };
    view! {
        <li class="conversations__item">
            <a
                class="row"
                href=format!("/c/{id}")
                aria-current=move || (chat.open.get() == Some(id)).then_some("page")
                data-unread=move || (unread.get() > 0).then_some("")
                tabindex=move || (chat.clock.is_mounted() && !current.get()).then_some("-1")
            >
                <Avatar id=peer.map_or(id.0, |peer| peer.0) name group online/>
                <span class="row__name" dir="auto">{name}</span>
                {move || (online.get() == Some(true)).then(|| view! { <span class="visually-hidden">", online"</span> })}
                {time}
                {move || match writing.get() {
                    true => view! { <span class="row__preview row__preview--writing">"writing…"</span> }.into_any(),
                    false => view! { <span class="row__preview" dir="auto">{line}</span> }.into_any(),
                }}
                {count}
            </a>
        </li>
    }
    .into_any()
}
