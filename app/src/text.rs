//! What is read out of a message's text before it is shown: links, and whether it is but a few emoji.

use linkify::{LinkFinder, LinkKind};

/// A piece of a text. The pieces of a text, joined, are the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Shown as it is.
    Plain(String),
    /// A link that is safe to offer.
    Link {
        /// As it stands in the text.
        shown: String,
        /// Where it leads: `http:`, `https:` or `mailto:`, nothing else.
        href: String,
    },
}

/// Cuts a text into plain pieces and links.
#[must_use]
pub fn pieces(text: &str) -> Vec<Piece> {
    let mut finder = LinkFinder::new();
    finder.kinds(&[LinkKind::Url, LinkKind::Email]);
    finder
        .spans(text)
        .map(|span| {
            let shown = span.as_str().to_owned();
            match span.kind().and_then(|kind| target(kind, &shown)) {
                Some(href) => Piece::Link { shown, href },
                None => Piece::Plain(shown),
            }
        })
        .collect()
}

fn target(kind: &LinkKind, shown: &str) -> Option<String> {
    let starts = |scheme: &str| shown.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    match kind {
        LinkKind::Email if starts("mailto:") => Some(shown.to_owned()),
        LinkKind::Email => Some(format!("mailto:{shown}")),
        LinkKind::Url if starts("http://") || starts("https://") || starts("mailto:") => Some(shown.to_owned()),
        _ => None,
    }
}

/// Whether a text is nothing but one to three emoji, so that it may be shown large.
#[must_use]
pub fn is_few_emoji(text: &str) -> bool {
    let mut bases = 0;
    let mut joined = false;
    let mut flag = false;
    for letter in text.chars() {
        match letter as u32 {
            // Joiner: what follows belongs to the emoji before.
            0x200d => joined = bases > 0,
            // Presentation selector, keycap, skin tones and tags only change the emoji before them.
            0xfe0f | 0x20e3 | 0x1f3fb..=0x1f3ff | 0xe0020..=0xe007f if bases > 0 => {}
            // Two regional letters are one flag.
            0x1f1e6..=0x1f1ff => {
                bases += usize::from(!flag);
                flag = !flag;
            }
            0x1f300..=0x1faff | 0x2600..=0x27bf | 0x2b50 | 0x2b55 | 0x231a..=0x231b | 0x23e9..=0x23f3 => {
                bases += usize::from(!joined);
                joined = false;
            }
            0x20 => {}
            _ => return false,
        }
    }
    (1..=3).contains(&bases)
}

/// The first letters of the first and the last word of a name, for an avatar; the style sheet makes capitals of them.
#[must_use]
pub fn initials(name: &str) -> String {
    let mut words = words(name).filter_map(|word| word.chars().next());
    let first = words.next();
    let last = words.next_back();
    first.into_iter().chain(last).collect()
}

/// The words of a text. What is a letter in other scripts is left open: the tables that say so weigh more in the
/// browser than they are worth for a search.
pub fn words(text: &str) -> impl DoubleEndedIterator<Item = &str> {
    text.split(|letter: char| letter.is_whitespace() || letter.is_ascii_punctuation()).filter(|word| !word.is_empty())
}

/// A text in lower case, to be compared. The browser has the tables for it; a second copy stays out of its bundle.
#[must_use]
pub fn lower(text: &str) -> String {
    #[cfg(target_arch = "wasm32")]
    {
        js_sys::JsString::from(text).to_lower_case().into()
    }
    #[cfg(not(target_arch = "wasm32"))]
    {
        text.to_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(shown: &str, href: &str) -> Piece {
        Piece::Link { shown: shown.into(), href: href.into() }
    }

    fn plain(text: &str) -> Piece {
        Piece::Plain(text.into())
    }

    #[test]
    fn web_and_mail_addresses_become_links_and_the_text_stays_whole() {
        let text = "See https://example.org/a?b=c. Or write to ann@example.org!\nBye";
        assert_eq!(
            pieces(text),
            [
                plain("See "),
                link("https://example.org/a?b=c", "https://example.org/a?b=c"),
                plain(". Or write to "),
                link("ann@example.org", "mailto:ann@example.org"),
                plain("!\nBye"),
            ]
        );
    }

    #[test]
    fn no_other_scheme_becomes_a_link() {
        for text in
            ["javascript:alert(1)", "javascript://example.org/%0aalert(1)", "data:text/html,x", "ftp://example.org/"]
        {
            assert_eq!(pieces(text), [plain(text)], "{text}");
        }
        assert_eq!(pieces("HTTPS://EXAMPLE.ORG"), [link("HTTPS://EXAMPLE.ORG", "HTTPS://EXAMPLE.ORG")]);
    }

    #[test]
    fn a_few_emoji_alone_are_told_from_text() {
        for text in ["👍", "👩‍👩‍👧", "🇩🇪", "❤️", "👍🏽 👋", "🎉🎉🎉"] {
            assert!(is_few_emoji(text), "{text}");
        }
        for text in ["", " ", "ok 👍", "12", "🎉🎉🎉🎉", "\u{200d}", "\n"] {
            assert!(!is_few_emoji(text), "{text}");
        }
    }

    #[test]
    fn initials_come_from_the_first_and_last_word() {
        assert_eq!(initials("Ann Example"), "AE");
        assert_eq!(initials("ann middle (example)"), "ae");
        assert_eq!(initials("Ñandú"), "Ñ");
        assert_eq!(initials(" - "), "");
    }
}
