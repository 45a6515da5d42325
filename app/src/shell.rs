//! The HTML document around the application, on the server only.

use crate::{App, pages, security, theme};
use leptos::prelude::*;
use leptos_meta::MetaTags;
use leptos_router::location::RequestUrl;

/// The HTML document around the application, with its Content-Security-Policy on the answer.
///
/// The server renders it for every page, with [`crate::backend::service::SharedBackend`] as a context and
/// [`crate::backend::service::Caller`] among the request's extensions.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    security::protect();
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme::current().attribute()>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover, interactive-widget=resizes-content"/>
                <meta name="description" content="Chat that crosses nodes."/>
                <meta name="theme-color" media="(prefers-color-scheme: light)" content="#eef1f4"/>
                <meta name="theme-color" media="(prefers-color-scheme: dark)" content="#0c1216"/>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                <link rel="apple-touch-icon" href="/icon-180.png"/>
                <link rel="manifest" href="/manifest.webmanifest"/>
                <AutoReload options=options.clone()/>
                {is_alive().then(|| view! { <HydrationScripts options islands=true/> })}
                <MetaTags/>
            </head>
            <body>
                <App/>
            </body>
        </html>
    }
}

/// Whether the browser takes over the page. One that only the server knows stays as it came.
fn is_alive() -> bool {
    let url = use_context::<RequestUrl>().and_then(|url| url.parse().ok());
    url.is_none_or(|url| url.path() != pages::api::PATH)
}
