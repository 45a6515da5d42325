//! The search page, `/search?q=`: messages that were found, newest first, each with the way to where it was said.

use crate::backend::service::{FoundMessage, FoundPage};
use crate::components::moment::Moment;
use crate::components::page::{Page, loaded};
use crate::functions::chat::load_search;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use leptos_router::location::Url;
use std::ops::Range;
use trunkline_protocol::ConversationId;
use trunkline_protocol::limits::QUERY_CHARS;

/// Characters of a long text that are shown before the first thing that was found in it.
const BEFORE: usize = 60;
/// Characters that are shown of a text.
const SHOWN: usize = 280;

/// What the address asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Asked {
    query: String,
    conversation: Option<ConversationId>,
    before: Option<String>,
}

impl Asked {
    fn path(&self) -> String {
        let mut path = format!("/search?q={}", Url::escape(&self.query));
        if let Some(conversation) = self.conversation {
            path += &format!("&conversation={conversation}");
        }
        if let Some(before) = &self.before {
            path += &format!("&before={}", Url::escape(before));
        }
        path
    }
}

/// The page. Visitors without a session are sent to the login page.
#[component]
pub fn SearchPage() -> impl IntoView {
    let asked = use_query_map().with_untracked(|query| Asked {
        query: query.get("q").unwrap_or_default(),
        conversation: query.get("conversation").and_then(|id| id.parse().ok()),
        before: query.get("before").filter(|before| !before.is_empty()),
    });
    let form = asked.clone();
    let shown = asked.clone();
    let load = async move {
        let path = asked.path();
        load_search(&asked.query, asked.conversation, asked.before.as_deref(), &path).await
    };
    view! {
        <Page title="Search" class="page__main search">
            <Form asked=form/>
            {loaded(load, |found| found.map(|found| view! { <Results found asked=shown/> }))}
        </Page>
    }
}

#[component]
fn Form(asked: Asked) -> impl IntoView {
    let conversation = asked.conversation.map(|id| {
        view! { <input type="hidden" name="conversation" value=id.to_string()/> }
    });
    view! {
        <form class="search__form" role="search" action="/search">
            <label class="field__label" for="search-query">"Search messages"</label>
            <div class="search__row">
                <input
                    class="field__input"
                    id="search-query"
                    name="q"
                    type="search"
                    value=asked.query
                    maxlength=QUERY_CHARS.to_string()
                    autocomplete="off"
                    dir="auto"
                    aria-describedby="search-hint"
                />
                {conversation}
                <button class="button button--primary" type="submit">"Search"</button>
            </div>
            <p class="field__hint" id="search-hint">
                "Finds messages that contain all words; put words that belong together in “quotation marks”."
            </p>
        </form>
    }
}

#[component]
fn Results(found: FoundPage, asked: Asked) -> impl IntoView {
    let first = asked.before.is_none();
    let said = match (found.hits.len(), first, found.next.is_some()) {
        (0, _, true) => "Nothing yet; there are older messages to look through.".to_owned(),
        (0, true, false) => format!("No message contains “{}”.", asked.query.trim()),
        (0, false, false) => "There is nothing older.".to_owned(),
        (1, true, false) => "1 message".to_owned(),
        (hits, true, false) => format!("{hits} messages"),
        (hits, true, true) => format!("The latest {hits} messages"),
        (hits, false, _) => format!("{hits} older messages"),
    };
    let back = (!first).then(|| {
        let path = Asked { before: None, ..asked.clone() }.path();
        view! { <a class="button" href=path>"Latest results"</a> }
    });
    let on = found.next.map(|next| {
        let path = Asked { before: Some(next), ..asked }.path();
        view! { <a class="button" href=path rel="next">"Older results"</a> }
    });
    let hits = found.hits.into_iter().map(|hit| view! { <Hit hit/> }).collect_view();
    view! {
        <p class="search__count" role="status">{said}</p>
        <ol class="search__hits">{hits}</ol>
        <nav class="search__pages" aria-label="Pages of results">{back} {on}</nav>
    }
}

#[component]
fn Hit(hit: FoundMessage) -> impl IntoView {
    let href = format!("/c/{}?at={}#at", hit.conversation, hit.seq);
    let author = hit.author.map_or_else(|| "Former member".to_owned(), |author| author.display_name);
    let text = excerpt(&hit.text, &hit.highlights).into_iter().map(|(text, found)| match found {
        true => view! { <mark>{text}</mark> }.into_any(),
        false => text.into_any(),
    });
    view! {
        <li class="search__hit">
            <h2 class="search__name"><a class="search__link" href=href dir="auto">{hit.name}</a></h2>
            <p class="search__by"><span dir="auto">{author}</span> " · " <Moment at=hit.at/></p>
            <p class="search__text" dir="auto">{text.collect_view()}</p>
        </li>
    }
}

/// What is shown of a text, in pieces, with those that were found marked. All of it, or the part around the first of
/// them. (A range that does not fit the text is left out.)
fn excerpt(text: &str, found: &[Range<usize>]) -> Vec<(String, bool)> {
    let first = found.first().map_or(0, |range| range.start);
    let skipped = text.get(..first).map_or(0, |before| before.chars().count()).saturating_sub(BEFORE);
    let is_long = text.chars().count() > SHOWN;
    let place = |skip: usize| text.char_indices().nth(skip).map_or(text.len(), |(at, _)| at);
    let (start, end) = if is_long { (place(skipped), place(skipped + SHOWN)) } else { (0, text.len()) };
    let mut pieces = Vec::new();
    let mut push = |range: Range<usize>, is_found| {
        if let Some(piece) = text.get(range).filter(|piece| !piece.is_empty()) {
            pieces.push((piece.to_owned(), is_found));
        }
    };
    let mut at = start;
    for range in found.iter().filter(|range| text.get((*range).clone()).is_some()) {
        if range.start < at || range.start >= end {
            continue;
        }
        push(at..range.start, false);
        push(range.start..range.end.min(end), true);
        at = range.end.min(end);
    }
    push(at..end, false);
    if start > 0 {
        pieces.insert(0, ("…".to_owned(), false));
    }
    if end < text.len() {
        pieces.push(("…".to_owned(), false));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, found: &[(usize, usize)]) -> String {
        let found: Vec<_> = found.iter().map(|&(from, to)| from..to).collect();
        let piece = |(text, found): (String, bool)| if found { format!("[{text}]") } else { text };
        excerpt(text, &found).into_iter().map(piece).collect()
    }

    #[test]
    fn what_was_found_is_marked() {
        assert_eq!(shown("the harbour at night", &[(4, 11), (15, 20)]), "the [harbour] at [night]");
        assert_eq!(shown("harbour", &[(0, 7)]), "[harbour]");
        assert_eq!(shown("é", &[(1, 2)]), "é", "a range that cuts a character is left out");
    }

    #[test]
    fn of_a_long_text_the_part_around_it_is_shown() {
        let text = format!("{}harbour{}", "é ".repeat(500), " ü".repeat(500));
        let shown = shown(&text, &[(1_500, 1_507)]);
        assert!(shown.starts_with('…') && shown.ends_with('…'), "{shown}");
        assert!(shown.contains(" [harbour] "), "{shown}");
        assert_eq!(shown.chars().count(), SHOWN + 4);
    }

    #[test]
    fn the_address_keeps_what_was_asked_for() {
        let asked =
            Asked { query: "a&b 北".into(), conversation: Some(ConversationId(7)), before: Some("1-2-3".into()) };
        assert_eq!(asked.path(), "/search?q=a%26b%20%E5%8C%97&conversation=7&before=1%2D2%2D3");
    }
}
