//! One field of a form: its label, its hint, and what is wrong with it.

use crate::components::form::Problems;
use crate::functions::form::Field;
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
    view! {
        <div class="field">
            <label class="field__label" for=id>{label}</label>
            <input
                class="field__input"
                type="text"
                id=id
                name=name
                value=value
                required=!optional
                autocomplete=autocomplete
                autocapitalize="none"
                spellcheck="false"
                autofocus=untrack(|| problems.is_first(field))
                aria-invalid=move || problems.message(field).map(|_| "true")
                aria-describedby=described_by(id, !hint.is_empty(), problems, field)
            />
            <Remarks id hint problems field/>
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
    view! {
        <div class="field">
            <label class="field__label" for=id>{label}</label>
            <div class="field__row">
                <input
                    class="field__input"
                    type="password"
                    id=id
                    name=name
                    required=true
                    autocomplete=autocomplete
                    autocapitalize="none"
                    spellcheck="false"
                    autofocus=untrack(|| problems.is_first(field))
                    aria-invalid=move || problems.message(field).map(|_| "true")
                    aria-describedby=described_by(id, !hint.is_empty(), problems, field)
                    />
                <Reveal id=id.to_owned()/>
            </div>
            <Remarks id hint problems field/>
        </div>
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

/// The hint and the problem below a field.
#[component]
fn Remarks(id: &'static str, hint: String, problems: Problems, field: Field) -> impl IntoView {
    let hint = (!hint.is_empty()).then(|| view! { <p class="field__hint" id=format!("{id}-hint")>{hint}</p> });
    view! {
        {hint}
        {move || {
            problems
                .message(field)
                .map(|message| view! { <p class="field__error" id=format!("{id}-problem")>{message}</p> })
        }}
    }
}

/// The ids of what is said below a field.
fn described_by(
    id: &'static str,
    hinted: bool,
    problems: Problems,
    field: Field,
) -> impl Fn() -> Option<String> + Copy + Send + 'static {
    move || match (problems.message(field).is_some(), hinted) {
        (true, true) => Some(format!("{id}-problem {id}-hint")),
        (true, false) => Some(format!("{id}-problem")),
        (false, true) => Some(format!("{id}-hint")),
        (false, false) => None,
    }
}
