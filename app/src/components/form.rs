//! What all forms share.

use crate::functions::form::{Field, Problems};
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::wasm_bindgen::closure::Closure;
use leptos::{html, web_sys};
use std::time::Duration;

/// What is wrong with the form as a whole.
#[component]
pub fn FormProblem(
    /// The form's problems.
    problems: Problems,
) -> impl IntoView {
    let message = problems.message(Field::Form).map(str::to_owned);
    view! {
        <div class="form__problem" role="alert">
            {message.map(|message| view! { <p class="notice notice--danger">{message}</p> })}
        </div>
    }
}

/// How long a form that was sent is not sent again. Not for ever: a browser may bring the page back as it was.
const PAUSE: Duration = Duration::from_secs(5);

/// Stands inside a form and sees to it that a double click sends it once, where scripts run.
#[island]
pub fn Once() -> impl IntoView {
    let node = NodeRef::<html::Span>::new();
    Effect::new(move |_| {
        let Some(form) = node.get().and_then(|node| node.closest("form").ok().flatten()) else { return };
        let sent = StoredValue::new(false);
        let buttons = form.clone();
        let tell = move |sent: bool| {
            if let Ok(Some(button)) = buttons.query_selector("[type=submit]") {
                // The attribute's name is a good one.
                let _ = if sent {
                    button.set_attribute("aria-disabled", "true")
                } else {
                    button.remove_attribute("aria-disabled")
                };
            }
        };
        let once = Closure::<dyn FnMut(web_sys::Event)>::new(move |event: web_sys::Event| {
            if sent.get_value() {
                event.prevent_default();
                return;
            }
            sent.set_value(true);
            tell(true);
            let tell = tell.clone();
            set_timeout(
                move || {
                    sent.set_value(false);
                    tell(false);
                },
                PAUSE,
            );
        });
        // It stays as long as the form, which is as long as the page.
        let _ = form.add_event_listener_with_callback("submit", once.into_js_value().unchecked_ref());
    });
    view! { <span node_ref=node hidden=true></span> }
}
