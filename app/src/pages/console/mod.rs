//! The console: one connection and every frame of it, for people who operate or learn the system. It needs scripts.
//!
//! # Layout
//!
//! - [`desk`]: the connection and the log behind the page
//! - [`log`]: the log of frames
//! - [`templates`]: frames to start from
//! - [`wire`]: a WebSocket and HTTP requests with nothing in between

pub mod desk;
pub mod log;
pub mod templates;
pub mod wire;

use crate::components::copy_button::CopyButton;
use crate::components::page::Page;
use desk::{Desk, Line};
use leptos::html;
use leptos::prelude::*;
use log::Entry;
use std::sync::Arc;

/// Target, connect, disconnect, receiver, message, send, pull unread, raw frames, and the log of it all.
#[component]
pub fn ConsolePage() -> impl IntoView {
    view! {
        <Page title="Console" class="page__main console">
            <p class="console__lead">
                "One connection, and everything that goes over it. Log in first: the socket and the requests use your session."
            </p>
            <noscript>
                <p class="notice notice--warning">"The console needs scripts: it is a WebSocket client."</p>
            </noscript>
            <ConsoleIsland/>
        </Page>
    }
}

/// All of the console that is alive.
#[island]
pub(crate) fn ConsoleIsland() -> impl IntoView {
    let desk = Desk::new();
    let alive = RwSignal::new(false);
    Effect::new(move |_| {
        desk.target.set(wire::here());
        alive.set(true);
    });
    view! {
        // Nothing can be pressed before it would do something.
        <fieldset class="console__desk" disabled=move || !alive.get()>
            <legend class="visually-hidden">"Controls"</legend>
            <Connection desk/>
            <Message desk/>
            <RawFrame desk/>
        </fieldset>
        <Frames desk/>
    }
}

#[component]
fn Connection(desk: Desk) -> impl IntoView {
    let closed = move || desk.line.get() == Line::Closed;
    view! {
        <section class="panel" aria-labelledby="connection-title">
            <h2 class="panel__title" id="connection-title">"Connection"</h2>
            <form
                class="form"
                on:submit=move |event| {
                    event.prevent_default();
                    desk.connect();
                }
            >
                <div class="field">
                    <label class="field__label" for="target">"Target"</label>
                    <input
                        class="field__input field__input--code"
                        type="text"
                        id="target"
                        autocomplete="off"
                        spellcheck="false"
                        bind:value=desk.target
                    />
                </div>
                <label class="check">
                    <input type="checkbox" bind:checked=desk.greets/>
                    "Send hello by itself"
                </label>
                <div class="form__buttons">
                    <button class="button button--primary" type="submit" disabled=move || !closed()>"Connect"</button>
                    <button class="button" type="button" disabled=closed on:click=move |_| desk.disconnect()>
                        "Disconnect"
                    </button>
                    <p class="line-state" role="status" data-state=move || desk.line.get().state()>
                        {move || desk.line.get().sentence()}
                    </p>
                </div>
            </form>
        </section>
    }
}

#[component]
fn Message(desk: Desk) -> impl IntoView {
    view! {
        <section class="panel" aria-labelledby="message-title">
            <h2 class="panel__title" id="message-title">"Send over HTTP"</h2>
            <form
                class="form"
                on:submit=move |event| {
                    event.prevent_default();
                    desk.send_message();
                }
            >
                <div class="field">
                    <label class="field__label" for="receiver">"Receiver"</label>
                    <input
                        class="field__input"
                        type="text"
                        id="receiver"
                        autocomplete="off"
                        autocapitalize="none"
                        spellcheck="false"
                        aria-describedby="receiver-hint"
                        bind:value=desk.receiver
                    />
                    <p class="field__hint" id="receiver-hint">"Somebody's user name."</p>
                </div>
                <div class="field">
                    <label class="field__label" for="message">"Message"</label>
                    <input class="field__input" type="text" id="message" autocomplete="off" bind:value=desk.message/>
                </div>
                <div class="form__buttons">
                    <button class="button button--primary" type="submit">"Send"</button>
                    <button class="button" type="button" on:click=move |_| desk.pull_unread()>"Pull unread"</button>
                </div>
            </form>
        </section>
    }
}

