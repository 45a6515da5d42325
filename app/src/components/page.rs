//! The frames that pages stand in.

use crate::backend::Refusal;
use crate::components::brand::Brand;
use crate::theme::ThemeSwitch;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::A;

/// A page with the site's header and navigation, as wide as its text wants.
#[component]
pub fn Page(
    /// The page's one heading, and the document's title.
    title: &'static str,
    /// What is special about its width and look.
    #[prop(default = "page__main")]
    class: &'static str,
    /// Whether the theme can be chosen below; not where the page has a place of its own for it.
    #[prop(default = true)]
    themed: bool,
    /// The page.
    children: Children,
) -> impl IntoView {
    view! {
        <Title text=format!("{title} · Trunkline")/>
        <div class="page">
            <a class="skip-link" href="#main">"Skip to content"</a>
            <header class="page__header">
                <A href="/" attr:class="page__home"><Brand/></A>
                <nav class="page__nav" aria-label="Site">
                    <A href="/" exact=true>"Chat"</A>
                    <A href="/search">"Search"</A>
                    <A href="/settings">"Settings"</A>
                    <A href="/console">"Console"</A>
                    <A href="/api" attr:rel="external">"API"</A>
                    {administers().then(|| view! { <A href="/admin" attr:rel="external">"Admin"</A> })}
                </nav>
            </header>
            <main class=class id="main" tabindex="-1">
                <h1 class="page__title">{title}</h1>
                {children()}
            </main>
            <Footer themed/>
        </div>
    }
}

/// A page with one card in the middle: for whoever is not inside yet, or lost.
#[component]
pub fn CardPage(
    /// The page's one heading, and the document's title.
    title: &'static str,
    /// The card.
    children: Children,
) -> impl IntoView {
    view! {
        <Title text=format!("{title} · Trunkline")/>
        <div class="page page--card">
            <header class="page__header">
                <A href="/" attr:class="page__home"><Brand/></A>
            </header>
            <main class="card" id="main">
                <h1 class="card__title">{title}</h1>
                {children()}
            </main>
            <Footer themed=true/>
        </div>
    }
}

/// What `load` brings, shown by `show`; why it brings nothing, if so. `None` has sent the reader elsewhere.
pub fn loaded<T, V: IntoView + 'static>(
    load: impl Future<Output = Result<Option<T>, Refusal>> + Send + 'static,
    show: impl FnOnce(T) -> V + Send + 'static,
) -> impl IntoView {
    let content = async move {
        match load.await {
            Ok(Some(content)) => show(content).into_any(),
            Ok(None) => ().into_any(),
            Err(refusal) => view! { <p class="notice notice--danger" role="alert">{refusal.message}</p> }.into_any(),
        }
    };
    view! { <Suspense>{Suspend::new(content)}</Suspense> }
}

/// Whether the reader has a page that others have not. Nothing renders this frame but the server.
fn administers() -> bool {
    #[cfg(feature = "ssr")]
    return crate::functions::admin::is_admin();
    #[cfg(not(feature = "ssr"))]
    false
}

#[component]
fn Footer(themed: bool) -> impl IntoView {
    view! {
        <footer class="page__footer">
            <p>"Chat that crosses nodes"</p>
            {themed.then(|| view! { <ThemeSwitch/> })}
        </footer>
    }
}
