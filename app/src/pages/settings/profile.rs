//! Display name and password.

use super::{Current, Notice};
use crate::components::field::{PasswordField, TextField};
use crate::components::form::{FormProblem, Problems, SubmitButton, clear_when_done, done};
use crate::functions::form::Field;
use crate::functions::settings::{ChangePassword, Done, SetDisplayName};
use leptos::form::ActionForm;
use leptos::prelude::*;
use trunkline_protocol::limits::PASSWORD_MIN_CHARS;

/// The name on screen.
#[component]
pub fn Profile(
    /// The page as it is now.
    current: Current,
) -> impl IntoView {
    let action = ServerAction::<SetDisplayName>::new();
    current.follow(action);
    let problems = Problems::of(action);
    let said = current.said(|done| matches!(done, Done::Named).then_some("Your display name was changed."));
    let user = current.0.with_untracked(|content| content.settings.viewer.user.clone());
    view! {
        <section class="panel" id="profile" aria-labelledby="profile-title">
            <h2 class="panel__title" id="profile-title">"Profile"</h2>
            <Notice said=Signal::derive(said)/>
            <ActionForm action attr:class="form" attr:novalidate=true>
                <FormProblem problems/>
                <TextField
                    field=Field::DisplayName
                    problems
                    id="display-name"
                    name="display_name"
                    label="Display name"
                    hint=format!("What others see. You log in as {}.", user.name)
                    autocomplete="nickname"
                    value=user.display_name
                />
                <SubmitButton pending=action.pending()>"Save"</SubmitButton>
            </ActionForm>
        </section>
    }
}

/// The password.
#[component]
pub fn Password(
    /// The page as it is now.
    current: Current,
) -> impl IntoView {
    let action = ServerAction::<ChangePassword>::new();
    current.follow(action);
    let form = NodeRef::new();
    clear_when_done(form, done(action));
    let problems = Problems::of(action);
    let said = current.said(|done| {
        matches!(done, Done::PasswordChanged).then_some("Your password was changed. All other sessions were ended.")
    });
    let user = current.0.with_untracked(|content| content.settings.viewer.user.name.clone());
    view! {
        <section class="panel" id="password" aria-labelledby="password-title">
            <h2 class="panel__title" id="password-title">"Password"</h2>
            <Notice said=Signal::derive(said)/>
            <ActionForm action node_ref=form attr:class="form" attr:novalidate=true>
                <FormProblem problems/>
                // Password managers want to know whose password this is.
                <input type="text" name="username" value=user autocomplete="username" hidden=true readonly=true/>
                <PasswordField
                    field=Field::CurrentPassword
                    problems
                    id="current-password"
                    name="current"
                    label="Current password"
                    autocomplete="current-password"
                />
                <PasswordField
                    field=Field::NewPassword
                    problems
                    id="new-password"
                    name="new"
                    label="New password"
                    hint=format!("At least {PASSWORD_MIN_CHARS} characters. It ends all your other sessions.")
                    autocomplete="new-password"
                />
                <SubmitButton pending=action.pending()>"Change password"</SubmitButton>
            </ActionForm>
        </section>
    }
}
