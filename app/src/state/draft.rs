//! Whether what is written can be sent.

use trunkline_protocol::limits::MESSAGE_CHARS;

/// How many characters before the limit the counter appears.
const NEAR: usize = 400;

/// A text that is being written.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a>(pub &'a str);

/// Whether a text can be sent, and what its counter shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fit {
    /// Nothing to send.
    Empty,
    /// It can be sent.
    Good,
    /// It can be sent, and is close to the limit.
    Close(String),
    /// Too long to be sent.
    TooLong(String),
}

impl<'a> Draft<'a> {
    /// What would be sent: without space around it, which nobody sees.
    #[must_use]
    pub fn to_send(self) -> &'a str {
        self.0.trim()
    }

    /// Whether it can be sent.
    #[must_use]
    pub fn fit(self) -> Fit {
        let count = self.to_send().chars().count();
        let counter = || format!("{} of {}", thousands(count), thousands(MESSAGE_CHARS));
        match count {
            0 => Fit::Empty,
            count if count > MESSAGE_CHARS => Fit::TooLong(counter()),
            count if count > MESSAGE_CHARS - NEAR => Fit::Close(counter()),
            _ => Fit::Good,
        }
    }
}

fn thousands(count: usize) -> String {
    match count / 1_000 {
        0 => count.to_string(),
        thousands => format!("{thousands},{:03}", count % 1_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_visible_is_nothing_to_send() {
        assert_eq!(Draft(" \n\t").fit(), Fit::Empty);
        assert_eq!(Draft(" a\nb \n").to_send(), "a\nb");
    }

    #[test]
    fn the_counter_appears_near_the_limit_and_counts_characters() {
        let fit = |count| Draft(&"ü".repeat(count)).fit();
        assert_eq!(fit(3_600), Fit::Good);
        assert_eq!(fit(3_601), Fit::Close("3,601 of 4,000".into()));
        assert_eq!(fit(4_000), Fit::Close("4,000 of 4,000".into()));
        assert_eq!(fit(4_001), Fit::TooLong("4,001 of 4,000".into()));
    }
}