#[component]
fn RawFrame(desk: Desk) -> impl IntoView {
    let open = move || desk.line.get() == Line::Open;
    let options = templates::NAMES.map(|name| view! { <option value=name>{name}</option> }).collect_view();
    view! {
        <section class="panel" aria-labelledby="raw-title">
            <h2 class="panel__title" id="raw-title">"Raw frame"</h2>
            <form
                class="form"
                on:submit=move |event| {
                    event.prevent_default();
                    desk.send_frame();
                }
            >
                <div class="field">
                    <label class="field__label" for="template">"Template"</label>
                    <select
                        class="field__input"
                        id="template"
                        on:change=move |event| desk.frame.set(templates::json(&event_target_value(&event)))
                    >
                        <option value="">"Choose a frame…"</option>
                        {options}
                    </select>
                </div>
                <div class="field">
                    <label class="field__label" for="frame">"Frame"</label>
                    <textarea
                        class="field__input field__input--code"
                        id="frame"
                        rows="4"
                        spellcheck="false"
                        prop:value=move || desk.frame.get()
                        on:input=move |event| desk.frame.set(event_target_value(&event))
                    ></textarea>
                </div>
                <div class="form__buttons">
                    <button class="button" type="submit" disabled=move || !open()>"Send frame"</button>
                </div>
            </form>
        </section>
    }
}

#[component]
fn Frames(desk: Desk) -> impl IntoView {
    let filter = RwSignal::new(String::new());
    let rows = Memo::new(move |_| desk.log.with(|log| log.rows(&filter.read())));
    let paused = move || desk.log.with(log::FrameLog::is_paused);
    let view = NodeRef::<html::Div>::new();
    stay_at_the_end(view, rows);
    let count = move || {
        let held = desk.log.with(log::FrameLog::held);
        let rows = rows.with(Vec::len);
        if held == 0 { format!("{rows} shown") } else { format!("{rows} shown, {held} waiting") }
    };
    view! {
        <section class="panel console__log" aria-labelledby="frames-title">
            <div class="console__bar">
                <h2 class="panel__title" id="frames-title">"Frames"</h2>
                <p class="console__count">{count}</p>
                <label class="visually-hidden" for="filter">"Filter"</label>
                <input class="field__input" type="search" id="filter" placeholder="Filter" bind:value=filter/>
                <button
                    class="button button--quiet"
                    type="button"
                    on:click=move |_| desk.log.update(|log| log.set_paused(!log.is_paused()))
                >
                    {move || if paused() { "Resume" } else { "Pause" }}
                </button>
                <button class="button button--quiet" type="button" on:click=move |_| desk.log.update(log::FrameLog::clear)>
                    "Clear"
                </button>
                <CopyButton text=Callback::new(move |()| desk.log.with_untracked(|log| log.to_text(&filter.read_untracked())))/>
            </div>
            <div class="frames" role="log" aria-label="Frames" tabindex="0" node_ref=view>
                <For each=move || rows.get() key=|entry| entry.id let:entry>
                    <Row entry/>
                </For>
            </div>
        </section>
    }
}

/// Follows the newest row, unless the reader has scrolled away from it.
fn stay_at_the_end(view: NodeRef<html::Div>, rows: Memo<Vec<Arc<Entry>>>) {
    const NEAR: i32 = 80;
    Effect::new(move |_| {
        rows.track();
        let Some(view) = view.get() else { return };
        let distance = view.scroll_height() - view.scroll_top() - view.client_height();
        if distance < NEAR {
            request_animation_frame(move || view.set_scroll_top(view.scroll_height()));
        }
    });
}

/// A row: its head, and the whole frame when it is opened.
#[component]
fn Row(entry: Arc<Entry>) -> impl IntoView {
    const HEAD: usize = 160;
    let head: String = entry.text.chars().take(HEAD).collect();
    let open = RwSignal::new(false);
    let word = entry.direction.word();
    let (time, kind, size) = (entry.time.clone(), entry.kind.clone(), entry.size());
    let arrow = match entry.direction {
        log::Direction::Sent => "↑",
        log::Direction::Received => "↓",
        log::Direction::Note => "·",
    };
    view! {
        <details class="frame" data-direction=word on:toggle=move |_| open.update(|open| *open = !*open)>
            <summary class="frame__head">
                <span class="frame__time">{time}</span>
                <span class="frame__arrow" aria-hidden="true">{arrow}</span>
                <span class="visually-hidden">{word}</span>
                <span class="frame__kind">{kind}</span>
                <span class="frame__size">{size} " B"</span>
                <span class="frame__text">{head}</span>
            </summary>
            {move || open.get().then(|| view! { <pre class="frame__whole">{entry.text.clone()}</pre> })}
        </details>
    }
}
