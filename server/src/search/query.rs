//! Questions, and where a text answers them.
//!
//! Words that all must be there, in any order; what stands in quotation marks must be there in that order. The last
//! word counts as begun, as people type. Nothing else has a meaning: there is no question that is wrong.

use super::units::{Kind, Units, shortened};
use std::ops::Range;
use thiserror::Error;
use trunkline_protocol::limits::{QUERY_CHARS, QUERY_PARTS};

/// Characters from which on a word may be begun: one letter would stand for a tenth of all words.
const BEGUN_CHARS: usize = 2;

/// Why something can not be searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum QueryError {
    /// Nothing but spaces and punctuation.
    #[error("there is no word to search for")]
    Empty,
    /// Above [`QUERY_CHARS`].
    #[error("a search can have {QUERY_CHARS} characters")]
    TooLong,
    /// Above [`QUERY_PARTS`].
    #[error("a search can have {QUERY_PARTS} words or phrases")]
    TooManyParts,
}

/// What an index is asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Term {
    /// A term itself.
    Is(String),
    /// Any term that begins so.
    Begins(String),
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    parts: Vec<Part>,
}

/// Units that must be there one behind the other.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    units: Units,
    /// Whether the last unit is a word that may go on.
    begun: bool,
}

impl Query {
    /// Reads a question.
    ///
    /// # Errors
    /// As [`QueryError`] says.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        if text.chars().count() > QUERY_CHARS {
            return Err(QueryError::TooLong);
        }
        let mut parts = Vec::new();
        let mut quotes = text.split(['"', '“', '”', '„', '＂']).peekable();
        let mut is_quoted = false;
        while let Some(piece) = quotes.next() {
            let is_last = quotes.peek().is_none();
            if is_quoted {
                parts.extend(Part::of(piece, is_last));
            } else {
                parts.extend(piece.split_whitespace().filter_map(|word| Part::of(word, is_last)));
            }
            is_quoted = !is_quoted;
        }
        let last = parts.len().saturating_sub(1);
        parts.iter_mut().enumerate().for_each(|(index, part)| part.begun &= index == last);
        match parts.len() {
            0 => Err(QueryError::Empty),
            parts if parts > QUERY_PARTS => Err(QueryError::TooManyParts),
            _ => Ok(Self { parts }),
        }
    }

    /// Terms that every text has which answers this: at least one. A text that has them all may still not answer it.
    #[must_use]
    pub fn terms(&self) -> Vec<Term> {
        let mut terms: Vec<_> = self.parts.iter().flat_map(Part::terms).collect();
        terms.sort_unstable();
        terms.dedup();
        terms
    }

    /// Where a text answers this: ranges of bytes, ascending, apart, each on whole characters. `None` if it does not.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<Vec<Range<usize>>> {
        let units = Units::of(text);
        let mut found = Vec::new();
        for part in &self.parts {
            let before = found.len();
            found.extend(part.find(&units));
            if found.len() == before {
                return None;
            }
        }
        found.sort_unstable_by_key(|range| (range.start, range.end));
        let mut joined: Vec<Range<usize>> = Vec::new();
        for range in found {
            match joined.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => joined.push(range),
            }
        }
        Some(joined)
    }
}

impl Part {
    fn of(text: &str, is_last: bool) -> Option<Self> {
        let units = Units::of(text);
        let last = units.list().last()?;
        let begun = is_last && last.kind == Kind::Word && units.text(last).chars().count() >= BEGUN_CHARS;
        Some(Self { units, begun })
    }

    fn terms(&self) -> Vec<Term> {
        let list = self.units.list();
        let mut terms = Vec::with_capacity(list.len());
        for (index, unit) in list.iter().enumerate() {
            let text = self.units.text(unit);
            let in_pair_before = index > 0 && self.units.pair(index - 1).is_some();
            match unit.kind {
                Kind::Single => match self.units.pair(index) {
                    Some(pair) => terms.push(Term::Is(pair.to_owned())),
                    None if in_pair_before => {}
                    None => terms.push(Term::Begins(text.to_owned())),
                },
                _ if self.begun && index + 1 == list.len() => terms.push(Term::Begins(shortened(text).to_owned())),
                _ => terms.push(Term::Is(shortened(text).to_owned())),
            }
        }
        terms
    }

