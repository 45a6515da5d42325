//! Invite links, for administrators.

use super::tokens::Secret;
use crate::components::form::{FormProblem, Problems};
use crate::functions::settings::{CreateInvite, Done};
use leptos::form::ActionForm;
use leptos::prelude::*;

/// Makes invite links.
#[component]
pub fn Invites(
    /// What was done last.
    done: Option<Done>,
) -> impl IntoView {
    let action = ServerAction::<CreateInvite>::new();
    let link = match done {
        Some(Done::InviteMade { link }) => Some(link),
        _ => None,
    };
    view! {
        <section class="panel" id="invites" aria-labelledby="invites-title">
            <h2 class="panel__title" id="invites-title">"Invites"</h2>
            <p class="panel__text">"An invite link is good for one week and ten accounts."</p>
            <Secret secret=link id="invite-link" label="Invite link"/>
            <ActionForm action>
                <FormProblem problems=Problems::of(action)/>
                <button class="button" type="submit">"Create invite link"</button>
            </ActionForm>
        </section>
    }
}
