//! How the page stands with its node.

use crate::components::icon::{Glyph, Icon};
use crate::realtime::{Command, tell};
use crate::state::banner::banner;
use crate::state::chat::Chat;
use crate::state::clock::steady_now;
use leptos::prelude::*;
use std::time::Duration;
use trunkline_protocol::client::Link;

/// Says nothing while all is well, and the truth otherwise.
#[component]
pub fn ConnectionBanner() -> impl IntoView {
    let chat = expect_context::<Chat>();
    let now = RwSignal::new(0);
    // The clock goes only while seconds are counted.
    Effect::new(move |_| {
        if let Some(Link::Waiting(_)) = chat.link.get() {
            now.set(steady_now());
            let ticks = set_interval_with_handle(move || now.set(steady_now()), Duration::from_millis(500));
            on_cleanup(move || {
                if let Ok(ticks) = ticks {
                    ticks.clear();
                }
            });
        }
    });
    let shown = Memo::new(move |_| banner(chat.link.get(), chat.degraded.get(), now.get()));
    let action = move || {
        let label = shown.read().action?;
        Some(view! {
            <button class="banner__action" type="button" on:click=move |_| tell(Command::ConnectNow)>{label}</button>
        })
    };
    let notice = move || {
        let text = chat.notice.get()?;
        Some(view! {
            <div class="banner banner--notice" role="alert">
                <span class="banner__text">{text}</span>
                <button class="icon-button" type="button" aria-label="Dismiss" on:click=move |_| chat.notice.set(None)>
                    <Icon glyph=Glyph::Close/>
                </button>
            </div>
        })
    };
    view! {
        <div class="banners">
            <div class="banner" data-state=move || shown.read().state>
                <span class="banner__text" role="status">
                    {move || shown.read().text}
                    <span aria-hidden="true">{move || shown.read().countdown.clone()}</span>
                </span>
                {action}
            </div>
            {notice}
        </div>
    }
    .into_any()
}
