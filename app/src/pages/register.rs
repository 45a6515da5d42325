//! The page for a new account.

use crate::backend::Registration;
use crate::components::field::{PasswordField, TextField};
use crate::components::form::{FormProblem, Once};
use crate::components::page::{CardPage, loaded};
use crate::functions::auth::{Entrance, Register, load_entrance};
use crate::functions::form::Field;
use crate::return_path::ReturnPath;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::components::A;
use leptos_router::hooks::use_query_map;
use trunkline_protocol::limits::PASSWORD_MIN_CHARS;

/// Makes an account, if this visitor may.
#[component]
pub fn RegisterPage() -> impl IntoView {
    let query = use_query_map();
    let next = ReturnPath::or_home(&query.read_untracked().get("next").unwrap_or_default());
    let invite = query.read_untracked().get("invite").unwrap_or_default();
    let load = load_entrance(invite.clone(), next.clone());
    let login = next.after("/login");
    let show = |entrance| match obstacle(&entrance) {
        None => view! { <Form entrance invite next/> }.into_any(),
        Some(obstacle) => view! { <p class="notice notice--warning">{obstacle}</p> }.into_any(),
    };
    view! {
        <CardPage title="Create account">
            {loaded(load, show)}
            <div class="card__more">
                <p>"You have an account? " <A href=login>"Log in"</A> "."</p>
            </div>
        </CardPage>
    }
}

/// Why this visitor can not register, if so.
fn obstacle(entrance: &Entrance) -> Option<&'static str> {
    if entrance.doors.first {
        return None;
    }
    match (entrance.doors.registration, entrance.invited) {
        (Registration::Open, _) | (Registration::Invite, Some(true)) => None,
        (Registration::Invite, Some(false)) => {
            Some("This invite link is used up or has expired. Ask an administrator for a new one.")
        }
        (Registration::Invite, None) => {
            Some("Accounts on this server are by invitation. Ask an administrator for an invite link.")
        }
        (Registration::Closed, _) => Some("New accounts are closed on this server."),
    }
}

#[component]
fn Form(entrance: Entrance, invite: String, next: ReturnPath) -> impl IntoView {
    let problems = entrance.refused.problems_of(Register::PATH);
    let first = entrance.doors.first.then(|| {
        view! { <p class="notice">"You are the first: this account will be the administrator."</p> }
    });
    let invited = (entrance.invited == Some(true)).then(|| view! { <p class="notice">"You are invited. Welcome!"</p> });
    view! {
        {first}
        {invited}
        <form method="post" action=Register::PATH class="form" novalidate=true>
            <Once/>
            <FormProblem problems=problems.clone()/>
            <TextField
                field=Field::Name
                problems=problems.clone()
                id="name"
                name="name"
                label="Name"
                hint="At least two letters a to z, digits, dots, dashes or underscores. Others find you by it; it cannot be changed."
                autocomplete="username"
                value=entrance.refused.typed.name
            />
            <TextField
                field=Field::DisplayName
                problems=problems.clone()
                id="display-name"
                name="display_name"
                label="Display name"
                hint="What you are called on screen. Left empty, it is your name."
                autocomplete="nickname"
                value=entrance.refused.typed.display_name
                optional=true
            />
            <PasswordField
                field=Field::Password
                problems
                id="password"
                name="password"
                label="Password"
                hint=format!("At least {PASSWORD_MIN_CHARS} characters. Long is better than complicated.")
                autocomplete="new-password"
            />
            <input type="hidden" name="invite" value=invite/>
            <input type="hidden" name="next" value=next.to_string()/>
            <button class="button button--primary button--wide" type="submit">"Create account"</button>
        </form>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Doors;
    use crate::functions::form::Refused;

    fn entrance(registration: Registration, first: bool, invited: Option<bool>) -> Entrance {
        Entrance { doors: Doors { registration, first }, invited, refused: Refused::default() }
    }

    #[test]
    fn the_first_account_needs_no_invite() {
        assert_eq!(obstacle(&entrance(Registration::Closed, true, None)), None);
        assert_eq!(obstacle(&entrance(Registration::Invite, true, Some(false))), None);
    }

    #[test]
    fn only_a_good_invite_opens_a_door_that_asks_for_one() {
        assert_eq!(obstacle(&entrance(Registration::Invite, false, Some(true))), None);
        assert!(obstacle(&entrance(Registration::Invite, false, Some(false))).is_some());
        assert!(obstacle(&entrance(Registration::Invite, false, None)).is_some());
    }

    #[test]
    fn a_closed_door_stays_closed_for_the_invited() {
        assert!(obstacle(&entrance(Registration::Closed, false, Some(true))).is_some());
    }
}
