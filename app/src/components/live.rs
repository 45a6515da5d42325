//! A page that keeps itself up to date, and works without: `public/live.js` asks for the page again every few seconds and
//! takes over the parts that are marked with `data-live`. On the server only; it costs the browser's bundle nothing.

use crate::time;
use leptos::prelude::*;
use trunkline_protocol::Millis;

/// How often the page is asked for, in seconds.
const EVERY: u32 = 3;

/// Says that the page updates itself, with a way to stop that; without scripts, how to do it by hand. And loads the
/// script.
#[component]
pub fn Live() -> impl IntoView {
    view! {
        <p class="live" data-live-every=EVERY.to_string()>
            <span class="live__state" data-live-state>"This page is as it was when it was loaded."</span>
            <button class="button button--quiet" type="button" data-live-toggle hidden>"Pause"</button>
            <a class="button button--quiet" href="" rel="external" data-live-reload>"Refresh"</a>
        </p>
        <script type="module" src="/live.js"></script>
    }
}

/// A moment: in UTC as the server writes it, in the reader's zone and language once the script runs.
#[component]
pub fn At(
    /// When.
    at: Millis,
    /// Whether milliseconds matter, and the day does not.
    #[prop(optional)]
    exact: bool,
) -> impl IntoView {
    let day = time::full_day(time::day_of(at, 0));
    let text = if exact {
        let part = at.rem_euclid(60_000);
        format!("{}:{:02}.{:03} UTC", time::time_of_day(at, 0), part / 1_000, part % 1_000)
    } else {
        format!("{day}, {} UTC", time::time_of_day(at, 0))
    };
    view! { <time datetime=time::machine(at) data-time=if exact { "exact" } else { "minute" }>{text}</time> }
}
