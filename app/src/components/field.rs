//! One field of a form: its label, its hint, and what is wrong with it.

use crate::functions::form::{Field, Problems};
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::web_sys::HtmlInputElement;

/// A field for a line of text.
#[component]
pub fn TextField(
    /// Which field of the form; it names the problem that belongs here.
    field: Field,
    /// The form's problems.
    problems: Problems,
    /// Unique on the page.
    id: &'static str,
    /// What the server calls it.
    name: &'static str,
    /// What people call it.
    label: &'static str,
    /// What it must hold; empty for nothing to say.
    #[prop(optional, into)]
    hint: String,
    /// What a browser may fill in.
    autocomplete: &'static str,
    /// What it holds at first.
    #[prop(optional, into)]
    value: String,
    /// Whether it may stay empty.
    #[prop(optional)]
    optional: bool,
) -> impl IntoView {
    let input = Input { kind: "text", id, name, autocomplete, value: Some(value), required: !optional };
    let (input, remarks) = input.view(field, &problems, hint);
    view! {
        <div class="field">
            <label class="field__label" for=id>{label}</label>
            {input}
            {remarks}
        </div>
    }
}

/// A field for a password, with a button that shows it once scripts run.
#[component]
pub fn PasswordField(
    /// Which field of the form; it names the problem that belongs here.
    field: Field,
    /// The form's problems.
    problems: Problems,
    /// Unique on the page.
    id: &'static str,
    /// What the server calls it.
    name: &'static str,
    /// What people call it.
    label: &'static str,
    /// What it must hold; empty for nothing to say.
    #[prop(optional, into)]
    hint: String,
    /// Whether a browser should fill in the known password, or offer a new one.
    autocomplete: &'static str,
) -> impl IntoView {
    let input = Input { kind: "password", id, name, autocomplete, value: None, required: true };
    let (input, remarks) = input.view(field, &problems, hint);
    view! {
        <div class="field">
            <label class="field__label" for=id>{label}</label>
            <div class="field__row">{input} <Reveal id=id.to_owned()/></div>
            {remarks}
        </div>
    }
}

/// What both kinds of field have.
struct Input {
    kind: &'static str,
    id: &'static str,
    name: &'static str,
    autocomplete: &'static str,
    value: Option<String>,
    required: bool,
}

impl Input {
    /// The input, and the hint and the problem that stand below it.
    fn view(self, field: Field, problems: &Problems, hint: String) -> (impl IntoView + use<>, impl IntoView + use<>) {
        let Self { kind, id, name, autocomplete, value, required } = self;
        let problem = problems.message(field).map(str::to_owned);
        let below =
            [problem.as_ref().map(|_| format!("{id}-problem")), (!hint.is_empty()).then(|| format!("{id}-hint"))];
        let below = below.into_iter().flatten().collect::<Vec<_>>().join(" ");
        let input = view! {
            <input
                class="field__input"
                type=kind
                id=id
                name=name
                value=value
                required=required
                autocomplete=autocomplete
                autocapitalize="none"
                spellcheck="false"
                autofocus=problems.is_first(field)
                aria-invalid=problem.as_ref().map(|_| "true")
                aria-describedby=(!below.is_empty()).then_some(below)
            />
        };
        let hint = (!hint.is_empty()).then(|| view! { <p class="field__hint" id=format!("{id}-hint")>{hint}</p> });
        let problem = problem.map(|said| view! { <p class="field__error" id=format!("{id}-problem")>{said}</p> });
        (input, (hint, problem))
    }
}

/// Shows and hides what was typed into a password's field. It appears once scripts run.
#[island]
fn Reveal(
    /// The field's.
    id: String,
) -> impl IntoView {
    let (alive, shown) = (RwSignal::new(false), RwSignal::new(false));
    Effect::new(move |_| alive.set(true));
    let id = StoredValue::new(id);
    let toggle = move |_| {
        let field = id.with_value(|id| document().get_element_by_id(id));
        if let Some(field) = field.and_then(|field| field.dyn_into::<HtmlInputElement>().ok()) {
            shown.update(|shown| *shown = !*shown);
            field.set_type(if shown.get_untracked() { "text" } else { "password" });
        }
    };
    let button = move || {
        view! {
            <button
                class="field__reveal"
                type="button"
                aria-controls=id.get_value()
                aria-pressed=move || if shown.get() { "true" } else { "false" }
                on:click=toggle
            >
                {move || if shown.get() { "Hide" } else { "Show" }}
                <span class="visually-hidden">" password"</span>
            </button>
        }
    };
    move || alive.get().then(button)
}
