//! The administrators' page, at `/admin`: the nodes, the bus and the store, and the accounts. For anybody else there is
//! nothing at this address.
//!
//! # Layout
//!
//! - [`nodes`]: the nodes, the bus and the store
//! - [`users`]: the accounts, and what can be done to them

pub mod nodes;
pub mod users;

use crate::components::live::Live;
use crate::components::page::Page;
use crate::functions::admin::{AdminPage as Content, load_admin};
use crate::pages::not_found::NotFoundPage;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use trunkline_protocol::ErrorCode;

pub use crate::functions::admin::PATH;

/// See the module. Visitors without a session are sent to the login page.
#[component]
pub fn AdminPage() -> impl IntoView {
    let query = use_query_map().read_untracked().get("q").unwrap_or_default();
    let content = async move {
        match load_admin(query).await {
            Ok(Some(content)) => {
                view! { <Page title="Administration" class="page__main admin"><Parts content/></Page> }.into_any()
            }
            Ok(None) => ().into_any(),
            Err(refusal) if refusal.code == ErrorCode::Forbidden => view! { <NotFoundPage/> }.into_any(),
            Err(refusal) => view! {
                <Page title="Administration">
                    <p class="notice notice--danger" role="alert">{refusal.message}</p>
                </Page>
            }
            .into_any(),
        }
    };
    view! { <Suspense>{Suspend::new(content)}</Suspense> }
}

#[component]
fn Parts(content: Content) -> impl IntoView {
    let Content { admin, done, refused } = content;
    view! {
        <Live/>
        <nodes::Nodes here=admin.here at=admin.at nodes=admin.nodes.clone() incomplete=admin.incomplete/>
        <nodes::Engines bus=admin.bus.clone() store=admin.store.clone() here=admin.here/>
        <users::Users admin done refused/>
    }
}
