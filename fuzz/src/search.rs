//! Questions, and the texts that answer them.

use trunkline_server::search::{Mark, Query, Term, terms};

/// A question in the first line, and a text behind it.
pub fn search(data: &[u8]) {
    let Ok(data) = str::from_utf8(data) else { return };
    let (question, text) = data.split_once('\n').unwrap_or((data, data));
    if let Ok(mark) = question.parse::<Mark>() {
        assert_eq!(mark.to_string().parse(), Ok(mark));
    }
    let indexed = terms(text);
    let Ok(query) = Query::parse(question) else { return };
    let Some(found) = query.find(text) else { return };
    let mut end = 0;
    for range in found {
        // Not empty, in order, and in one piece with the text's characters.
        assert!(end <= range.start && range.start < range.end, "{range:?} after {end}");
        assert!(text.get(range.clone()).is_some(), "{range:?} of {text:?}");
        end = range.end;
    }
    // An index that has forgotten one of these would not have proposed the text.
    for term in query.terms() {
        let is_there = match &term {
            Term::Is(wanted) => indexed.contains(wanted),
            Term::Begins(wanted) => indexed.iter().any(|term| term.starts_with(wanted)),
        };
        assert!(is_there, "{term:?} is not among {indexed:?}");
    }
}
