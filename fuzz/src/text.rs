//! A message's text, as the view shows it.

use leptos::prelude::*;
use trunkline_app::components::chat::message_text::MessageText;
use trunkline_app::state::preview::one_line;
use trunkline_app::text::{Piece, initials, is_few_emoji, pieces};

/// What a link begins with in the page.
const LINK: &str = "a href=\"";
/// And what stands behind where it leads.
const REST: &str = " target=\"_blank\" rel=\"noopener noreferrer nofollow\" class=\"message__link\"";

/// A text: shown to the letter, with nothing in it taken for markup, and no link that leads into anything but the web
/// and the mail.
pub fn view(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let (_, _, line) = (is_few_emoji(text), initials(text), one_line(text));
    assert!(!line.contains('\n'), "{line:?}");
    let pieces = pieces(text);
    let joined: String = pieces
        .iter()
        .map(|piece| match piece {
            Piece::Plain(shown) | Piece::Link { shown, .. } => shown.as_str(),
        })
        .collect();
    assert_eq!(joined, text);
    let owned = text.to_owned();
    let html = Owner::new().with(|| view! { <MessageText text=owned /> }.to_html());
    let (shown, links) = read(&html);
    assert_eq!(shown, text, "{html}");
    let wanted: Vec<_> = pieces
        .into_iter()
        .filter_map(|piece| match piece {
            Piece::Link { href, .. } => Some(href),
            Piece::Plain(_) => None,
        })
        .collect();
    assert_eq!(links, wanted, "{html}");
    for href in links {
        let scheme = href.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
        assert!(matches!(scheme.as_deref(), Some("http" | "https" | "mailto")), "{href:?}");
    }
}

/// What a browser would show of this HTML, and where its links lead. Knows links and comments, and nothing else.
fn read(html: &str) -> (String, Vec<String>) {
    let (mut shown, mut links) = (String::new(), Vec::new());
    let mut rest = html;
    while let Some((text, tag)) = rest.split_once('<') {
        shown.push_str(&unescaped(text));
        let end = end_of(tag).expect("a tag ends");
        rest = &tag[end + 1..];
        let tag = &tag[..end];
        if let Some(attributes) = tag.strip_prefix(LINK) {
            let (href, others) = attributes.split_once('"').expect("an attribute ends");
            assert_eq!(others, REST, "{html}");
            links.push(unescaped(href));
        } else {
            assert!(tag == "/a" || tag.starts_with('!'), "a tag that nobody wrote: {tag:?} in {html}");
        }
    }
    shown.push_str(&unescaped(rest));
    (shown, links)
}

/// Where a tag ends: not within quotation marks.
fn end_of(tag: &str) -> Option<usize> {
    let mut quoted = false;
    tag.find(|letter| {
        quoted ^= letter == '"';
        letter == '>' && !quoted
    })
}

fn unescaped(text: &str) -> String {
    let known = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#x27;", "'"), ("&#39;", "'"), ("&#x2F;", "/")];
    let plain = known.into_iter().fold(text.to_owned(), |text, (name, letter)| text.replace(name, letter));
    plain.replace("&amp;", "&")
}
