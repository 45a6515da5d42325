//! A button that copies a text.

use leptos::prelude::*;

/// Copies a text to the clipboard and says so. It appears once scripts run, and only where the browser lets a page
/// write to the clipboard: on https and on this very machine.
#[component]
pub fn CopyButton(
    /// What to copy, asked for when the button is pressed.
    #[prop(into)]
    text: Callback<(), String>,
    /// What the button says; its name begins with it.
    #[prop(default = "Copy")]
    label: &'static str,
) -> impl IntoView {
    let able = RwSignal::new(false);
    let copied = RwSignal::new(false);
    Effect::new(move |_| able.set(window().is_secure_context()));
    let copy = move |_| {
        let write = window().navigator().clipboard().write_text(&text.run(()));
        // The browser keeps the promise by itself; a refusal leaves the text on the page for the reader to select.
        drop(write);
        copied.set(true);
        set_timeout(move || copied.set(false), std::time::Duration::from_secs(2));
    };
    view! {
        {move || able.get().then(|| view! { <button class="button button--quiet" type="button" on:click=copy>{label}</button> })}
        <span class="copied" role="status">{move || copied.get().then_some("Copied")}</span>
    }
}

/// The same for a text that the server knows.
#[island]
pub fn CopyText(
    /// What to copy.
    text: String,
) -> impl IntoView {
    view! { <CopyButton text=Callback::new(move |()| text.clone())/> }
}
