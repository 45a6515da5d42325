//! Where one writes.

use crate::components::icon::{Glyph, Icon};
use crate::realtime::{Command, storage, tell};
use crate::state::chat::Chat;
use crate::state::draft::{Draft, Fit};
use crate::state::thread::Thread;
use leptos::html;
use leptos::prelude::*;
use leptos::web_sys::KeyboardEvent;
use trunkline_protocol::ConversationId;

/// The text field and its button. Enter sends, Shift+Enter breaks the line. What is written survives a reload.
#[component]
pub fn Composer(
    /// Where to.
    id: ConversationId,
    /// The conversation's lines, which may hand a text back.
    thread: Thread,
) -> impl IntoView {
    let chat = expect_context::<Chat>();
    let input = NodeRef::<html::Textarea>::new();
    let keep_draft = move |text: &str| chat.viewer.with_value(|viewer| storage::keep_draft(&viewer.user, id, text));
    // `None` until the draft is known, so that nothing typed before the scripts came is wiped out.
    let text = RwSignal::new(None::<String>);
    let fit = Memo::new(move |_| text.with(|text| Draft(text.as_deref().unwrap_or_default()).fit()));
    let ready = move || matches!(fit.get(), Fit::Good | Fit::Close(_));

    Effect::new(move |_| {
        let Some(input) = input.get() else { return };
        if text.get_untracked().is_none() {
            let typed = input.value();
            let draft = if typed.is_empty() {
                chat.viewer.with_value(|viewer| storage::draft(&viewer.user, id))
            } else {
                typed
            };
            text.set(Some(draft));
            if has_keyboard() {
                let _gone = input.focus();
            }
        }
    });
    // Not bound in the view: a value that is bound there is set while the page comes alive, and wipes out what was
    // typed before.
    Effect::new(move |_| {
        if let (Some(input), Some(text)) = (input.get(), text.get())
            && input.value() != text
        {
            input.set_value(&text);
        }
    });
    let returned = thread.returned.clone();
    Effect::new(move |_| {
        if let Some(back) = returned.get() {
            returned.set(None);
            if text.with_untracked(|text| text.as_deref().is_none_or(|text| text.trim().is_empty())) {
                keep_draft(&back);
                text.set(Some(back));
            }
        }
    });

    let written = move |written: String| {
        keep_draft(&written);
        if !written.trim().is_empty() {
            tell(Command::Typing(id));
        }
        text.set(Some(written));
    };
    let send = move || {
        if !ready() {
            return;
        }
        let written = text.get_untracked().unwrap_or_default();
        tell(Command::Send { conversation: id, text: Draft(&written).to_send().to_owned() });
        keep_draft("");
        text.set(Some(String::new()));
        if let Some(input) = input.get_untracked() {
            let _gone = input.focus();
        }
    };
    let pressed = move |event: KeyboardEvent| {
        // 229 is what Safari reports for the Enter that ends a composition.
        let composing = event.is_composing() || event.key_code() == 229;
        if event.key() == "Enter" && !event.shift_key() && !composing {
            event.prevent_default();
            send();
        }
    };
    let counter = move || {
        let (text, over) = match fit.get() {
            Fit::Close(text) => (text, None),
            Fit::TooLong(text) => (text, Some("")),
            Fit::Empty | Fit::Good => return None,
        };
        Some(view! { <p class="composer__counter" id="composer-counter" data-over=over>{text}</p> })
    };
    view! {
        <form
            class="composer"
            on:submit=move |event| {
                event.prevent_default();
                send();
            }
        >
            // The copy behind the field, in the style sheet's hands, gives the row its height.
            <div class="composer__field" data-copy=move || text.get().unwrap_or_default()>
                <textarea
                    class="composer__input"
                    aria-label="Message"
                    aria-describedby=move || matches!(fit.get(), Fit::Close(_) | Fit::TooLong(_)).then_some("composer-counter")
                    aria-invalid=move || matches!(fit.get(), Fit::TooLong(_)).then_some("true")
                    placeholder="Message"
                    rows="1"
                    dir="auto"
                    enterkeyhint="send"
                    node_ref=input
                    on:input=move |event| written(event_target_value(&event))
                    on:keydown=pressed
                ></textarea>
            </div>
            <button class="composer__send" type="submit" aria-label="Send" title="Send" disabled=move || !ready()>
                <Icon glyph=Glyph::Send/>
            </button>
            {counter}
            <noscript><p class="composer__note">"JavaScript is needed to send."</p></noscript>
        </form>
    }
    .into_any()
}

/// Whether this is a device with keyboard and pointer: elsewhere a focus would bring up a keyboard nobody asked for.
fn has_keyboard() -> bool {
    let query = window().match_media("(hover: hover) and (pointer: fine)");
    query.ok().flatten().is_some_and(|query| query.matches())
}
