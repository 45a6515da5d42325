//! The choice as the server knows it: a cookie of the request.

use super::Theme;
use crate::functions::answer::add_header;
use crate::functions::flash;
use leptos::server_fn::http_export::header::SET_COOKIE;

const COOKIE: &str = "theme";
const YEAR: u32 = 365 * 24 * 60 * 60;

/// The choice that came with the request.
pub(crate) fn current() -> Theme {
    Theme::from_attribute(flash::cookie(COOKIE).as_deref())
}

/// Nothing to do: the server writes the choice into the document's first tag.
pub(crate) const fn apply(_: Theme) {}

/// Keeps the choice in the browser.
pub(crate) fn remember(theme: Theme) {
    let seconds = theme.attribute().map_or(0, |_| YEAR);
    let value = theme.attribute().unwrap_or_default();
    let secure = if flash::is_secure() { "; Secure" } else { "" };
    add_header(SET_COOKIE, &format!("{COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"));
}
