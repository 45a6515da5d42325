//! Texts as units: what can be searched for.
//!
//! A unit is a *word*, or a single character of a writing that puts no spaces between its words (Chinese, Japanese,
//! Korean, Thai …) or of an emoji. Units are folded: no case, no accents, one form for what Unicode can write in
//! several (full and half width, composed and not). Marks that make another letter stay: が is not か, й is и.

use icu_normalizer::properties::CanonicalCombiningClassMapBorrowed;
use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};
use std::ops::Range;

/// Characters of a word that an index knows. Longer ones differ only in the text itself.
const WORD_CHARS: usize = 32;

/// What a character is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A word, between spaces or punctuation.
    Word,
    /// A unit by itself.
    Single,
    /// Nothing: between units.
    Gap,
    /// Nothing, but it does not part what is around it.
    Nothing,
}

/// A unit of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// [`Kind::Word`] or [`Kind::Single`].
    pub kind: Kind,
    /// Whether there is nothing between it and the one before.
    pub glued: bool,
    /// Where it stands in the text, in bytes; whole characters with their marks.
    pub at: Range<usize>,
    folded: Range<usize>,
}

/// A text's units, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Units {
    folded: String,
    units: Vec<Unit>,
}

impl Units {
    /// Cuts a text. Any text will do.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut cutter = Cutter::default();
        let mut letters = text.char_indices().peekable();
        while let Some((start, letter)) = letters.next() {
            let mut end = start + letter.len_utf8();
            let mut last = letter;
            while let Some((at, next)) = letters.next_if(|&(_, next)| extends(last, next)) {
                end = at + next.len_utf8();
                last = next;
            }
            if letter.is_ascii() && end == start + 1 {
                cutter.take(letter.to_ascii_lowercase(), start..end);
            } else {
                fold(&text[start..end]).for_each(|folded| cutter.take(folded, start..end));
            }
        }
        cutter.units
    }

    /// The units.
    #[must_use]
    pub fn list(&self) -> &[Unit] {
        &self.units
    }

    /// A unit's folded text.
    #[must_use]
    pub fn text(&self, unit: &Unit) -> &str {
        &self.folded[unit.folded.clone()]
    }

    /// The pair of single characters that begins at a unit, if there is one.
    #[must_use]
    pub fn pair(&self, index: usize) -> Option<&str> {
        let [first, second] = self.units.get(index..index + 2)? else { return None };
        let is_pair = first.kind == Kind::Single && second.kind == Kind::Single && second.glued;
        is_pair.then(|| &self.folded[first.folded.start..second.folded.end])
    }
}

#[derive(Default)]
struct Cutter {
    units: Units,
    /// Whether the last word goes on.
    open: bool,
    /// Whether there was something else since the last unit.
    gap: bool,
}

impl Cutter {
    fn take(&mut self, letter: char, at: Range<usize>) {
        let Units { folded, units } = &mut self.units;
        let kind = kind(letter);
        match (kind, units.last_mut()) {
            (Kind::Nothing, _) => {}
            (Kind::Gap, _) => (self.open, self.gap) = (false, true),
            (Kind::Word, Some(last)) if self.open => {
                folded.push(letter);
                last.folded.end = folded.len();
                last.at.end = at.end;
            }
            (Kind::Word | Kind::Single, _) => {
                let start = folded.len();
                folded.push(letter);
                let glued = !self.gap && !units.is_empty();
                units.push(Unit { kind, glued, at, folded: start..folded.len() });
                (self.open, self.gap) = (kind == Kind::Word, false);
            }
        }
    }
}

/// What an index has to know of a text, each once, in order.
#[must_use]
pub fn terms(text: &str) -> Vec<String> {
    let units = Units::of(text);
    let term = |(index, unit): (usize, &Unit)| match unit.kind {
        // Pairs, since single characters are everywhere; a search for one of them asks for the pairs it begins.
        Kind::Single => units.pair(index).unwrap_or_else(|| units.text(unit)).to_owned(),
        _ => shortened(units.text(unit)).to_owned(),
    };
    let mut terms: Vec<_> = units.units.iter().enumerate().map(term).collect();
    terms.sort_unstable();
    terms.dedup();
    terms
}

/// As much of a word as an index knows.
pub(super) fn shortened(word: &str) -> &str {
    word.char_indices().nth(WORD_CHARS).map_or(word, |(end, _)| &word[..end])
}

/// Whether a character belongs to the one before it.
fn extends(last: char, next: char) -> bool {
    const CLASSES: CanonicalCombiningClassMapBorrowed<'static> = CanonicalCombiningClassMapBorrowed::new();
    match next {
        '\0'..='\u{2ff}' => false,
        // Half-width marks of Japanese, and the vowels and ends of Korean syllables that are written in parts.
        '\u{ff9e}' | '\u{ff9f}' => true,
        '\u{1160}'..='\u{11ff}' => matches!(last, '\u{1100}'..='\u{11ff}' | '\u{ac00}'..='\u{d7a3}'),
        _ => CLASSES.get_u8(next) != 0,
    }
}

