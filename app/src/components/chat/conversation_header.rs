//! The top of the open conversation: whom one talks to.

use crate::components::avatar::Avatar;
use crate::components::icon::{Glyph, Icon};
use crate::state::chat::Chat;
use crate::state::standing::Standing;
use leptos::prelude::*;
use leptos::web_sys::HtmlElement;
use trunkline_protocol::{Conversation, ConversationId, ConversationKind};

/// Name, presence, and the ways back and to the details.
#[component]
pub fn ConversationHeader(
    /// Which.
    id: ConversationId,
    /// What is known of it.
    conversation: ArcRwSignal<Conversation>,
    /// Opens the details.
    details: RwSignal<bool>,
) -> impl IntoView {
    let chat = expect_context::<Chat>();
    let conversation = RwSignal::from(conversation);
    let (group, peer) = conversation
        .with_untracked(|given| (given.kind == ConversationKind::Group, given.peer(chat.me).map(|peer| peer.id)));
    let name = Signal::derive(move || chat.name(id).unwrap_or_default());
    let online = Signal::derive(move || peer.and_then(|peer| chat.is_online(peer)));
    let line = Memo::new(move |_| {
        let writers: Vec<_> = chat.typing.with(|typing| typing.writers(id).collect());
        let (conversation, people, presence) = (conversation.read(), chat.people.read(), chat.presence.read());
        let standing = Standing {
            me: chat.me,
            conversation: &conversation,
            people: &people,
            presence: &presence,
            writers: &writers,
            now: chat.clock.now(),
        };
        standing.line(|at| chat.clock.offset(at))
    });
    let writing = move || chat.typing.with(|typing| typing.writers(id).next().is_some()).then_some("");
    view! {
        <header class="heading">
            // A link, so that it leads back without scripts too; the role is what it is with them.
            <a
                class="icon-button heading__back"
                href="/"
                role="button"
                aria-label="Back to conversations"
                on:keydown=move |event| {
                    // A button answers to the space bar too.
                    if event.key() == " " {
                        event.prevent_default();
                        event_target::<HtmlElement>(&event).click();
                    }
                }
            >
                <Icon glyph=Glyph::Back/>
            </a>
            <Avatar id=peer.map_or(id.0, |peer| peer.0) name group online/>
            <div class="heading__text">
                <h2 class="heading__name" id="conversation-name" dir="auto">{name}</h2>
                <p class="heading__line" data-writing=writing>{line}</p>
            </div>
            <button
                class="icon-button"
                type="button"
                aria-label="Conversation details"
                title="Conversation details"
                on:click=move |_| details.set(true)
            >
                <Icon glyph=Glyph::Info/>
            </button>
        </header>
    }
    .into_any()
}