    fn find(&self, text: &Units) -> impl Iterator<Item = Range<usize>> {
        let windows = text.list().windows(self.units.list().len());
        windows.filter_map(move |window| {
            let matches = window.iter().zip(self.units.list()).enumerate().all(|(index, (unit, wanted))| {
                let (have, want) = (text.text(unit), self.units.text(wanted));
                let begun = self.begun && index + 1 == window.len();
                let fits = if begun { have.starts_with(want) } else { have == want };
                fits && unit.kind == wanted.kind && (index == 0 || unit.glued || !wanted.glued)
            });
            let (first, last) = (window.first()?, window.last()?);
            matches.then_some(first.at.start..last.at.end)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::terms;
    use super::*;
    use proptest::prelude::*;

    /// What a question highlights in a text; `None` if it does not find it.
    fn found<'a>(query: &str, text: &'a str) -> Option<Vec<&'a str>> {
        let ranges = Query::parse(query).expect("a question").find(text)?;
        Some(ranges.into_iter().map(|range| &text[range]).collect())
    }

    #[test]
    fn all_words_must_be_there_in_any_order() {
        assert_eq!(found("harbour boat", "The boat left the harbour"), Some(vec!["boat", "harbour"]));
        assert_eq!(found("harbour train", "The boat left the harbour"), None);
        assert_eq!(found("CAFÉ", "two Cafes, one café"), Some(vec!["Cafes", "café"]));
    }

    #[test]
    fn the_last_word_may_be_begun_and_no_other() {
        assert_eq!(found("left har", "The boat left the harbour"), Some(vec!["left", "harbour"]));
        assert_eq!(found("har left", "The boat left the harbour"), None);
        assert_eq!(found("h", "harbour"), None, "one letter is a word");
        assert_eq!(found("\"the har\"", "the harbour"), None);
        assert_eq!(found("\"the har", "the harbour"), Some(vec!["the harbour"]), "as long as the quotation is open");
    }

    #[test]
    fn a_phrase_keeps_its_order() {
        for query in ["\"boat left\"", "“boat left”", "boat-left"] {
            assert_eq!(found(query, "The boat left"), Some(vec!["boat left"]), "{query}");
            assert_eq!(found(query, "left the boat"), None, "{query}");
        }
        assert_eq!(found("a \"b c\" d", "d b c a"), Some(vec!["d", "b c", "a"]));
    }

    #[test]
    fn writings_without_spaces_are_found_in_the_middle() {
        assert_eq!(found("北京", "我在北京工作"), Some(vec!["北京"]));
        assert_eq!(found("京", "我在北京工作"), Some(vec!["京"]));
        assert_eq!(found("京北", "我在北京工作"), None);
        assert_eq!(found("北京", "北，京"), None);
        assert_eq!(found("北京 工作", "工作在北京"), Some(vec!["工作", "北京"]));
        assert_eq!(found("ラーメン", "昨日はﾗｰﾒﾝを食べた"), Some(vec!["ﾗｰﾒﾝ"]));
        assert_eq!(found("안녕", "안녕하세요"), Some(vec!["안녕"]));
        assert_eq!(found("iphone手", "我的iPhone手机"), Some(vec!["iPhone手"]));
        assert_eq!(found("🎉", "done 🎉🎉!"), Some(vec!["🎉🎉"]));
    }

    #[test]
    fn what_can_not_be_searched_for_is_said() {
        for nothing in ["", "  ", "\"\"", "?! -- *", "\u{200b}"] {
            assert_eq!(Query::parse(nothing), Err(QueryError::Empty), "{nothing:?}");
        }
        assert_eq!(Query::parse(&"x".repeat(QUERY_CHARS + 1)), Err(QueryError::TooLong));
        assert_eq!(Query::parse(&"x ".repeat(QUERY_PARTS + 1)), Err(QueryError::TooManyParts));
    }

    /// Letters of several writings, marks, quotation marks and what an index might take for its own syntax.
    fn anything() -> impl Strategy<Value = String> {
        let letter = prop_oneof![
            4 => proptest::sample::select("abAB éßΣ \"*():^-+'“中文字日本語かガー한글🎉👍\u{200d}\u{301}\u{3099}\u{e000}\0".chars().collect::<Vec<_>>()),
            1 => any::<char>(),
        ];
        proptest::collection::vec(letter, 0..40).prop_map(|letters| letters.into_iter().collect())
    }

    /// Whether an index that holds these terms proposes their text.
    fn proposes(terms: &[String], query: &Query) -> bool {
        query.terms().iter().all(|term| match term {
            Term::Is(whole) => terms.contains(whole),
            Term::Begins(start) => terms.iter().any(|term| term.starts_with(start)),
        })
    }

    proptest! {
        #[test]
        fn an_index_proposes_every_text_that_answers(text in anything(), query in anything()) {
            if let Ok(query) = Query::parse(&query)
                && query.find(&text).is_some()
            {
                prop_assert!(proposes(&terms(&text), &query));
            }
        }

        #[test]
        fn a_text_answers_each_of_its_parts(text in anything(), start in 0_usize..40, length in 1_usize..10) {
            let part: String = text.chars().skip(start).take(length).collect();
            let word = Query::parse(&format!("\"{}\"", part.replace(['"', '“'], " ")));
            let units = Units::of(&text);
            // A part of a word is no word: only what begins and ends between units has to be found.
            let edges = [text.char_indices().nth(start), text.char_indices().nth(start + length)];
            let [from, to] = edges.map(|edge| edge.map_or(text.len(), |(at, _)| at));
            let cuts = units.list().iter().any(|unit| [from, to].iter().any(|cut| unit.at.start < *cut && *cut < unit.at.end));
            if let (Ok(query), false) = (word, cuts) {
                prop_assert!(query.find(&text).is_some(), "{query:?} in {units:?}");
                prop_assert!(proposes(&terms(&text), &query));
            }
        }

        #[test]
        fn what_is_highlighted_is_whole_characters_apart_and_ascending(text in anything(), query in anything()) {
            if let Some(ranges) = Query::parse(&query).ok().and_then(|query| query.find(&text)) {
                prop_assert!(!ranges.is_empty());
                prop_assert!(ranges.iter().all(|range| text.get(range.clone()).is_some_and(|found| !found.is_empty())));
                prop_assert!(ranges.windows(2).all(|pair| pair[0].end < pair[1].start));
            }
        }
    }
}
