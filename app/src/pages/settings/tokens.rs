//! Access tokens: keys for programs that use the HTTP API in the owner's name.

use super::Current;
use crate::backend::TokenInfo;
use crate::components::copy_button::CopyButton;
use crate::components::field::TextField;
use crate::components::form::{FormProblem, Problems, SubmitButton, clear_when_done, done};
use crate::components::moment::Moment;
use crate::functions::form::Field;
use crate::functions::settings::{CreateToken, Done, RevokeToken};
use leptos::form::ActionForm;
use leptos::prelude::*;

/// The access tokens, and a form for another one.
#[component]
pub fn Tokens(
    /// The page as it is now.
    current: Current,
) -> impl IntoView {
    let create = ServerAction::<CreateToken>::new();
    let revoke = ServerAction::<RevokeToken>::new();
    current.follow(create);
    current.follow(revoke);
    let problems = Problems::of(create);
    let form = NodeRef::new();
    clear_when_done(form, done(create));
    let said = current.said(|done| matches!(done, Done::TokenRevoked).then_some("The token was revoked."));
    let secret = move || {
        current.0.with(|content| match &content.done {
            Some(Done::TokenMade { secret }) => Some(secret.clone()),
            _ => None,
        })
    };
    let tokens = move || current.0.with(|content| content.settings.tokens.clone());
    view! {
        <section class="panel" id="tokens" aria-labelledby="tokens-title">
            <h2 class="panel__title" id="tokens-title">"Access tokens"</h2>
            <p class="panel__text">
                "With a token, a program can use the " <a href="/api" rel="external">"HTTP API"</a> " in your name."
            </p>
            <super::Notice said=Signal::derive(said)/>
            <Secret
                secret=Signal::derive(secret)
                id="token-secret"
                label="New token"
                remark="Copy it now: it is not shown again."
            />
            <FormProblem problems=Problems::of(revoke)/>
            <ul class="rows">
                <For each=tokens key=|token| (token.id, token.last_used) let:token>
                    <Row token revoke/>
                </For>
            </ul>
            <ActionForm action=create node_ref=form attr:class="form" attr:novalidate=true>
                <FormProblem problems/>
                <TextField
                    field=Field::Label
                    problems
                    id="token-label"
                    name="label"
                    label="Token label"
                    hint="What it is for, so that you know which one to revoke."
                    autocomplete="off"
                />
                <SubmitButton pending=create.pending()>"Create token"</SubmitButton>
            </ActionForm>
        </section>
    }
}

#[component]
fn Row(token: TokenInfo, revoke: ServerAction<RevokeToken>) -> impl IntoView {
    let used = match token.last_used {
        Some(at) => view! { "Last used " <Moment at/> }.into_any(),
        None => "Never used".into_any(),
    };
    let label = format!("Revoke {}", token.label);
    view! {
        <li class="rows__row">
            <div class="rows__text">
                <p class="rows__name">{token.label}</p>
                <p class="rows__detail">{used}</p>
                <p class="rows__detail">"Created " <Moment at=token.created/></p>
            </div>
            <ActionForm action=revoke>
                <input type="hidden" name="token" value=token.id.to_string()/>
                <button class="button button--quiet" type="submit" aria-label=label>
                    "Revoke"
                </button>
            </ActionForm>
        </li>
    }
}

/// Something that is shown once.
#[component]
pub fn Secret(
    /// It, while it is shown.
    #[prop(into)]
    secret: Signal<Option<String>>,
    /// Unique on the page.
    id: &'static str,
    /// What it is.
    label: &'static str,
    /// What to do with it.
    remark: &'static str,
) -> impl IntoView {
    let shown = move |text: String| {
        let copied = text.clone();
        view! {
            <div class="secret notice notice--success">
                <label class="field__label" for=id>{label}</label>
                <div class="field__row">
                    <input class="field__input secret__text" type="text" id=id value=text readonly=true/>
                    <CopyButton text=Callback::new(move |()| copied.clone())/>
                </div>
                <p class="field__hint">{remark}</p>
            </div>
        }
    };
    view! { <div role="status">{move || secret.get().map(shown)}</div> }
}
