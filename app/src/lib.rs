//! Trunkline's user interface: rendered on the server, alive in the browser, and of use without scripts.
//!
//! The server calls `shell` for every page; the browser takes over from there with [`App`]. What the pages need of
//! the server stands in [`backend`], which the server implements.
//!
//! # Layout
//!
//! - [`backend`]: what the pages need of the server
//! - [`functions`]: server functions, the way from the pages to the backend
//! - [`pages`]: one page a file or folder: chat, login, register, settings, console, api, not found
//! - [`components`]: what pages are made of, one component a file
//! - [`state`]: what the chat page knows; [`realtime`]: its line to the node, which keeps that up to date
//! - [`text`], [`mod@time`]: how messages and moments are written
//! - [`theme`]: light or dark, by the system or by choice
//! - [`return_path`]: where to go after logging in, and nowhere else
//! - `security`: the Content-Security-Policy, on the server only

// The types of views grow with the pages.
#![recursion_limit = "256"]

pub mod backend;
pub mod components;
pub mod functions;
pub mod pages;
pub mod realtime;
pub mod return_path;
#[cfg(feature = "ssr")]
pub mod security;
#[cfg(feature = "ssr")]
mod shell;
pub mod state;
pub mod text;
pub mod theme;
pub mod time;

use leptos::prelude::*;
use leptos_meta::{Stylesheet, Title, provide_meta_context};
use leptos_router::components::{Route, Router, Routes};
use leptos_router::{SsrMode, path};
#[cfg(feature = "ssr")]
pub use shell::shell;

/// The whole application.
///
/// All pages are rendered completely before the answer begins, so that they can be read without scripts, and so that a
/// redirection or a status can still be set by what they load. It runs on the server only: what is alive in the
/// browser are the islands in it, the chat first of all. The rest of a page costs the browser nothing.
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
                <Route path=path!("/login") view=pages::login::LoginPage ssr=SsrMode::Async/>
                <Route path=path!("/register") view=pages::register::RegisterPage ssr=SsrMode::Async/>
                <Route path=path!("/settings") view=pages::settings::SettingsPage ssr=SsrMode::Async/>
                <Route path=path!("/console") view=pages::console::ConsolePage ssr=SsrMode::Async/>
                <Route path=path!("/api") view=pages::api::ApiPage ssr=SsrMode::Async/>
            </Routes>
        </Router>
    }
}