/// A character with its marks, folded.
fn fold(cluster: &str) -> impl Iterator<Item = char> {
    const PARTS: DecomposingNormalizerBorrowed<'static> = DecomposingNormalizerBorrowed::new_nfkd();
    const WHOLE: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfc();
    let letters = PARTS.normalize_iter(cluster.chars()).filter(|letter| !is_accent(*letter));
    // By way of upper case: ß and ss, σ and ς are the same.
    let lower = letters.flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    WHOLE.normalize_iter(lower)
}

/// Marks that people leave out when they search: accents of Latin, Greek and Cyrillic, vowel points of Hebrew and Arabic.
const fn is_accent(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5bd}' | '\u{5bf}' | '\u{5c1}' | '\u{5c2}' | '\u{5c4}'
        | '\u{5c5}' | '\u{5c7}' | '\u{64b}'..='\u{652}' | '\u{670}')
}

/// What a folded character is part of.
fn kind(letter: char) -> Kind {
    match letter {
        // Joiners and hyphens that are not seen; variations and skin tones of emoji.
        '\u{ad}'
        | '\u{200c}'..='\u{200f}'
        | '\u{2060}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{1f3fb}'..='\u{1f3ff}' => Kind::Nothing,
        letter if is_single(letter) => Kind::Single,
        letter if letter.is_alphanumeric() || extends(' ', letter) => Kind::Word,
        _ => Kind::Gap,
    }
}

/// Characters of writings without spaces between words, of Korean, whose words end in particles, and emoji.
const fn is_single(letter: char) -> bool {
    matches!(letter,
        // Thai, Lao; Myanmar; Khmer.
        '\u{e01}'..='\u{e3a}' | '\u{e40}'..='\u{e4e}' | '\u{e81}'..='\u{ece}' | '\u{1000}'..='\u{103f}'
        | '\u{1780}'..='\u{17d3}'
        // Korean.
        | '\u{1100}'..='\u{11ff}' | '\u{a960}'..='\u{a97c}' | '\u{ac00}'..='\u{d7fb}'
        // 々, 〇; Hiragana, Katakana, Bopomofo.
        | '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{3096}' | '\u{309d}'..='\u{309f}' | '\u{30a1}'..='\u{30fa}'
        | '\u{30fc}'..='\u{30ff}' | '\u{3105}'..='\u{312f}' | '\u{31a0}'..='\u{31bf}' | '\u{31f0}'..='\u{31ff}'
        // Chinese characters.
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}'
        // Arrows, signs, emoji.
        | '\u{2190}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> Vec<String> {
        let units = Units::of(text);
        units.list().iter().map(|unit| units.text(unit).to_owned()).collect()
    }

    #[test]
    fn words_are_folded_and_parted_by_what_is_no_letter() {
        assert_eq!(folded("Hello, WORLD! don't snake_case"), ["hello", "world", "don", "t", "snake", "case"]);
        assert_eq!(folded("Café cafe\u{301} ÅNGSTRÖM Straße"), ["cafe", "cafe", "angstrom", "strasse"]);
        assert_eq!(folded("ΟΔΟΣ οδός Ёлка"), ["οδοσ", "οδοσ", "елка"]);
        assert_eq!(folded("ＦＵＬＬ ﬁne ①"), ["full", "fine", "1"]);
        assert_eq!(folded("שָׁלוֹם مُحَمَّد"), ["שלום", "محمد"]);
        assert_eq!(folded("हिन्दी"), ["हिन्दी"], "signs of vowels are part of the word");
        assert_eq!(folded("soft\u{ad}hyphen"), ["softhyphen"]);
        assert_eq!(folded(" \u{e000}12 … \0"), ["12"]);
    }

    #[test]
    fn writings_without_spaces_are_cut_into_characters() {
        assert_eq!(folded("我的iPhone手机"), ["我", "的", "iphone", "手", "机"]);
        assert_eq!(folded("ｶﾞ ガ か\u{3099} が か"), ["ガ", "ガ", "が", "が", "か"]);
        assert_eq!(folded("한글 \u{1112}\u{1161}\u{11ab}"), ["한", "글", "한"]);
        assert_eq!(folded("👍🏽👩\u{200d}💻❤\u{fe0f}"), ["👍", "👩", "💻", "❤"]);
    }

    #[test]
    fn an_index_knows_pairs_of_characters_and_the_beginning_of_words() {
        assert_eq!(terms("中文字 文"), ["中文", "字", "文", "文字"]);
        assert_eq!(terms("to be or not to be"), ["be", "not", "or", "to"]);
        assert_eq!(terms(&"x".repeat(100)), ["x".repeat(WORD_CHARS)]);
        assert_eq!(terms("?!"), Vec::<String>::new());
    }

    #[test]
    fn a_unit_stands_where_its_characters_with_their_marks_do() {
        let text = "ein cafe\u{301}.";
        let units = Units::of(text);
        assert_eq!(&text[units.list()[1].at.clone()], "cafe\u{301}");
    }
}
