//! A message's text, with its links.

use crate::text::{Piece, pieces};
use leptos::prelude::*;

/// A text as it was sent: line breaks kept, links offered, nothing in it taken for markup.
#[component]
pub fn MessageText(
    /// The text.
    #[prop(into)]
    text: String,
) -> impl IntoView {
    let shown = |piece| match piece {
        Piece::Plain(text) => text.into_any(),
        Piece::Link { shown, href } => {
            view! { <a class="message__link" href=href target="_blank" rel="noopener noreferrer nofollow">{shown}</a> }
                .into_any()
        }
    };
    pieces(&text).into_iter().map(shown).collect_view()
}
