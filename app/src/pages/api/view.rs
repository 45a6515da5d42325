//! The page: operations by tag, the error codes, and an example to start from.

use super::document::{Answer, Body, Code, Document, Group, Operation, Parameter};
use super::markdown::{line, paragraphs};
use crate::components::page::Page;
use crate::functions::backend;
use leptos::prelude::*;
use trunkline_protocol::ErrorCode;

/// The HTTP API, as its OpenAPI document describes it.
#[component]
pub fn ApiPage() -> impl IntoView {
    let document = backend().map(|backend| Document::read(&backend.openapi())).unwrap_or_default();
    let contents = document.groups.iter().map(contents).collect_view();
    let groups = document.groups.into_iter().map(group).collect_view();
    view! {
        <Page title="HTTP API" class="page__main api">
            <div class="api__intro">
                {paragraphs(&document.description, "api__lead")}
                <p>
                    "Version " {document.version} " · " <a href="/api/v1/openapi.json" rel="external">"OpenAPI document (JSON)"</a>
                </p>
            </div>
            <nav class="api__contents" aria-label="Operations">{contents}</nav>
            <section class="panel" aria-labelledby="start-title">
                <h2 class="panel__title" id="start-title">"To begin with"</h2>
                <p class="panel__text">
                    "Make an access token in " <a href="/settings#tokens" rel="external">"Settings"</a>
                    ", then send a message. The key makes the request repeatable: the same key never sends twice."
                </p>
                <pre class="code" tabindex="0"><code>{CURL}</code></pre>
                <dl class="api__schemes">
                    {document
                        .schemes
                        .into_iter()
                        .map(|(name, text)| view! { <div><dt><code>{name}</code></dt><dd>{line(&text)}</dd></div> })
                        .collect_view()}
                </dl>
            </section>
            {groups}
            <section class="panel" aria-labelledby="errors-title">
                <h2 class="panel__title" id="errors-title">"Errors"</h2>
                <p class="panel__text">
                    "A refusal is " <code>"application/problem+json"</code> " with one of these codes; most of them are those of the WebSocket."
                </p>
                {table(document.codes)}
            </section>
        </Page>
    }
}

const CURL: &str = r#"curl https://chat.example/api/v1/messages \
  -H "Authorization: Bearer $TRUNKLINE_TOKEN" \
  -H "Content-Type: application/json" \
  -d '{"to": "ada", "text": "Hello", "key": "'$(uuidgen)'"}'"#;

/// An operation's place on the page.
fn anchor(operation: &Operation) -> String {
    let path = operation.path.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    format!("{}{path}", operation.method.to_lowercase())
}

fn contents(group: &Group) -> impl IntoView + use<> {
    let operations = group.operations.iter().map(|operation| {
        view! {
            <li>
                <a href=format!("#{}", anchor(operation))>
                    <span class="method" data-method=operation.method.clone()>{operation.method.clone()}</span>
                    " " <code>{operation.path.clone()}</code>
                </a>
            </li>
        }
    });
    view! {
        <div class="api__chapter">
            <p class="api__chapter-name">{group.name.clone()}</p>
            <ul>{operations.collect_view()}</ul>
        </div>
    }
}

fn group(group: Group) -> impl IntoView {
    let id = format!("group-{}", group.name.replace(|c: char| !c.is_ascii_alphanumeric(), "-"));
    view! {
        <section class="api__group" aria-labelledby=id>
            <h2 class="api__group-title" id=id.clone()>{group.name}</h2>
            {(!group.description.is_empty()).then(|| view! { <p class="panel__text">{line(&group.description)}</p> })}
            {group.operations.into_iter().map(operation).collect_view()}
        </section>
    }
}

fn operation(operation: Operation) -> impl IntoView {
    let id = anchor(&operation);
    let auth = if operation.auth.is_empty() { "anyone".to_owned() } else { operation.auth.join(" or ") };
    let body = operation.body.map(|body| view! { <h4 class="operation__part">"Request body"</h4> {body_view(body)} });
    let answers = (!operation.answers.is_empty()).then(|| {
        view! {
            <h4 class="operation__part">"Answers"</h4>
            {operation.answers.into_iter().map(answer).collect_view()}
        }
    });
    view! {
        <article class="operation panel" id=id>
            <h3 class="operation__title">
                <span class="method" data-method=operation.method.clone()>{operation.method.clone()}</span>
                " "
                <code class="operation__path">{operation.path}</code>
            </h3>
            <p class="operation__summary">{line(&operation.summary)}</p>
            {paragraphs(&operation.description, "operation__text")}
            <p class="operation__auth">"Authentication: " <strong>{auth}</strong></p>
            {(!operation.parameters.is_empty())
                .then(|| view! { <h4 class="operation__part">"Parameters"</h4> {parameters(operation.parameters)} })}
            {body}
            {answers}
        </article>
    }
}

fn parameters(parameters: Vec<Parameter>) -> impl IntoView {
    let row = |parameter: Parameter| {
        let kind = if parameter.place.is_empty() {
            parameter.kind
        } else {
            format!("{}, in {}", parameter.kind, parameter.place)
        };
        view! {
            <div class="fields__row">
                <dt>
                    <code>{parameter.name}</code>
                    {parameter.required.then(|| view! { <span class="badge">"required"</span> })}
                </dt>
                <dd>
                    <span class="fields__kind">{kind}</span>
                    {(!parameter.description.is_empty()).then(|| view! { <span class="fields__text">{line(&parameter.description)}</span> })}
                </dd>
            </div>
        }
    };
    view! { <dl class="fields">{parameters.into_iter().map(row).collect_view()}</dl> }
}

fn body_view(body: Body) -> impl IntoView {
    let example = (!body.example.is_empty()).then(|| {
        view! { <pre class="code" tabindex="0"><code>{body.example}</code></pre> }
    });
    view! {
        <p class="fields__kind"><code>{body.media}</code></p>
        {(!body.fields.is_empty()).then(|| parameters(body.fields))}
        {example}
    }
}

fn answer(answer: Answer) -> impl IntoView {
    let class = match answer.status.as_bytes().first() {
        Some(b'2') => "good",
        Some(b'3') => "elsewhere",
        _ => "bad",
    };
    let body = answer.body.filter(|body| !body.example.is_empty());
    let head = view! {
        <span class="status" data-kind=class>{answer.status}</span> " " <span>{line(&answer.description)}</span>
    };
    match body {
        Some(body) => view! {
            <details class="answer">
                <summary class="answer__head">{head}</summary>
                {body_view(body)}
            </details>
        }
        .into_any(),
        None => view! { <p class="answer answer__head">{head}</p> }.into_any(),
    }
}

fn table(codes: Vec<Code>) -> impl IntoView {
    let row = |code: Code| {
        // A refusal's `type` leads here.
        let id = code.name.clone();
        let known = serde_json::from_value::<ErrorCode>(code.name.clone().into());
        let retryable = known.is_ok_and(ErrorCode::is_retryable);
        view! {
            <tr id=id>
                <th scope="row"><code>{code.name}</code></th>
                <td>{code.status}</td>
                <td>{line(&code.meaning)}</td>
                <td>{if retryable { "yes" } else { "no" }}</td>
            </tr>
        }
    };
    view! {
        <div class="table-scroll" tabindex="0" role="region" aria-label="Error codes">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"Code"</th>
                        <th scope="col">"Status"</th>
                        <th scope="col">"Meaning"</th>
                        <th scope="col">"Try again unchanged"</th>
                    </tr>
                </thead>
                <tbody>{codes.into_iter().map(row).collect_view()}</tbody>
            </table>
        </div>
    }
}
