//! What was found, newest first, in pages.

use super::Query;
use std::cmp::Reverse;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use trunkline_protocol::{ConversationId, Millis, Seq, UserId};

/// A message's place among all messages, by time. Written as `at-conversation-seq`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// When it was stored.
    pub at: Millis,
    /// Which conversation.
    pub conversation: ConversationId,
    /// Where in its log.
    pub seq: Seq,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.at, self.conversation, self.seq)
    }
}

impl FromStr for Mark {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut numbers = text.splitn(3, '-').map(|number| number.parse::<u64>().map_err(drop));
        let mut number = || numbers.next().unwrap_or(Err(()));
        let at = number()?.try_into().map_err(drop)?;
        Ok(Self { at, conversation: ConversationId(number()?), seq: Seq(number()?) })
    }
}

/// A message that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Where it is.
    pub mark: Mark,
    /// Who wrote it.
    pub author: UserId,
    /// All of its text.
    pub text: String,
    /// What to highlight: ranges of bytes of the text, ascending, apart, on whole characters.
    pub highlights: Vec<Range<usize>>,
}

impl Hit {
    /// A message, if it answers the question.
    #[must_use]
    pub fn check(query: &Query, mark: Mark, author: UserId, text: &str) -> Option<Self> {
        let highlights = query.find(text)?;
        Some(Self { mark, author, text: text.to_owned(), highlights })
    }
}

/// One page of what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Newest first.
    pub hits: Vec<Hit>,
    /// Where the next page goes on; `None` if there is nothing more. A page may have fewer hits than were asked for, or
    /// none, and yet not be the last.
    pub next: Option<Mark>,
}

impl Found {
    /// The first `limit` of what was found, in any order and perhaps twice. With `until`: nothing before that was looked at.
    #[must_use]
    pub fn page(mut hits: Vec<Hit>, until: Option<Mark>, limit: usize) -> Self {
        hits.retain(|hit| until.is_none_or(|until| hit.mark >= until));
        hits.sort_unstable_by_key(|hit| Reverse(hit.mark));
        hits.dedup_by_key(|hit| hit.mark);
        let is_more = hits.len() > limit;
        hits.truncate(limit);
        let next = if is_more { hits.last().map(|hit| hit.mark) } else { until };
        Self { hits, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(at: Millis, seq: u64) -> Mark {
        Mark { at, conversation: ConversationId(1), seq: Seq(seq) }
    }

    fn page(seqs: &[u64], until: Option<u64>) -> (Vec<u64>, Option<u64>) {
        let hit =
            |seq: &u64| Hit { mark: mark(5, *seq), author: UserId(1), text: String::new(), highlights: Vec::new() };
        let found = Found::page(seqs.iter().map(hit).collect(), until.map(|seq| mark(5, seq)), 2);
        (found.hits.iter().map(|hit| hit.mark.seq.0).collect(), found.next.map(|next| next.seq.0))
    }

    #[test]
    fn a_page_says_where_the_next_one_goes_on() {
        assert_eq!(page(&[1, 3, 2], None), (vec![3, 2], Some(2)));
        assert_eq!(page(&[1, 3], None), (vec![3, 1], None));
        assert_eq!(page(&[1, 9], Some(4)), (vec![9], Some(4)), "what stands before the point that was reached waits");
        assert_eq!(page(&[], Some(4)), (vec![], Some(4)));
    }

    #[test]
    fn a_mark_can_be_written_and_read_again() {
        let written = mark(1_800_000_000_000, 7).to_string();
        assert_eq!((written.as_str(), written.parse()), ("1800000000000-1-7", Ok(mark(1_800_000_000_000, 7))));
        for other in ["", "1", "1-2", "1-2-3-4", "-1-2-3", "1-2-x", "9223372036854775808-1-1"] {
            assert_eq!(other.parse::<Mark>(), Err(()), "{other}");
        }
    }
}
