//! The accounts, and what can be done to them.

use crate::backend::admin::{AccountInfo, Admin};
use crate::components::form::FormProblem;
use crate::components::live::At;
use crate::functions::admin::{DisableAccount, EnableAccount, EndSessionsOf, PATH};
use crate::functions::form::Refused;
use crate::functions::settings::Done;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use trunkline_protocol::UserId;

/// Those that were looked for.
#[component]
pub fn Users(
    /// The page.
    admin: Admin,
    /// What was done last.
    done: Option<Done>,
    /// The form that was refused last.
    refused: Refused,
) -> impl IntoView {
    let said = match done {
        Some(Done::AccountDisabled) => Some("The account was disabled, and its sessions and access tokens were ended."),
        Some(Done::AccountEnabled) => Some("The account was enabled."),
        Some(Done::SessionsEnded) => Some("The sessions were ended."),
        _ => None,
    };
    let problems =
        [DisableAccount::PATH, EnableAccount::PATH, EndSessionsOf::PATH].map(|form| refused.problems_of(form));
    let (me, query) = (admin.viewer.id, admin.query);
    let row = {
        let query = query.clone();
        move |account: AccountInfo| row(account, me, &query)
    };
    let nobody = admin.accounts.is_empty();
    view! {
        <section class="panel" id="users" aria-labelledby="users-title">
            <h2 class="panel__title" id="users-title">"Users"</h2>
            <div role="status">{said.map(|said| view! { <p class="notice notice--success">{said}</p> })}</div>
            {problems.map(|problems| view! { <FormProblem problems/> })}
            <form class="admin__search" method="get" action=PATH role="search">
                <label class="field__label" for="q">"Search by name"</label>
                <div class="field__row">
                    <input class="field__input" type="search" id="q" name="q" value=query autocomplete="off"/>
                    <button class="button" type="submit">"Search"</button>
                </div>
            </form>
            <div id="accounts" data-live>
                {nobody.then(|| view! { <p>"Nobody is called so."</p> })}
                <ul class="rows">{admin.accounts.into_iter().map(row).collect_view()}</ul>
                {admin.more.then(|| view! { <p class="rows__detail">"There are more: search for a part of the name."</p> })}
            </div>
        </section>
    }
}

fn row(account: AccountInfo, me: UserId, query: &str) -> AnyView {
    let AccountInfo { user, admin, disabled, created, online, last_seen, sessions } = account;
    let seen = match (online, last_seen) {
        (true, _) => view! { "Online" }.into_any(),
        (_, Some(at)) => view! { "Last seen " <At at/> }.into_any(),
        _ => "Never seen".into_any(),
    };
    let count = if sessions == 1 { "1 session".to_owned() } else { format!("{sessions} sessions") };
    let button = |path: &'static str, class: &'static str, word: &'static str| {
        let label = format!("{word}: {}", user.name);
        view! {
            <form method="post" action=path>
                <input type="hidden" name="user" value=user.id.to_string()/>
                <input type="hidden" name="query" value=query.to_owned()/>
                <button class=class type="submit" aria-label=label>{word}</button>
            </form>
        }
    };
    let end = (sessions > 0 && user.id != me)
        .then(|| button(EndSessionsOf::PATH, "button button--quiet", "End sessions").into_any());
    let switch = match (user.id == me, disabled) {
        (true, _) => view! { <span class="badge">"You"</span> }.into_any(),
        (_, true) => button(EnableAccount::PATH, "button button--quiet", "Enable").into_any(),
        _ => button(DisableAccount::PATH, "button button--quiet button--danger", "Disable").into_any(),
    };
    view! {
        <li class="rows__row admin__user">
            <div class="rows__text">
                <p class="rows__name">
                    <bdi>{user.display_name.clone()}</bdi> " " <span class="rows__detail">{format!("@{}", user.name)}</span>
                    {admin.then(|| view! { " " <span class="badge">"Administrator"</span> })}
                    {disabled.then(|| view! { " " <span class="badge" data-state="bad">"Disabled"</span> })}
                </p>
                <p class="rows__detail">{seen} " · " {count} " · made " <At at=created/></p>
            </div>
            <div class="admin__actions">{end} {switch}</div>
        </li>
    }
    .into_any()
}
