//! How a server function answers a form, with scripts and without.

use super::flash;
use super::form::{Answer, FormRefusal};
use leptos::prelude::use_context;
use leptos::server_fn::error::ServerFnUrlError;
use leptos::server_fn::http_export::request::Parts;
use leptos::server_fn::http_export::{HeaderValue, Method, StatusCode, header};
use leptos_axum::ResponseOptions;
use serde::Serialize;

/// Whether a browser without scripts is asking, and so wants a page.
pub(crate) fn is_plain() -> bool {
    let wants_page = |parts: &Parts| {
        parts.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|v| v.contains("text/html"))
    };
    use_context::<Parts>().as_ref().is_some_and(wants_page)
}

/// Adds a header to the answer; a value that no header can hold is left out.
pub(crate) fn add_header(name: header::HeaderName, value: &str) {
    if let (Some(response), Ok(value)) = (use_context::<ResponseOptions>(), HeaderValue::from_str(value)) {
        response.append_header(name, value);
    }
}

/// Sends the browser to a path of this site. While a page is being rendered, the page's own answer becomes the
/// redirection, whatever the client accepts; a script is told to go there.
pub(crate) fn go(path: &str) {
    let (Some(parts), Some(response)) = (use_context::<Parts>(), use_context::<ResponseOptions>()) else { return };
    if parts.method != Method::GET && !is_plain() {
        leptos_axum::redirect(path);
        return;
    }
    if let Ok(path) = HeaderValue::from_str(path) {
        response.insert_header(header::LOCATION, path);
        response.set_status(StatusCode::FOUND);
    }
}

/// The status of the page that is being rendered. Scripts' calls keep theirs: a status of failure would hide the
/// answer from them.
pub(crate) fn page_status(status: StatusCode) {
    if let (Some(parts), Some(response)) = (use_context::<Parts>(), use_context::<ResponseOptions>())
        && parts.method == Method::GET
    {
        response.set_status(status);
    }
}

/// The site's origin as the browser named it with its form; empty if it did not.
pub(crate) fn origin() -> String {
    let origin =
        use_context::<Parts>().and_then(|parts| Some(parts.headers.get(header::ORIGIN)?.to_str().ok()?.to_owned()));
    origin.filter(|origin| origin.starts_with("http")).unwrap_or_default()
}

/// Where a plain form goes.
pub(crate) struct Way<'a> {
    /// The server function's own path, which names the form that a refusal belongs to.
    pub(crate) function: &'static str,
    /// The page that holds the form, with its query.
    pub(crate) page: &'a str,
    /// The part of the page that holds the form; empty for all of it.
    pub(crate) anchor: &'static str,
}

impl Way<'_> {
    /// It was done. A plain form is sent back to its page, with a note of what was done.
    pub(crate) fn done<T>(&self, value: T, note: &impl Serialize) -> Result<Answer<T>, FormRefusal> {
        if is_plain() {
            flash::leave(note);
            go(&self.address(None));
        }
        Ok(Ok(value))
    }

    /// It was refused. A plain form is sent back to its page, with the refusal in the address and a note of what to
    /// fill in again; never a password.
    pub(crate) fn refused<T>(
        &self,
        refusal: FormRefusal,
        note: Option<&impl Serialize>,
    ) -> Result<Answer<T>, FormRefusal> {
        if !is_plain() {
            return Ok(Err(refusal));
        }
        if let Some(note) = note {
            flash::leave(note);
        }
        go(&self.address(Some(&refusal)));
        Err(refusal)
    }

    fn address(&self, refusal: Option<&FormRefusal>) -> String {
        // The parser wants a whole address; only path and query are kept.
        const SITE: &str = "http://localhost";
        let whole = format!("{SITE}{}", self.page);
        let whole = match refusal {
            Some(refusal) => ServerFnUrlError::new(self.function, refusal.clone())
                .to_url(&whole)
                .map_or(whole, |address| address.to_string()),
            None => whole,
        };
        let path = whole.strip_prefix(SITE).unwrap_or("/");
        if self.anchor.is_empty() { path.to_owned() } else { format!("{path}#{}", self.anchor) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Refusal;
    use crate::functions::form::Field;
    use trunkline_protocol::ErrorCode;

    #[test]
    fn the_way_back_names_the_form_and_keeps_the_pages_query() {
        let way = Way { function: "/api/log_in", page: "/login?next=%2Fc%2F1", anchor: "" };
        assert_eq!(way.address(None), "/login?next=%2Fc%2F1");
        let refusal = FormRefusal::at(Field::Name, Refusal::new(ErrorCode::Invalid, "No."));
        let address = way.address(Some(&refusal));
        assert!(address.starts_with("/login?next=%2Fc%2F1&__path=%2Fapi%2Flog_in&__err="), "{address}");
    }

    #[test]
    fn the_way_back_ends_at_the_form() {
        let way = Way { function: "/api/create_token", page: "/settings", anchor: "tokens" };
        assert_eq!(way.address(None), "/settings#tokens");
    }
}
