//! A button that copies a text.

use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen_futures::JsFuture;

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
        spawn_local(async move {
            // A refusal leaves the text on the page for the reader to select. By then the page may be gone.
            if JsFuture::from(write).await.is_ok() && copied.try_set(true).is_none() {
                let fade = move || {
                    copied.try_set(false);
                };
                set_timeout(fade, std::time::Duration::from_secs(2));
            }
        });
    };
    view! {
        {move || able.get().then(|| view! { <button class="button button--quiet" type="button" on:click=copy>{label}</button> })}
        <span class="copied" role="status">{move || copied.get().then_some("Copied")}</span>
    }
}

/// The same for a text that the server knows.
#[island]
pub(crate) fn CopyText(
    /// What to copy.
    text: String,
) -> impl IntoView {
    view! { <CopyButton text=Callback::new(move |()| text.clone())/> }
}
