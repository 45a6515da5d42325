//! How a form is answered: with a redirection, and a note for the page that follows.

use super::flash::{self, Note};
use super::form::{Problems, Refused, Typed};
use super::settings::Done;
use leptos::prelude::use_context;
use leptos::server_fn::http_export::request::Parts;
use leptos::server_fn::http_export::{HeaderValue, StatusCode, header};
use leptos_axum::ResponseOptions;

/// Adds a header to the answer; a value that no header can hold is left out.
pub(crate) fn add_header(name: header::HeaderName, value: &str) {
    if let (Some(response), Ok(value)) = (use_context::<ResponseOptions>(), HeaderValue::from_str(value)) {
        response.append_header(name, value);
    }
}

/// Sends the browser to a path of this site, from a form or from a page that is being rendered.
pub(crate) fn go(path: &str) {
    if let (Some(response), Ok(path)) = (use_context::<ResponseOptions>(), HeaderValue::from_str(path)) {
        response.insert_header(header::LOCATION, path);
        response.set_status(StatusCode::SEE_OTHER);
    }
}

/// The status of the page that is being rendered.
pub(crate) fn page_status(status: StatusCode) {
    if let Some(response) = use_context::<ResponseOptions>() {
        response.set_status(status);
    }
}

/// The site's origin as the browser named it with its form; empty if it did not.
pub(crate) fn origin() -> String {
    let origin =
        use_context::<Parts>().and_then(|parts| Some(parts.headers.get(header::ORIGIN)?.to_str().ok()?.to_owned()));
    origin.filter(|origin| origin.starts_with("http")).unwrap_or_default()
}

/// Where a form came from, and goes back to.
pub(crate) struct Way<'a> {
    /// Where it was posted to, which names it on a page of several.
    pub(crate) form: &'static str,
    /// The page that holds it, with its query.
    pub(crate) page: &'a str,
    /// The part of the page that holds it; empty for all of it.
    pub(crate) anchor: &'static str,
}

impl Way<'_> {
    /// It was done.
    pub(crate) fn done(&self, done: Done) {
        flash::leave(&Note::Done(done));
        self.back();
    }

    /// It was refused; what was `typed` is filled in again.
    pub(crate) fn refused(&self, problems: Problems, typed: Typed) {
        let note = |typed| Note::Refused(Refused { form: self.form.to_owned(), problems: problems.clone(), typed });
        if !flash::leave(&note(typed)) {
            // Too much was typed; why it was refused is said all the same.
            flash::leave(&note(Typed::default()));
        }
        self.back();
    }

    fn back(&self) {
        if self.anchor.is_empty() { go(self.page) } else { go(&format!("{}#{}", self.page, self.anchor)) }
    }
}
