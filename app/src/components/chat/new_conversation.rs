//! The dialog that begins a conversation.

use crate::backend::Refusal;
use crate::components::chat::people_picker::PeoplePicker;
use crate::components::dialog::Dialog;
use crate::functions::chat::{create_group, direct};
use crate::state::chat::Chat;
use leptos::prelude::*;
use leptos::task::spawn_local;
use trunkline_protocol::limits::NAME_CHARS;
use trunkline_protocol::text::is_name;
use trunkline_protocol::{ConversationId, User};

/// One person makes a direct conversation, several with a name make a group.
#[component]
pub fn NewConversation(
    /// Whether the dialog is open.
    open: RwSignal<bool>,
) -> impl IntoView {
    view! {
        <Dialog open id="new-conversation" title="New conversation">
            <Form open/>
        </Dialog>
    }
    .into_any()
}

#[component]
fn Form(open: RwSignal<bool>) -> impl IntoView {
    let chat = expect_context::<Chat>();
    let picked = RwSignal::new(Vec::<User>::new());
    let name = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let problem = RwSignal::new(None::<String>);
    let group = Memo::new(move |_| picked.read().len() > 1);
    let ready = move || match picked.read().len() {
        0 => false,
        1 => true,
        _ => is_name(name.read().trim()),
    };
    let submit = move |event: leptos::web_sys::SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() || !untrack(ready) {
            return;
        }
        busy.set(true);
        let people: Vec<_> = picked.read_untracked().iter().map(|user| user.id).collect();
        let name = name.get_untracked().trim().to_owned();
        spawn_local(async move {
            let made: Result<ConversationId, Refusal> = match people[..] {
                [only] => direct(only).await,
                _ => create_group(name, people).await,
            };
            if busy.try_set(false).is_some() {
                return;
            }
            match made {
                Ok(id) => {
                    open.set(false);
                    chat.open.go(Some(id));
                }
                Err(refusal) => problem.set(Some(refusal.message)),
            }
        });
    };
    let group_name = move || {
        group.get().then(|| {
            view! {
                <div class="field">
                    <label class="field__label" for="group-name">"Group name"</label>
                    <input
                        class="field__input"
                        id="group-name"
                        type="text"
                        autocomplete="off"
                        maxlength=NAME_CHARS.to_string()
                        dir="auto"
                        prop:value=move || name.get()
                        on:input=move |event| name.set(event_target_value(&event))
                    />
                </div>
            }
        })
    };
    view! {
        <form class="dialog__body" on:submit=submit>
            <PeoplePicker picked without=Vec::new()/>
            {group_name}
            <p class="field__error" role="alert">{problem}</p>
            <div class="dialog__actions">
                <button class="button button--primary" type="submit" disabled=move || busy.get() || !ready()>
                    {move || if group.get() { "Create group" } else { "Start conversation" }}
                </button>
            </div>
        </form>
    }
    .into_any()
}
