//! The application and the HTML document around it, on the server only.

use crate::{pages, security, theme};
use leptos::prelude::*;
use leptos_meta::{MetaTags, Stylesheet, Title, provide_meta_context};
use leptos_router::components::{Route, Router, Routes};
use leptos_router::location::RequestUrl;
use leptos_router::{SsrMode, path};

/// The whole application.
///
/// All pages are rendered completely before the answer begins, so that they can be read without scripts, and so that a
/// redirection or a status can still be set by what they load. What is alive in the browser are the islands in it, the
/// chat first of all. The rest of a page costs the browser nothing.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Stylesheet id="leptos" href="/pkg/trunkline.css"/>
        <Title text="Trunkline"/>
        <Router>
            <Routes fallback=pages::not_found::NotFoundPage>
                <Route path=path!("/") view=pages::chat::ChatPage ssr=SsrMode::Async/>
                <Route path=path!("/c/:id") view=pages::chat::ChatPage ssr=SsrMode::Async/>
                <Route path=path!("/search") view=pages::search::SearchPage ssr=SsrMode::Async/>
                <Route path=path!("/login") view=pages::login::LoginPage ssr=SsrMode::Async/>
                <Route path=path!("/register") view=pages::register::RegisterPage ssr=SsrMode::Async/>
                <Route path=path!("/settings") view=pages::settings::SettingsPage ssr=SsrMode::Async/>
                <Route path=path!("/console") view=pages::console::ConsolePage ssr=SsrMode::Async/>
                <Route path=path!("/api") view=pages::api::ApiPage ssr=SsrMode::Async/>
                <Route path=path!("/admin") view=pages::admin::AdminPage ssr=SsrMode::Async/>
                <Route path=path!("/c/:id/delivery") view=pages::delivery::SentPage ssr=SsrMode::Async/>
                <Route path=path!("/c/:id/delivery/:seq") view=pages::delivery::DeliveryPage ssr=SsrMode::Async/>
            </Routes>
        </Router>
    }
}

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
    let is_plain =
        |path: &str| [pages::api::PATH, pages::admin::PATH].contains(&path) || pages::delivery::is_delivery(path);
    url.is_none_or(|url| !is_plain(url.path()))
}
