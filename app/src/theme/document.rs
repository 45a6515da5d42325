//! The choice as the browser knows it: an attribute of the document's first tag, which the server wrote.

use super::Theme;
use leptos::prelude::{document, window};
use leptos::server_fn::ServerFn;
use leptos::task::spawn_local;
use wasm_bindgen_futures::JsFuture;
use web_sys::{RequestInit, UrlSearchParams};

const ATTRIBUTE: &str = "data-theme";

/// The choice that the page came with.
pub(crate) fn current() -> Theme {
    let value = document().document_element().and_then(|root| root.get_attribute(ATTRIBUTE));
    Theme::from_attribute(value.as_deref())
}

/// Shows the page in these colours, and has the server write them into the next one.
pub(crate) fn apply(theme: Theme) {
    let Some(root) = document().document_element() else { return };
    // Neither call fails for a name that is well formed.
    let _ = match theme.attribute() {
        Some(value) => root.set_attribute(ATTRIBUTE, value),
        None => root.remove_attribute(ATTRIBUTE),
    };
    let Ok(form) = UrlSearchParams::new() else { return };
    form.append("theme", theme.word());
    let request = RequestInit::new();
    request.set_method("POST");
    request.set_body(&form);
    let sent = window().fetch_with_str_and_init(super::SetTheme::PATH, &request);
    spawn_local(async move {
        // One that is lost costs the choice on the next page; here it holds.
        let _lost = JsFuture::from(sent).await;
    });
}
