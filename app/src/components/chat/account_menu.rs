//! One's own face, with the way to the settings and out.

use crate::components::avatar::Avatar;
use crate::components::icon::{Glyph, Icon};
use crate::components::menu::Menu;
use crate::functions::auth::LogOut;
use crate::realtime::{self, storage};
use crate::state::chat::Chat;
use crate::theme::ThemeToggle;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// The menu behind one's own name.
#[component]
pub fn AccountMenu() -> impl IntoView {
    let chat = expect_context::<Chat>();
    let user = chat.viewer.with_value(|viewer| viewer.user.clone());
    let name = Signal::derive(move || chat.person(chat.me));
    // The server ends this session's socket before its answer is here, and that is no reason to load this page again.
    let leave = move |_| {
        realtime::stop();
        chat.viewer.with_value(|viewer| storage::forget_drafts(&viewer.user));
    };
    let face = move || {
        view! {
            <Avatar id=chat.me.0 name/>
            <span class="visually-hidden">"Account of "</span>
            <span class="account__name" dir="auto">{name}</span>
            <Icon glyph=Glyph::Unfold/>
        }
    };
    view! {
        <div class="account">
            <Menu button=ViewFn::from(face)>
                <p class="account__login">{format!("Logged in as {}", user.name)}</p>
                <a class="menu__item" href="/settings"><Icon glyph=Glyph::Settings/>"Settings"</a>
                <ThemeToggle/>
                <form method="post" action=LogOut::PATH on:submit=leave>
                    <button class="menu__item" type="submit"><Icon glyph=Glyph::Leave/>"Log out"</button>
                </form>
            </Menu>
        </div>
    }
    .into_any()
}
