//! The page in the browser: a request to the server.

use leptos::prelude::*;

/// Nothing to show here. The browser gets to this route only by a history entry that it made itself, and then asks
/// the server for the page.
#[component]
pub fn ApiPage() -> impl IntoView {
    Effect::new(|_| {
        // A page that can not be loaded again stays as it is.
        let _ = window().location().reload();
    });
}
