//! The dialog about a conversation: who is in it, and what can be changed.

use crate::backend::GroupAmendment;
use crate::components::chat::member_row::MemberRow;
use crate::components::chat::people_picker::PeoplePicker;
use crate::components::dialog::Dialog;
use crate::components::icon::{Glyph, Icon};
use crate::functions::chat::amend;
use crate::state::chat::Chat;
use crate::text::lower;
use leptos::prelude::*;
use leptos::task::spawn_local;
use trunkline_protocol::limits::NAME_CHARS;
use trunkline_protocol::text::is_name;
use trunkline_protocol::{Conversation, ConversationId, ConversationKind, User};

/// Members of a group, with what their owner and they themselves can do; or who the other one is.
#[component]
pub fn ConversationDetails(
    /// Which.
    id: ConversationId,
    /// What is known of it.
    conversation: ArcRwSignal<Conversation>,
    /// Whether the dialog is open.
    open: RwSignal<bool>,
) -> impl IntoView {
    let conversation = RwSignal::from(conversation);
    view! {
        <Dialog open id="details" title="Conversation details">
            <Details id conversation open/>
        </Dialog>
    }
    .into_any()
}

#[component]
fn Details(id: ConversationId, conversation: RwSignal<Conversation>, open: RwSignal<bool>) -> impl IntoView {
    let chat = expect_context::<Chat>();
    let problem = RwSignal::new(None::<String>);
    let busy = RwSignal::new(false);
    let change = Callback::new(move |change: GroupAmendment| {
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        problem.set(None);
        let leaves = change == GroupAmendment::RemoveMember { member: chat.me };
        spawn_local(async move {
            let answer = amend(id, change).await;
            // The new state itself comes over the socket, as it does to everyone, and often before the answer: who
            // leaves may find this dialog gone.
            busy.try_set(false);
            match answer {
                Ok(()) if leaves => {
                    open.try_set(false);
                    chat.open.go(None);
                }
                Ok(()) => {}
                Err(refusal) => {
                    problem.try_set(Some(refusal.message));
                }
            }
        });
    });
    let group = conversation.with_untracked(|given| given.kind == ConversationKind::Group);
    let owner = Memo::new(move |_| conversation.read().owner);
    let owns = Signal::derive(move || owner.get() == Some(chat.me));
    let members = Memo::new(move |_| {
        let mut members: Vec<_> = conversation.read().members.iter().map(|member| member.user.clone()).collect();
        members.sort_by_cached_key(|user| (user.id == chat.me, lower(&user.display_name)));
        members.into_iter().map(|user| user.id).collect::<Vec<_>>()
    });
    let tools = group.then(|| {
        view! {
            {move || owns.get().then(|| view! { <Rename conversation change/> })}
            <AddPeople conversation change/>
        }
    });
    view! {
        <div class="dialog__body details">
            {tools}
            <h3 class="details__heading">{move || if group { format!("Members ({})", members.read().len()) } else { "People".into() }}</h3>
            <ul class="details__members">
                <For each=move || members.get() key=|user| *user let(user)>
                    <MemberRow user owner=Signal::derive(move || owner.get() == Some(user)) manages=owns amend=change/>
                </For>
            </ul>
            <p class="details__delivery"><a href=format!("/c/{id}/delivery")>"Delivery of your messages"</a></p>
            <p class="field__error" role="alert">{problem}</p>
            {group.then(|| view! { <Leave change/> })}
        </div>
    }
    .into_any()
}

#[component]
fn Rename(conversation: RwSignal<Conversation>, change: Callback<GroupAmendment>) -> impl IntoView {
    let name = RwSignal::new(conversation.with_untracked(|given| given.name.clone().unwrap_or_default()));
    let ready = move || {
        let name = name.read();
        let new = name.trim();
        is_name(new) && conversation.read().name.as_deref() != Some(new)
    };
    let submit = move |event: leptos::web_sys::SubmitEvent| {
        event.prevent_default();
        if untrack(ready) {
            change.run(GroupAmendment::Rename { name: name.get_untracked().trim().to_owned() });
        }
    };
    view! {
        <form class="details__rename" on:submit=submit>
            <label class="field__label" for="rename-group">"Group name"</label>
            <div class="details__row">
                <input
                    class="field__input"
                    id="rename-group"
                    type="text"
                    autocomplete="off"
                    maxlength=NAME_CHARS.to_string()
                    dir="auto"
                    prop:value=move || name.get()
                    on:input=move |event| name.set(event_target_value(&event))
                />
                <button class="button" type="submit" disabled=move || !ready()>"Rename"</button>
            </div>
        </form>
    }
    .into_any()
}

#[component]
fn AddPeople(conversation: RwSignal<Conversation>, change: Callback<GroupAmendment>) -> impl IntoView {
    let adding = RwSignal::new(false);
    let picked = RwSignal::new(Vec::<User>::new());
    let without =
        Signal::derive(move || conversation.read().members.iter().map(|member| member.user.id).collect::<Vec<_>>());
    let add = move |_| {
        let members = picked.read_untracked().iter().map(|user| user.id).collect();
        change.run(GroupAmendment::AddMembers { members });
        picked.set(Vec::new());
        adding.set(false);
    };
    move || {
        match adding.get() {
        false => {
            view! { <button class="button" type="button" on:click=move |_| adding.set(true)>"Add people"</button> }.into_any()
        }
        true => view! {
            <div class="details__add">
                <PeoplePicker picked without/>
                <div class="details__row">
                    <button
                        class="button button--primary"
                        type="button"
                        disabled=move || picked.read().is_empty()
                        on:click=add
                    >
                        "Add"
                    </button>
                    <button class="button button--quiet" type="button" on:click=move |_| adding.set(false)>"Cancel"</button>
                </div>
            </div>
        }
        .into_any(),
    }
    }
}

#[component]
fn Leave(change: Callback<GroupAmendment>) -> impl IntoView {
    let chat = expect_context::<Chat>();
    let asked = RwSignal::new(false);
    let leave = move |_| change.run(GroupAmendment::RemoveMember { member: chat.me });
    move || {
        match asked.get() {
        false => view! {
            <button class="button button--quiet details__leave" type="button" on:click=move |_| asked.set(true)>
                <Icon glyph=Glyph::Leave/>
                "Leave group"
            </button>
        }
        .into_any(),
        true => view! {
            <div class="details__confirm" role="group" aria-label="Leave this group?">
                <p>"Leave this group? You will no longer see what is said in it."</p>
                <div class="details__row">
                    <button class="button button--danger" type="button" on:click=leave>"Leave"</button>
                    <button class="button button--quiet" type="button" on:click=move |_| asked.set(false)>"Stay"</button>
                </div>
            </div>
        }
        .into_any(),
    }
    }
}
