//! Invite links, for administrators.

use super::Current;
use super::tokens::Secret;
use crate::components::form::{FormProblem, Problems, SubmitButton};
use crate::functions::settings::{CreateInvite, Done};
use leptos::form::ActionForm;
use leptos::prelude::*;

/// Makes invite links.
#[component]
pub fn Invites(
    /// The page as it is now.
    current: Current,
) -> impl IntoView {
    let action = ServerAction::<CreateInvite>::new();
    current.follow(action);
    let link = move || {
        current.0.with(|content| match &content.done {
            Some(Done::InviteMade { link }) => Some(link.clone()),
            _ => None,
        })
    };
    view! {
        <section class="panel" id="invites" aria-labelledby="invites-title">
            <h2 class="panel__title" id="invites-title">"Invites"</h2>
            <p class="panel__text">"An invite link is good for one week and ten accounts."</p>
            <Secret
                secret=Signal::derive(link)
                id="invite-link"
                label="Invite link"
                remark="Copy it now: it is not shown again."
            />
            <ActionForm action>
                <FormProblem problems=Problems::of(action)/>
                <SubmitButton pending=action.pending() class="button">"Create invite link"</SubmitButton>
            </ActionForm>
        </section>
    }
}
