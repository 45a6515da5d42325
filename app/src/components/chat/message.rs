//! One message.

use crate::components::avatar::Avatar;
use crate::components::chat::message_text::MessageText;
use crate::components::chat::receipt::ReceiptMark;
use crate::realtime::{Command, tell};
use crate::state::chat::Chat;
use crate::state::lines::LineId;
use crate::state::receipt::Receipt;
use crate::state::thread::{Message, Thread};
use crate::text::is_few_emoji;
use crate::time;
use leptos::prelude::*;
use trunkline_protocol::ConversationId;

/// A message in its bubble; in a group with its writer's name and face, of one's own with how far it has come.
#[component]
pub fn MessageLine(
    /// The message.
    message: Message,
    /// The conversation it is in.
    conversation: ConversationId,
    /// Where it stands.
    thread: Thread,
    /// Whether its writer needs to be named.
    group: bool,
) -> impl IntoView {
    let chat = expect_context::<Chat>();
    let Message { id, author, text, frame } = message;
    let frame = RwSignal::from(frame);
    let own = author == chat.me;
    let name = Signal::derive(move || chat.person(author));
    let at = Memo::new(move |_| frame.read().at);
    let first = Memo::new(move |_| frame.read().first);
    let last = Memo::new(move |_| frame.read().last);
    let marks = Memo::new(move |_| frame.with(|frame| frame.receipt.clone().map(|receipt| (receipt, frame.seen_by))));
    let seq = Memo::new(move |_| frame.read().seq);
    // Out of the order of Tab, or one would pass by every message: the details of the conversation lead there too.
    let way = move || seq.get().map(|seq| format!("/c/{conversation}/delivery/{seq}"));
    let time = move || time::time_of_day(at.get(), chat.clock.offset(at.get()));
    let moment = move || {
        let offset = chat.clock.offset(at.get());
        format!("{}, {}", time::full_day(time::day_of(at.get(), offset)), time::time_of_day(at.get(), offset))
    };
    let returned = thread.returned;
    let failure = {
        let text = text.clone();
        move || {
            let (LineId::Own(key), Some((Receipt::Failed(reason), _))) = (id, marks.get()) else { return None };
            let (text, returned) = (text.clone(), returned.clone());
            let discard = move |_| {
                returned.set(Some(text.to_string()));
                tell(Command::Discard(key));
            };
            Some(view! {
                <div class="message__failure">
                    <span class="message__reason">{reason}</span>
                    <button class="message__action" type="button" on:click=move |_| tell(Command::Retry(key))>"Retry"</button>
                    <button class="message__action" type="button" on:click=discard>"Discard"</button>
                </div>
            })
        }
    };
    let face = (group && !own).then(|| {
        view! { <div class="message__face">{move || first.get().then(|| view! { <Avatar id=author.0 name/> })}</div> }
    });
    let writer = move || {
        (group && !own && first.get())
            .then(|| view! { <p class="message__author" dir="auto" data-hue=(author.0 % 8).to_string()>{name}</p> })
    };
    let receipt = own.then(|| {
        view! {
            <a class="message__way" href=way tabindex="-1">
                {move || marks.get().map(|(receipt, seen_by)| view! { <ReceiptMark receipt seen_by/> })}
            </a>
        }
    });
    let bubble = view! {
        <div class="message__bubble">
            {writer}
            <div class="message__body" dir="auto">
                <p class="message__text"><MessageText text=text.to_string()/></p>
                <div class="message__meta">
                    <time datetime=move || time::machine(at.get()) title=moment>{time}</time>
                    {receipt}
                </div>
            </div>
        </div>
    }
    .into_any();
    view! {
        <article
            class="message"
            id=chat.target.is_some_and(|(_, line)| line == id).then_some("at")
            aria-label=move || format!("{}, {}", name.get(), time())
            data-own=own.then_some("")
            data-first=move || first.get().then_some("")
            data-last=move || last.get().then_some("")
            data-large=is_few_emoji(&text).then_some("")
            data-state=move || marks.read().as_ref().map(|(receipt, _)| receipt.state())
        >
            {face}
            {bubble}
            {failure}
        </article>
    }
    .into_any()
}
