//! The page for addresses that lead nowhere, with status 404.

use crate::components::page::CardPage;
use leptos::prelude::*;
use leptos_router::components::A;

/// Says that there is nothing here, and where there is something.
#[component]
pub fn NotFoundPage() -> impl IntoView {
    status();
    view! {
        <CardPage title="Nobody on this line">
            <p>"There is no page at this address. It may have been mistyped, or what it named is gone."</p>
            <p><A href="/" attr:class="button button--primary">"Go to your chats"</A></p>
        </CardPage>
    }
}

#[cfg(feature = "ssr")]
fn status() {
    crate::functions::answer::page_status(leptos::server_fn::http_export::StatusCode::NOT_FOUND);
}

#[cfg(not(feature = "ssr"))]
const fn status() {}
