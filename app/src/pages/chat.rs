//! The chat.

use leptos::prelude::*;
use leptos_router::components::Outlet;

/// The chat.
#[component]
pub fn ChatPage() -> impl IntoView {
    view! { <main><h1>"Trunkline"</h1><Outlet/></main> }
}
