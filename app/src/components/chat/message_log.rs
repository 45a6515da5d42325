//! The messages of the open conversation.

use crate::components::chat::message::MessageLine;
use crate::components::chat::scroller::{Scroller, Sight};
use crate::components::icon::{Glyph, Icon};
use crate::realtime::{Command, tell};
use crate::state::chat::Chat;
use crate::state::thread::{Item, Thread};
use crate::state::title::badge;
use crate::state::wording::sentence;
use crate::time;
use leptos::html;
use leptos::prelude::*;
use std::cell::RefCell;
use std::rc::Rc;
use trunkline_protocol::{Conversation, ConversationId, ConversationKind};

/// The messages, with everything that happens when one scrolls through them.
#[component]
pub fn MessageLog(
    /// Whose messages.
    id: ConversationId,
    /// What is known of the conversation.
    conversation: ArcRwSignal<Conversation>,
    /// The lines.
    thread: Thread,
) -> impl IntoView {
    let chat = expect_context::<Chat>();
    let conversation = RwSignal::from(conversation);
    let group = conversation.with_untracked(|given| given.kind == ConversationKind::Group);
    let (items, extent, sends) = (thread.items.clone(), RwSignal::from(thread.extent.clone()), thread.sends.clone());
    let (frame, content) = (NodeRef::<html::Div>::new(), NodeRef::<html::Div>::new());
    let sight = Sight::new();
    let jumps = RwSignal::new(0_u32);
    let loaded = Memo::new(move |_| extent.read().loaded);

    // What is brought into view when the conversation is opened.
    let first = if chat.target.is_some_and(|(there, _)| there == id) { "#at" } else { ".log__new" };

    // One scroller for as long as the two boxes are there; the effects below find it here.
    let scroller = Rc::new(RefCell::new(None::<Rc<Scroller>>));
    let begun = Rc::clone(&scroller);
    let running = RwSignal::new(false);
    Effect::new(move |_| {
        let (Some(frame), Some(content)) = (frame.get(), content.get()) else { return };
        begun.replace(Some(Scroller::begin((**frame).clone(), (**content).clone(), sight)));
        running.set(true);
    });
    let settled = Rc::clone(&scroller);
    Effect::new(move |_| {
        if running.get() && loaded.get() {
            let scroller = settled.borrow().clone();
            // One frame later the lines are there.
            request_animation_frame(move || {
                if let Some(scroller) = scroller {
                    scroller.settle(first);
                }
            });
        }
    });
    Effect::new(move |before: Option<(u32, u32)>| {
        let now = (sends.get(), jumps.get());
        if before.is_some_and(|before| before != now)
            && let Some(scroller) = scroller.borrow().clone()
        {
            request_animation_frame(move || scroller.to_end());
        }
        now
    });
    Effect::new(move |_| {
        let extent = extent.get();
        if sight.at_end.get() && chat.attention.get() && extent.loaded {
            tell(Command::Read(id, extent.end));
        }
    });
    Effect::new(move |_| {
        // Asked again at each look, and only then: the view has its new height by then, so no page is loaded too many.
        if sight.near_top.get() > 0 && extent.read_untracked().has_older {
            tell(Command::LoadOlder(id));
        }
    });

    let lines = thread.clone();
    let line = move |item: Item| match item {
        Item::Day(day) => {
            let label = move || time::day_label(day, chat.clock.today());
            view! { <h3 class="log__day">{label}</h3> }.into_any()
        }
        Item::New => {
            view! { <div class="log__new" role="separator" aria-label="New messages"><span>"New messages"</span></div> }
                .into_any()
        }
        Item::Message(message) => {
            view! { <MessageLine message conversation=id thread=lines.clone() group/> }.into_any()
        }
        Item::Event(change) => {
            let said = move || chat.people.with(|people| sentence(&change, chat.me, people));
            view! { <p class="log__event" dir="auto">{said}</p> }.into_any()
        }
    };
    let start = move || {
        let extent = extent.get();
        let text = match (extent.loaded, extent.has_older, extent.end.0) {
            (false, ..) => return view! { <Waiting/> }.into_any(),
            (_, true, _) => "Loading earlier messages…".to_owned(),
            (_, _, 0) => "No messages yet. Say hello.".to_owned(),
            _ => match conversation.with(|given| given.peer(chat.me).map(|peer| peer.id)) {
                Some(peer) => format!("This is the beginning of your conversation with {}.", chat.person(peer)),
                None => "This is the beginning of this conversation.".to_owned(),
            },
        };
        view! { <p class="log__start">{text}</p> }.into_any()
    };
    let writing = move || {
        chat.typing.with(|typing| typing.writers(id).next().is_some()).then(|| {
            view! { <div class="log__writing" aria-hidden="true"><span></span><span></span><span></span></div> }
        })
    };
    let unread = Memo::new(move |_| conversation.read().unread);
    let count = move || (unread.get() > 0).then(|| view! { <span class="jump__count">{badge(unread.get())}</span> });
    view! {
        <div class="log-frame">
            <div class="log" role="log" aria-label="Messages" aria-live="off" tabindex="0" node_ref=frame>
                <div class="log__content" node_ref=content>
                    {start}
                    <For each=move || items.get() key=Item::id children=line/>
                    {writing}
                </div>
            </div>
            <Show when=move || sight.far.get()>
                <button
                    class="jump"
                    type="button"
                    title="Jump to latest"
                    on:click=move |_| jumps.update(|jumps| *jumps += 1)
                >
                    <Icon glyph=Glyph::Down/>
                    <span class="visually-hidden">"Jump to latest"</span>
                    {count}
                </button>
            </Show>
        </div>
    }
    .into_any()
}

/// Bubbles without text, while the first messages are on their way.
#[component]
fn Waiting() -> impl IntoView {
    view! {
        <div class="log__waiting">
            <span class="visually-hidden">"Loading messages…"</span>
            <span></span><span></span><span></span>
        </div>
    }
    .into_any()
}
