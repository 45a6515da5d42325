//! Finds people in the directory and picks some of them.

use crate::backend::{Person, Refusal};
use crate::components::avatar::Avatar;
use crate::functions::chat::directory;
use crate::state::chat::Chat;
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::time::Duration;
use trunkline_protocol::{User, UserId};

/// How long typing must rest before the directory is asked.
const REST: Duration = Duration::from_millis(150);

/// A search field with a list of people below, each to be picked.
#[component]
pub fn PeoplePicker(
    /// Who is picked, in the order of picking.
    picked: RwSignal<Vec<User>>,
    /// Who is not offered.
    #[prop(into)]
    without: Signal<Vec<UserId>>,
) -> impl IntoView {
    let chat = expect_context::<Chat>();
    let query = RwSignal::new(String::new());
    let found = RwSignal::new(None::<Result<Vec<Person>, Refusal>>);
    let asked = StoredValue::new(0_u32);
    let ask = move |query: String| {
        asked.update_value(|asked| *asked += 1);
        let number = asked.get_value();
        spawn_local(async move {
            let answer = directory(query).await;
            // An answer that was overtaken by a later question, or by the end of the dialog, is dropped.
            if asked.try_get_value() == Some(number) {
                found.try_set(Some(answer));
            }
        });
    };
    Effect::new(move |_| ask(String::new()));
    let mut ask_rested = debounce(REST, ask);
    let people = Memo::new(move |_| match &*found.read() {
        Some(Ok(people)) => {
            let without = without.read();
            people
                .iter()
                .filter(|person| person.user.id != chat.me && !without.contains(&person.user.id))
                .cloned()
                .collect()
        }
        _ => Vec::new(),
    });
    let remark = move || match &*found.read() {
        None => Some("Looking for people…".to_owned()),
        Some(Err(refusal)) => Some(refusal.message.clone()),
        Some(Ok(_)) if !people.read().is_empty() => None,
        Some(Ok(_)) if query.read().trim().is_empty() => Some("Nobody else is here yet.".to_owned()),
        Some(Ok(_)) => Some("Nobody has this name.".to_owned()),
    };
    view! {
        <div class="people">
            <label class="visually-hidden" for="people-query">"Search people"</label>
            <input
                class="field__input people__query"
                id="people-query"
                type="search"
                placeholder="Search people"
                autocomplete="off"
                autofocus=true
                prop:value=move || query.get()
                on:input=move |event| {
                    query.set(event_target_value(&event));
                    ask_rested(event_target_value(&event));
                }
            />
            <Picked picked/>
            <ul class="people__list">
                <For each=move || people.get() key=|person| person.user.id let(person)>
                    <Candidate person picked/>
                </For>
            </ul>
            <p class="people__remark" aria-live="polite">{remark}</p>
        </div>
    }
    .into_any()
}

#[component]
fn Candidate(person: Person, picked: RwSignal<Vec<User>>) -> impl IntoView {
    let user = person.user;
    let id = user.id;
    let name = user.display_name.clone();
    let online = Some(person.presence.online);
    let checked = move || picked.read().iter().any(|picked| picked.id == id);
    let login = format!("@{}", user.name);
    let toggle = move |_| {
        picked.update(|picked| match picked.iter().position(|known| known.id == id) {
            Some(at) => {
                picked.remove(at);
            }
            None => picked.push(user.clone()),
        });
    };
    view! {
        <li>
            <label class="person">
                <input class="person__box" type="checkbox" prop:checked=checked on:change=toggle/>
                <Avatar id=id.0 name=name.clone() online/>
                <span class="person__name" dir="auto">{name}</span>
                <span class="person__login">{login}</span>
            </label>
        </li>
    }
    .into_any()
}

#[component]
fn Picked(picked: RwSignal<Vec<User>>) -> impl IntoView {
    let remove = move |id| picked.update(|picked| picked.retain(|user: &User| user.id != id));
    move || {
        (!picked.read().is_empty()).then(|| {
            let chip = |user: User| {
                view! {
                    <li>
                        <button
                            class="chip"
                            type="button"
                            aria-label=format!("Do not add {}", user.display_name)
                            on:click=move |_| remove(user.id)
                        >
                            {user.display_name.clone()}" ×"
                        </button>
                    </li>
                }
            };
            view! { <ul class="people__picked" aria-label="Picked">{picked.get().into_iter().map(chip).collect_view()}</ul> }
        })
    }
}
