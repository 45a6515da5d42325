//! The login page.

use crate::backend::{Doors, Registration};
use crate::components::field::{PasswordField, TextField};
use crate::components::form::{FormProblem, Once};
use crate::components::page::{CardPage, loaded};
use crate::functions::auth::{Entrance, LogIn, load_entrance};
use crate::functions::form::Field;
use crate::return_path::ReturnPath;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::components::A;
use leptos_router::hooks::use_query_map;

/// Asks for name and password, then goes on to where the visitor wanted to go.
#[component]
pub fn LoginPage() -> impl IntoView {
    let next = ReturnPath::or_home(&use_query_map().read_untracked().get("next").unwrap_or_default());
    let load = load_entrance(String::new(), next.clone());
    view! {
        <CardPage title="Log in">{loaded(load, |entrance| view! { <Form entrance next/> })}</CardPage>
    }
}

#[component]
fn Form(entrance: Entrance, next: ReturnPath) -> impl IntoView {
    let problems = entrance.refused.problems_of(LogIn::PATH);
    let register = next.after("/register");
    view! {
        <form method="post" action=LogIn::PATH class="form" novalidate=true>
            <Once/>
            <FormProblem problems=problems.clone()/>
            <TextField
                field=Field::Name
                problems=problems.clone()
                id="name"
                name="name"
                label="Name"
                autocomplete="username"
                value=entrance.refused.typed.name
            />
            <PasswordField
                field=Field::Password
                problems
                id="password"
                name="password"
                label="Password"
                autocomplete="current-password"
            />
            <input type="hidden" name="next" value=next.to_string()/>
            <button class="button button--primary button--wide" type="submit">"Log in"</button>
        </form>
        <HowToRegister doors=entrance.doors register/>
    }
}

#[component]
fn HowToRegister(doors: Doors, register: String) -> impl IntoView {
    let text = match (doors.first, doors.registration) {
        (true, _) => view! {
            <p class="notice">
                "There is no account here yet. " <A href=register>"Create the first one"</A>
                ": it will be the administrator."
            </p>
        }
        .into_any(),
        (false, Registration::Open) => view! {
            <p>"New here? " <A href=register>"Create an account"</A> "."</p>
        }
        .into_any(),
        (false, Registration::Invite) => view! {
            <p>"New here? Accounts are by invitation: ask an administrator for an invite link."</p>
        }
        .into_any(),
        (false, Registration::Closed) => view! {
            <p>"New accounts are closed on this server."</p>
        }
        .into_any(),
    };
    view! { <div class="card__more">{text}</div> }
}
