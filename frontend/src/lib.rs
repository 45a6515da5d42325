//! The browser's entry point: takes over the page that the server rendered.

// As in the app: the types of views grow with the pages.
#![recursion_limit = "256"]

use wasm_bindgen::prelude::wasm_bindgen;

/// Called by the page's module script once the WASM is loaded.
#[wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_body(trunkline_app::App);
}
