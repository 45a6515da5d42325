//! The wordmark.

use leptos::prelude::*;

/// Trunkline's mark, two switchboards' jacks joined by a trunk line, and its name.
#[component]
pub fn Brand() -> impl IntoView {
    view! {
        <span class="brand">
            <svg class="brand__mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
                <rect class="brand__board" x="1" y="1" width="30" height="30" rx="8"/>
                <path class="brand__line" d="M9 12v4c0 6 14 2 14 8"/>
                <circle class="brand__jack" cx="9" cy="9" r="3"/>
                <circle class="brand__jack brand__jack--free" cx="23" cy="9" r="2.25"/>
                <circle class="brand__jack brand__jack--free" cx="9" cy="23" r="2.25"/>
                <circle class="brand__jack" cx="23" cy="23" r="3"/>
            </svg>
            <span class="brand__name">"Trunkline"</span>
        </span>
    }
}
