//! Invite links, for administrators.

use super::tokens::Secret;
use crate::components::form::{FormProblem, Once};
use crate::functions::form::Refused;
use crate::functions::settings::{CreateInvite, Done};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// Makes invite links.
#[component]
pub fn Invites(
    /// What was done last.
    done: Option<Done>,
    /// The form that was refused last.
    refused: Refused,
) -> impl IntoView {
    let link = match done {
        Some(Done::InviteMade { link }) => Some(link),
        _ => None,
    };
    view! {
        <section class="panel" id="invites" aria-labelledby="invites-title">
            <h2 class="panel__title" id="invites-title">"Invites"</h2>
            <p class="panel__text">"An invite link is good for one week and ten accounts."</p>
            <Secret secret=link id="invite-link" label="Invite link"/>
            <form method="post" action=CreateInvite::PATH>
                <Once/>
                <FormProblem problems=refused.problems_of(CreateInvite::PATH)/>
                <button class="button" type="submit">"Create invite link"</button>
            </form>
        </section>
    }
}
