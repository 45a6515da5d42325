//! Access tokens: keys for programs that use the HTTP API in the owner's name.

use super::Notice;
use crate::backend::TokenInfo;
use crate::components::copy_button::CopyText;
use crate::components::field::TextField;
use crate::components::form::{FormProblem, Once};
use crate::components::moment::{Moment, Stamp};
use crate::functions::form::{Field, Refused};
use crate::functions::settings::{CreateToken, Done, RevokeToken};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// The access tokens, and a form for another one.
#[component]
pub fn Tokens(
    /// They.
    tokens: Vec<TokenInfo>,
    /// What was done last.
    done: Option<Done>,
    /// The form that was refused last.
    refused: Refused,
) -> impl IntoView {
    let problems = refused.problems_of(CreateToken::PATH);
    let value = if problems.is_empty() { String::new() } else { refused.typed.label.clone() };
    let (secret, said) = match done {
        Some(Done::TokenMade { secret }) => (Some(secret), None),
        Some(Done::TokenRevoked) => (None, Some("The token was revoked.")),
        _ => (None, None),
    };
    let rows = tokens.into_iter().map(|token| view! { <Row token/> }).collect_view();
    view! {
        <section class="panel" id="tokens" aria-labelledby="tokens-title">
            <h2 class="panel__title" id="tokens-title">"Access tokens"</h2>
            <p class="panel__text">
                "With a token, a program can use the " <a href="/api" rel="external">"HTTP API"</a> " in your name."
            </p>
            <Notice said/>
            <Secret secret id="token-secret" label="New token"/>
            <FormProblem problems=refused.problems_of(RevokeToken::PATH)/>
            <ul class="rows">{rows}</ul>
            <form method="post" action=CreateToken::PATH class="form" novalidate=true>
                <Once/>
                <FormProblem problems=problems.clone()/>
                <TextField
                    field=Field::Label
                    problems
                    id="token-label"
                    name="label"
                    label="Token label"
                    hint="What it is for, so that you know which one to revoke."
                    autocomplete="off"
                    value
                />
                <button class="button button--primary" type="submit">"Create token"</button>
            </form>
        </section>
    }
}

#[component]
fn Row(token: TokenInfo) -> impl IntoView {
    let used = match token.last_used {
        Some(at) => view! { "Last used " <Moment at/> }.into_any(),
        None => "Never used".into_any(),
    };
    // Two tokens of one label are told apart by when they were made.
    let label = format!("Revoke {}, created {}", token.label, Stamp::of(token.created).readable());
    view! {
        <li class="rows__row">
            <div class="rows__text">
                <p class="rows__name">{token.label}</p>
                <p class="rows__detail">{used}</p>
                <p class="rows__detail">"Created " <Moment at=token.created/></p>
            </div>
            <form method="post" action=RevokeToken::PATH>
                <Once/>
                <input type="hidden" name="token" value=token.id.to_string()/>
                <button class="button button--quiet" type="submit" aria-label=label>
                    "Revoke"
                </button>
            </form>
        </li>
    }
}

/// Something that is shown once.
#[component]
pub fn Secret(
    /// It, when it is new.
    secret: Option<String>,
    /// Unique on the page.
    id: &'static str,
    /// What it is.
    label: &'static str,
) -> impl IntoView {
    let shown = secret.map(|secret| {
        view! {
            <div class="secret notice notice--success">
                <label class="field__label" for=id>{label}</label>
                <div class="field__row">
                    <input class="field__input secret__text" type="text" id=id value=secret.clone() readonly=true/>
                    <CopyText text=secret/>
                </div>
                <p class="field__hint">"Copy it now: it is not shown again."</p>
            </div>
        }
    });
    view! { <div role="status">{shown}</div> }
}
