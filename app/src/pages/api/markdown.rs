//! Descriptions in an OpenAPI document are Markdown. Of that, what ours use: paragraphs, **strong**, *emphasis* and `code`.

use leptos::prelude::*;

/// A part of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    Strong(&'a str),
    Emphasis(&'a str),
    Code(&'a str),
}

/// How each kind of piece is enclosed; the longer mark before the one that it begins with.
type Kind = for<'a> fn(&'a str) -> Piece<'a>;
const MARKS: [(&str, Kind); 3] =
    [("`", |text| Piece::Code(text)), ("**", |text| Piece::Strong(text)), ("*", |text| Piece::Emphasis(text))];

/// The first enclosed piece: what is before it, itself, and what is behind. A mark that encloses nothing is text.
fn enclosed(text: &str) -> Option<(&str, Piece<'_>, &str)> {
    text.char_indices().find_map(|(at, _)| {
        let (mark, kind) = MARKS.iter().find(|(mark, _)| text[at..].starts_with(mark))?;
        let inner = &text[at + mark.len()..];
        let end = inner.find(mark)?;
        let (piece, rest) = (&inner[..end], &inner[end + mark.len()..]);
        (!piece.is_empty() && piece.trim() == piece).then(|| (&text[..at], kind(piece), rest))
    })
}

fn pieces(mut text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    while let Some((before, piece, rest)) = enclosed(text) {
        if !before.is_empty() {
            pieces.push(Piece::Text(before));
        }
        pieces.push(piece);
        text = rest;
    }
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    pieces
}

/// A line, as it is meant.
pub(super) fn line(text: &str) -> AnyView {
    let shown = |piece: Piece<'_>| match piece {
        Piece::Text(text) => text.to_owned().into_any(),
        Piece::Strong(text) => view! { <strong>{text.to_owned()}</strong> }.into_any(),
        Piece::Emphasis(text) => view! { <em>{text.to_owned()}</em> }.into_any(),
        Piece::Code(text) => view! { <code>{text.to_owned()}</code> }.into_any(),
    };
    pieces(text).into_iter().map(shown).collect_view().into_any()
}

/// Paragraphs of this class.
pub(super) fn paragraphs(text: &str, class: &'static str) -> AnyView {
    let parts = text.split("\n\n").filter(|part| !part.trim().is_empty());
    parts.map(|part| view! { <p class=class>{line(part)}</p> }).collect_view().into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_marked_is_told_from_what_is_not() {
        use Piece::{Code, Emphasis, Strong, Text};
        assert_eq!(
            pieces("A **log** is *dense*: `a*b` and `**c**`."),
            [
                Text("A "),
                Strong("log"),
                Text(" is "),
                Emphasis("dense"),
                Text(": "),
                Code("a*b"),
                Text(" and "),
                Code("**c**"),
                Text(".")
            ]
        );
        assert_eq!(pieces("**all**"), [Strong("all")]);
        assert_eq!(pieces(""), []);
    }

    #[test]
    fn marks_that_enclose_nothing_are_text() {
        for text in ["2 * 3 * 4", "a `b", "**", "*", "5 ** 2", "``", "a *b"] {
            assert_eq!(pieces(text), [Piece::Text(text)]);
        }
    }
}
