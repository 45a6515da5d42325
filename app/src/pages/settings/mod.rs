//! The settings page: the account, its sessions and access tokens.
//!
//! # Layout
//!
//! - [`profile`]: display name, password
//! - [`sessions`]: the logins, and ending them
//! - [`tokens`]: access tokens
//! - [`invites`]: invite links, for administrators

pub mod invites;
pub mod profile;
pub mod sessions;
pub mod tokens;

use crate::backend::Registration;
use crate::components::form::{FormProblem, Once};
use crate::components::page::{Page, loaded};
use crate::functions::auth::LogOut;
use crate::functions::form::Problems;
use crate::functions::settings::{SettingsPage as Content, load_settings};
use crate::theme::ThemeSwitch;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// Everything a user can set. Visitors without a session are sent to the login page.
#[component]
pub fn SettingsPage() -> impl IntoView {
    view! {
        <Page title="Settings" class="page__main settings" themed=false>
            {loaded(load_settings(), |content| view! { <Sections content/> })}
        </Page>
    }
}

/// Says what was done, if it was this.
#[component]
fn Notice(
    /// What to say, if anything.
    said: Option<&'static str>,
) -> impl IntoView {
    view! {
        <div role="status">
            {said.map(|said| view! { <p class="notice notice--success">{said}</p> })}
        </div>
    }
}

#[component]
fn Sections(content: Content) -> impl IntoView {
    let Content { settings, done, refused } = content;
    let viewer = settings.viewer;
    let inviting = viewer.admin && settings.registration != Registration::Closed;
    let (invited, invite_refused) = (done.clone(), refused.clone());
    let problems = refused.problems_of(LogOut::PATH);
    view! {
        <profile::Profile user=viewer.user.clone() done=done.clone() refused=refused.clone()/>
        <profile::Password user=viewer.user.clone() done=done.clone() refused=refused.clone()/>
        <sessions::Sessions sessions=settings.sessions done=done.clone() refused=refused.clone()/>
        <tokens::Tokens tokens=settings.tokens done refused/>
        {inviting.then(|| view! { <invites::Invites done=invited refused=invite_refused/> })}
        <section class="panel" aria-labelledby="appearance-title">
            <h2 class="panel__title" id="appearance-title">"Appearance"</h2>
            <ThemeSwitch/>
        </section>
        <LogOutPanel name=viewer.user.name problems/>
    }
}

#[component]
fn LogOutPanel(name: String, problems: Problems) -> impl IntoView {
    view! {
        <section class="panel" id="leave" aria-labelledby="leave-title">
            <h2 class="panel__title" id="leave-title">"This device"</h2>
            <p class="panel__text">"You are logged in as " <strong>{name}</strong> "."</p>
            <form method="post" action=LogOut::PATH>
                <Once/>
                <FormProblem problems/>
                <button class="button" type="submit">"Log out"</button>
            </form>
        </section>
    }
}
