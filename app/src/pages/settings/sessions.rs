//! The account's logins, and ending them.

use super::{Current, Notice};
use crate::backend::SessionInfo;
use crate::components::form::{FormProblem, Problems, SubmitButton};
use crate::components::moment::Moment;
use crate::functions::settings::{Done, EndOtherSessions, EndSession};
use leptos::form::ActionForm;
use leptos::prelude::*;

/// The live logins, this one first in words.
#[component]
pub fn Sessions(
    /// The page as it is now.
    current: Current,
) -> impl IntoView {
    let end = ServerAction::<EndSession>::new();
    let end_others = ServerAction::<EndOtherSessions>::new();
    current.follow(end);
    current.follow(end_others);
    let said = current.said(|done| match done {
        Done::SessionEnded => Some("The session was ended."),
        Done::OthersEnded => Some("All other sessions were ended."),
        _ => None,
    });
    let sessions = move || current.0.with(|content| content.settings.sessions.clone());
    let several = Memo::new(move |_| current.0.with(|content| content.settings.sessions.len() > 1));
    view! {
        <section class="panel" id="sessions" aria-labelledby="sessions-title">
            <h2 class="panel__title" id="sessions-title">"Sessions"</h2>
            <p class="panel__text">"Where you are logged in. Ending a session closes it everywhere within seconds."</p>
            <Notice said=Signal::derive(said)/>
            <FormProblem problems=Problems::of(end)/>
            <FormProblem problems=Problems::of(end_others)/>
            <ul class="rows">
                <For each=sessions key=|session| (session.id, session.last_used) let:session>
                    <Row session end/>
                </For>
            </ul>
            {move || several.get().then(|| view! {
                <ActionForm action=end_others>
                    <SubmitButton pending=end_others.pending() class="button button--danger">
                        "End all other sessions"
                    </SubmitButton>
                </ActionForm>
            })}
        </section>
    }
}

#[component]
fn Row(session: SessionInfo, end: ServerAction<EndSession>) -> impl IntoView {
    let label = format!("End session on {}", session.device);
    let ending = if session.current {
        view! { <span class="badge">"This device"</span> }.into_any()
    } else {
        view! {
            <ActionForm action=end>
                <input type="hidden" name="session" value=session.id.to_string()/>
                <button class="button button--quiet" type="submit" aria-label=label>
                    "End"
                </button>
            </ActionForm>
        }
        .into_any()
    };
    view! {
        <li class="rows__row">
            <div class="rows__text">
                <p class="rows__name">{session.device}</p>
                <p class="rows__detail">"Last used " <Moment at=session.last_used/></p>
                <p class="rows__detail">"Began " <Moment at=session.created/></p>
            </div>
            {ending}
        </li>
    }
}
