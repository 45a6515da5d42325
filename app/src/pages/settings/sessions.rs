//! The account's logins, and ending them.

use super::Notice;
use crate::backend::SessionInfo;
use crate::components::form::{FormProblem, Problems};
use crate::components::moment::Moment;
use crate::functions::settings::{Done, EndOtherSessions, EndSession};
use leptos::form::ActionForm;
use leptos::prelude::*;

/// The live logins, this one first in words.
#[component]
pub fn Sessions(
    /// They.
    sessions: Vec<SessionInfo>,
    /// What was done last.
    done: Option<Done>,
) -> impl IntoView {
    let end = ServerAction::<EndSession>::new();
    let end_others = ServerAction::<EndOtherSessions>::new();
    let said = match done {
        Some(Done::SessionEnded) => Some("The session was ended."),
        Some(Done::OthersEnded) => Some("All other sessions were ended."),
        _ => None,
    };
    let others = (sessions.len() > 1).then(|| {
        view! {
            <ActionForm action=end_others>
                <button class="button button--danger" type="submit">"End all other sessions"</button>
            </ActionForm>
        }
    });
    let rows = sessions.into_iter().map(|session| view! { <Row session end/> }).collect_view();
    view! {
        <section class="panel" id="sessions" aria-labelledby="sessions-title">
            <h2 class="panel__title" id="sessions-title">"Sessions"</h2>
            <p class="panel__text">"Where you are logged in. Ending a session closes it everywhere within seconds."</p>
            <Notice said/>
            <FormProblem problems=Problems::of(end)/>
            <FormProblem problems=Problems::of(end_others)/>
            <ul class="rows">{rows}</ul>
            {others}
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
