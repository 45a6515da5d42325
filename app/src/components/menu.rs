//! A button that discloses a few more controls. It works without scripts.

use leptos::html;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::web_sys::{FocusEvent, HtmlElement, KeyboardEvent, Node};

/// A disclosure that closes by itself: on Escape, and when the focus goes elsewhere.
#[component]
pub fn Menu(
    /// What the button shows; its text is its name.
    button: ViewFn,
    /// The controls.
    children: Children,
) -> impl IntoView {
    let node = NodeRef::<html::Details>::new();
    // A menu that is taken away loses the focus too, after its node is out of reach.
    let menu = move || node.try_get_untracked().flatten();
    let close = move || {
        if let Some(details) = menu() {
            details.set_open(false);
        }
    };
    let pressed = move |event: KeyboardEvent| {
        let Some(details) = menu().filter(|details| event.key() == "Escape" && details.open()) else {
            return;
        };
        event.prevent_default();
        event.stop_propagation();
        close();
        if let Ok(Some(summary)) = details.query_selector("summary")
            && let Ok(summary) = summary.dyn_into::<HtmlElement>()
        {
            let _gone = summary.focus();
        }
    };
    let left = move |event: FocusEvent| {
        let to = event.related_target().and_then(|target| target.dyn_into::<Node>().ok());
        let inside = menu().is_some_and(|details| details.contains(to.as_ref()));
        // Without a target the window lost the focus, or a place was clicked that takes none: that closes as well.
        if !inside {
            close();
        }
    };
    view! {
        <details class="menu" node_ref=node on:keydown=pressed on:focusout=left>
            <summary class="menu__button">{button.run()}</summary>
            <div class="menu__panel" tabindex="-1">{children()}</div>
        </details>
    }
    .into_any()
}
