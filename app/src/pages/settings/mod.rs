//! The settings page: the account, its sessions and access tokens. It works without scripts.
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
use crate::components::form::{FormProblem, Problems};
use crate::components::page::Page;
use crate::functions::auth::LogOut;
use crate::functions::settings::{SettingsPage as Content, load_settings};
use crate::theme::ThemeSwitch;
use leptos::form::ActionForm;
use leptos::prelude::*;

/// Everything a user can set. Visitors without a session are sent to the login page.
#[component]
pub fn SettingsPage() -> impl IntoView {
    let page = Resource::new_blocking(|| (), |()| load_settings());
    view! {
        <Page title="Settings" class="page__main settings" themed=false>
            <Suspense>
                {move || Suspend::new(async move {
                    match page.await {
                        Ok(Some(content)) => view! { <Sections content/> }.into_any(),
                        Ok(None) => ().into_any(),
                        Err(refusal) => view! { <p class="notice notice--danger" role="alert">{refusal.message}</p> }.into_any(),
                    }
                })}
            </Suspense>
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
    let Content { settings, done } = content;
    let viewer = settings.viewer;
    let inviting = viewer.admin && settings.registration != Registration::Closed;
    let invited = done.clone();
    view! {
        <profile::Profile user=viewer.user.clone() done=done.clone()/>
        <profile::Password user=viewer.user.clone() done=done.clone()/>
        <sessions::Sessions sessions=settings.sessions done=done.clone()/>
        <tokens::Tokens tokens=settings.tokens done/>
        {inviting.then(|| view! { <invites::Invites done=invited/> })}
        <section class="panel" aria-labelledby="appearance-title">
            <h2 class="panel__title" id="appearance-title">"Appearance"</h2>
            <ThemeSwitch/>
        </section>
        <LogOutPanel name=viewer.user.name/>
    }
}

#[component]
fn LogOutPanel(name: String) -> impl IntoView {
    let action = ServerAction::<LogOut>::new();
    let problems = Problems::of(action);
    view! {
        <section class="panel" aria-labelledby="leave-title">
            <h2 class="panel__title" id="leave-title">"This device"</h2>
            <p class="panel__text">"You are logged in as " <strong>{name}</strong> "."</p>
            <ActionForm action>
                <FormProblem problems/>
                <button class="button" type="submit">"Log out"</button>
            </ActionForm>
        </section>
    }
}
