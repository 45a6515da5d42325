//! Display name and password.

use super::Notice;
use crate::components::field::{PasswordField, TextField};
use crate::components::form::{FormProblem, Once};
use crate::functions::form::{Field, Refused};
use crate::functions::settings::{ChangePassword, Done, SetDisplayName};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use trunkline_protocol::User;
use trunkline_protocol::limits::PASSWORD_MIN_CHARS;

/// The name on screen.
#[component]
pub fn Profile(
    /// Whose.
    user: User,
    /// What was done last.
    done: Option<Done>,
    /// The form that was refused last.
    refused: Refused,
) -> impl IntoView {
    let problems = refused.problems_of(SetDisplayName::PATH);
    let value = if problems.is_empty() { user.display_name } else { refused.typed.display_name };
    let said = matches!(done, Some(Done::Named)).then_some("Your display name was changed.");
    view! {
        <section class="panel" id="profile" aria-labelledby="profile-title">
            <h2 class="panel__title" id="profile-title">"Profile"</h2>
            <Notice said/>
            <form method="post" action=SetDisplayName::PATH class="form" novalidate=true>
                <Once/>
                <FormProblem problems=problems.clone()/>
                <TextField
                    field=Field::DisplayName
                    problems
                    id="display-name"
                    name="display_name"
                    label="Display name"
                    hint=format!("What others see. You log in as {}.", user.name)
                    autocomplete="nickname"
                    value
                />
                <button class="button button--primary" type="submit">"Save"</button>
            </form>
        </section>
    }
}

/// The password.
#[component]
pub fn Password(
    /// Whose.
    user: User,
    /// What was done last.
    done: Option<Done>,
    /// The form that was refused last.
    refused: Refused,
) -> impl IntoView {
    let problems = refused.problems_of(ChangePassword::PATH);
    let said = matches!(done, Some(Done::PasswordChanged))
        .then_some("Your password was changed. All other sessions and all access tokens were ended.");
    view! {
        <section class="panel" id="password" aria-labelledby="password-title">
            <h2 class="panel__title" id="password-title">"Password"</h2>
            <Notice said/>
            <form method="post" action=ChangePassword::PATH class="form" novalidate=true>
                <Once/>
                <FormProblem problems=problems.clone()/>
                // Password managers want to know whose password this is.
                <input type="text" name="username" value=user.name autocomplete="username" hidden=true readonly=true/>
                <PasswordField
                    field=Field::CurrentPassword
                    problems=problems.clone()
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
                    hint=format!("At least {PASSWORD_MIN_CHARS} characters. A new password ends all your other sessions and all your access tokens.")
                    autocomplete="new-password"
                />
                <button class="button button--primary" type="submit">"Change password"</button>
            </form>
        </section>
    }
}
