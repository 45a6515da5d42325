//! The right pane: the open conversation, or what stands in its place.

use crate::components::chat::composer::Composer;
use crate::components::chat::conversation_details::ConversationDetails;
use crate::components::chat::conversation_header::ConversationHeader;
use crate::components::chat::message_log::MessageLog;
use crate::state::chat::Chat;
use leptos::prelude::*;
use trunkline_protocol::{Conversation, ConversationId};

/// The pane beside the list.
#[component]
pub fn ConversationPane() -> impl IntoView {
    let chat = expect_context::<Chat>();
    // Only another conversation, or its coming and going, makes another pane.
    let here = Memo::new(move |_| chat.open.get().map(|id| (id, chat.conversation(id).is_some())));
    move || match here.get() {
        None => view! { <Nothing/> }.into_any(),
        Some((id, _)) => match chat.conversation_untracked(id) {
            Some(conversation) => view! { <Open id conversation/> }.into_any(),
            None => view! { <Missing/> }.into_any(),
        },
    }
}

#[component]
fn Open(id: ConversationId, conversation: ArcRwSignal<Conversation>) -> impl IntoView {
    let thread = expect_context::<Chat>().thread(id);
    let details = RwSignal::new(false);
    view! {
        <section class="conversation" aria-labelledby="conversation-name">
            <ConversationHeader id conversation=conversation.clone() details/>
            <MessageLog id conversation=conversation.clone() thread=thread.clone()/>
            <Composer id thread/>
            <ConversationDetails id conversation open=details/>
        </section>
    }
    .into_any()
}

#[component]
fn Nothing() -> impl IntoView {
    view! {
        <section class="conversation conversation--none" aria-label="No conversation">
            <svg class="conversation__picture" viewBox="0 0 120 80" aria-hidden="true" focusable="false">
                <circle cx="22" cy="22" r="9"/>
                <circle cx="98" cy="22" r="9"/>
                <circle cx="22" cy="58" r="9"/>
                <circle cx="98" cy="58" r="9"/>
                <path d="M31 22 C60 22 60 58 89 58"/>
            </svg>
            <p class="conversation__hint">"Choose a conversation, or begin a new one."</p>
            <p class="conversation__keys"><kbd>"Ctrl"</kbd>" or "<kbd>"⌘"</kbd>" and "<kbd>"K"</kbd>" switch between them."</p>
        </section>
    }
    .into_any()
}

/// It may be on its way, if it was made a moment ago; the style sheet lets a second pass before this is seen.
#[component]
fn Missing() -> impl IntoView {
    let chat = expect_context::<Chat>();
    let unsent = move || {
        let texts = chat.stranded.get();
        (!texts.is_empty()).then(|| {
            let texts = texts.into_iter().map(|text| view! { <li class="conversation__text" dir="auto">{text}</li> });
            view! {
                <p>"What you wrote here was not sent, because you are no longer a member:"</p>
                <ul class="conversation__unsent">{texts.collect_view()}</ul>
            }
        })
    };
    view! {
        <section class="conversation conversation--none" aria-label="No such conversation">
            <p class="conversation__hint conversation__hint--late">
                "This conversation is not here. It may not exist, or you are not one of its members."
            </p>
            {unsent}
            <a class="button conversation__home" href="/">"All conversations"</a>
        </section>
    }
    .into_any()
}
