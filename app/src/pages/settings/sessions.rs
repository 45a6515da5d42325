//! The account's logins, and ending them.

use super::Notice;
use crate::backend::SessionInfo;
use crate::components::form::{FormProblem, Once};
use crate::components::moment::{Moment, Stamp};
use crate::functions::form::Refused;
use crate::functions::settings::{Done, EndOtherSessions, EndSession};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// The live logins, this one first in words.
#[component]
pub fn Sessions(
    /// They.
    sessions: Vec<SessionInfo>,
    /// What was done last.
    done: Option<Done>,
    /// The form that was refused last.
    refused: Refused,
) -> impl IntoView {
    let said = match done {
        Some(Done::SessionEnded) => Some("The session was ended."),
        Some(Done::OthersEnded) => Some("All other sessions were ended."),
        _ => None,
    };
    let others = (sessions.len() > 1).then(|| {
        view! {
            <form method="post" action=EndOtherSessions::PATH>
                <Once/>
                <button class="button button--danger" type="submit">"End all other sessions"</button>
            </form>
        }
    });
    let rows = sessions.into_iter().map(|session| view! { <Row session/> }).collect_view();
    view! {
        <section class="panel" id="sessions" aria-labelledby="sessions-title">
            <h2 class="panel__title" id="sessions-title">"Sessions"</h2>
            <p class="panel__text">"Where you are logged in. Ending a session closes it everywhere within seconds."</p>
            <Notice said/>
            <FormProblem problems=refused.problems_of(EndSession::PATH)/>
            <FormProblem problems=refused.problems_of(EndOtherSessions::PATH)/>
            <ul class="rows">{rows}</ul>
            {others}
        </section>
    }
}

#[component]
fn Row(session: SessionInfo) -> impl IntoView {
    // Two sessions on one device are told apart by when they began.
    let label = format!("End session on {}, began {}", session.device, Stamp::of(session.created).readable());
    let ending = if session.current {
        view! { <span class="badge">"This device"</span> }.into_any()
    } else {
        view! {
            <form method="post" action=EndSession::PATH>
                <Once/>
                <input type="hidden" name="session" value=session.id.to_string()/>
                <button class="button button--quiet" type="submit" aria-label=label>
                    "End"
                </button>
            </form>
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
