//! The choice as the browser knows it: an attribute of the document's first tag, which the server wrote.

use super::Theme;
use leptos::prelude::document;

const ATTRIBUTE: &str = "data-theme";

/// The choice that the page came with.
pub(crate) fn current() -> Theme {
    let value = document().document_element().and_then(|root| root.get_attribute(ATTRIBUTE));
    Theme::from_attribute(value.as_deref())
}

/// Shows the page in these colours.
pub(crate) fn apply(theme: Theme) {
    let Some(root) = document().document_element() else { return };
    // Neither call fails for a name that is well formed.
    let _ = match theme.attribute() {
        Some(value) => root.set_attribute(ATTRIBUTE, value),
        None => root.remove_attribute(ATTRIBUTE),
    };
}
