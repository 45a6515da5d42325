//! The page for addresses that lead nowhere, with status 404.

use crate::components::page::CardPage;
use crate::functions::answer::page_status;
use leptos::prelude::*;
use leptos::server_fn::http_export::StatusCode;
use leptos_router::components::A;

/// Says that there is nothing here, and where there is something.
#[component]
pub fn NotFoundPage() -> impl IntoView {
    page_status(StatusCode::NOT_FOUND);
    view! {
        <CardPage title="Nobody on this line">
            <p>"There is no page at this address. It may have been mistyped, or what it named is gone."</p>
            <p><A href="/" attr:class="button button--primary">"Go to your chats"</A></p>
        </CardPage>
    }
}
