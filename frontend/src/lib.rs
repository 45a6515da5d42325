//! The browser's entry point: takes over the islands of the page that the server rendered.

// As in the app: the types of views grow with the pages.
#![recursion_limit = "256"]

// Linked for its islands: the page's script calls each of them by the name that its place in the page bears.
use trunkline_app as _;
use wasm_bindgen::prelude::wasm_bindgen;

/// Called by the page's module script once the WASM is loaded.
#[wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_islands();
}
