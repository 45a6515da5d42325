//! The reader's time. Unknown in the first render, on the server as in the browser.

use crate::time::{self, Offset};
use leptos::prelude::*;
use trunkline_protocol::Millis;
use wasm_bindgen::JsValue;

/// The reader's clock and zone: UTC and no "today" until the first [`Clock::tick`].
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    now: RwSignal<Option<Millis>>,
    today: Memo<Option<i64>>,
    mounted: Memo<bool>,
}

impl Clock {
    /// A clock that does not go yet.
    #[must_use]
    pub fn new() -> Self {
        let now = RwSignal::new(None);
        let today = Memo::new(move |_| now.get().map(|now| time::day_of(now, browser_offset(now))));
        Self { now, today, mounted: Memo::new(move |_| now.get().is_some()) }
    }

    /// Reads the browser's clock; to be called after mounting, and every minute from then on.
    pub fn tick(self) {
        self.now.set(Some(browser_now()));
    }

    /// Whether the first render is over. Tracked.
    #[must_use]
    pub fn is_mounted(self) -> bool {
        self.mounted.get()
    }

    /// Now, to the minute. Tracked.
    #[must_use]
    pub fn now(self) -> Option<Millis> {
        self.now.get()
    }

    /// Today, as days since 1970-01-01. Tracked.
    #[must_use]
    pub fn today(self) -> Option<i64> {
        self.today.get()
    }

    /// The reader's offset from UTC at a moment. Tracked.
    #[must_use]
    pub fn offset(self, at: Millis) -> Offset {
        if self.mounted.get() { browser_offset(at) } else { 0 }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

/// The browser's wall clock.
#[must_use]
pub fn browser_now() -> Millis {
    js_sys::Date::now() as Millis
}

/// A clock that never goes back, near the wall clock: deadlines are measured with it.
#[must_use]
pub fn steady_now() -> Millis {
    match web_sys::window().and_then(|window| window.performance()) {
        Some(performance) => (performance.time_origin() + performance.now()) as Millis,
        None => browser_now(),
    }
}

fn browser_offset(at: Millis) -> Offset {
    // JavaScript counts minutes behind UTC.
    -(js_sys::Date::new(&JsValue::from_f64(at as f64)).get_timezone_offset() as Offset)
}
