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
use crate::components::form::{FormProblem, Problems, SubmitButton, done};
use crate::components::page::Page;
use crate::functions::auth::LogOut;
use crate::functions::form::{Answer, FormRefusal};
use crate::functions::settings::{Done, SettingsPage as Content, load_settings};
use crate::pages::login::leave_when_done;
use crate::theme::ThemeToggle;
use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

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

/// The page as it is after what was done last; every answer replaces it.
#[derive(Clone, Copy)]
pub struct Current(RwSignal<Content>);

impl Current {
    /// Follows an action's answers.
    fn follow<S>(self, action: ServerAction<S>)
    where
        S: ServerFn<Output = Answer<Content>, Error = FormRefusal> + Clone + Send + Sync + 'static,
    {
        let answer = done(action);
        Effect::new(move |_| {
            if let Some(content) = answer.get() {
                self.0.set(content);
            }
        });
    }

    /// What to say if this was done last.
    fn said(self, say: fn(&Done) -> Option<&'static str>) -> impl Fn() -> Option<&'static str> + Copy + Send + 'static {
        move || self.0.with(|content| content.done.as_ref().and_then(say))
    }
}

/// Says what was done.
#[component]
fn Notice(
    /// What to say, if anything.
    #[prop(into)]
    said: Signal<Option<&'static str>>,
) -> impl IntoView {
    view! {
        <div role="status">
            {move || said.get().map(|said| view! { <p class="notice notice--success">{said}</p> })}
        </div>
    }
}

#[component]
fn Sections(content: Content) -> impl IntoView {
    let viewer = content.settings.viewer.clone();
    let inviting = viewer.admin && content.settings.registration != Registration::Closed;
    let current = Current(RwSignal::new(content));
    view! {
        <profile::Profile current/>
        <profile::Password current/>
        <sessions::Sessions current/>
        <tokens::Tokens current/>
        {inviting.then(|| view! { <invites::Invites current/> })}
        <section class="panel" aria-labelledby="appearance-title">
            <h2 class="panel__title" id="appearance-title">"Appearance"</h2>
            <ThemeToggle/>
        </section>
        <LogOutPanel name=viewer.user.name/>
    }
}

#[component]
fn LogOutPanel(name: String) -> impl IntoView {
    let action = ServerAction::<LogOut>::new();
    let problems = Problems::of(action);
    leave_when_done(done(action));
    view! {
        <section class="panel" aria-labelledby="leave-title">
            <h2 class="panel__title" id="leave-title">"This device"</h2>
            <p class="panel__text">"You are logged in as " <strong>{name}</strong> "."</p>
            <ActionForm action>
                <FormProblem problems/>
                <SubmitButton pending=action.pending() class="button">"Log out"</SubmitButton>
            </ActionForm>
        </section>
    }
}
