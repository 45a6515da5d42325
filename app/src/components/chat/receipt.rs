//! How far a message of one's own has come, as a mark.

use crate::components::icon::{Glyph, Icon};
use crate::state::receipt::Receipt;
use leptos::prelude::*;

/// A clock, one check mark, two, two in the accent colour, or a warning; with its word for screen readers.
#[component]
pub fn ReceiptMark(
    /// How far.
    receipt: Receipt,
    /// In a group, how many of how many others have read it.
    seen_by: Option<(usize, usize)>,
) -> impl IntoView {
    let glyph = match receipt {
        Receipt::Pending => Glyph::Clock,
        Receipt::Sent => Glyph::Check,
        Receipt::Delivered | Receipt::Seen => Glyph::Checks,
        Receipt::Failed(_) => Glyph::Warning,
    };
    let title = match seen_by {
        Some((seen, total)) if seen > 0 => format!("Seen by {seen} of {total}"),
        _ => receipt.word().to_owned(),
    };
    let said = title.clone();
    view! {
        <span class="receipt" data-state=receipt.state() title=title>
            <Icon glyph/>
            <span class="visually-hidden">{said}</span>
        </span>
    }
    .into_any()
}
