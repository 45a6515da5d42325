//! What can be seen of a text.

use crate::limits::NAME_CHARS;

/// Whether a text has anything to see in it: something besides space, control characters, and those that only change
/// how others are written.
#[must_use]
pub fn has_visible(text: &str) -> bool {
    text.chars().any(|letter| !letter.is_whitespace() && !letter.is_control() && !is_invisible(letter))
}

/// Whether somebody or something may be called so: not too long, visible, in one line, and written in the direction of
/// its letters, so that it can not pass for another name.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let misleads = |letter: char| letter.is_control() || is_override(letter);
    name.chars().count() <= NAME_CHARS && has_visible(name) && !name.chars().any(misleads)
}

/// Characters that set the direction of those after them.
const fn is_override(letter: char) -> bool {
    matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Characters that are not shown by themselves (Unicode's `Default_Ignorable_Code_Point`), and the empty Braille cell.
const fn is_invisible(letter: char) -> bool {
    matches!(
        letter,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fff8}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_nothing_but_invisible_characters_is_empty() {
        for text in ["", " \n\t", "\u{200b}", "\u{feff} \u{2060}", "\u{3164}", "\u{200d}\u{fe0f}", "\u{0}"] {
            assert!(!has_visible(text), "{text:?}");
        }
        for text in [".", "👩\u{200d}👧", "\u{200b}a", "王", "ا"] {
            assert!(has_visible(text), "{text:?}");
        }
    }

    #[test]
    fn a_name_is_visible_and_says_what_it_shows() {
        for name in ["Ånn 王", "علي", "Zoë\u{200d}"] {
            assert!(is_name(name), "{name:?}");
        }
        for name in ["", "\u{200b}", "a\nb", "nn\u{202e}A", "\u{2066}Ann\u{2069}", &"x".repeat(NAME_CHARS + 1)] {
            assert!(!is_name(name), "{name:?}");
        }
    }
}
