//! The log of frames: bounded, filtered, and stopped and started again without losing anything that still fits.

use crate::text::lower;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::Arc;

/// Rows kept: enough to look back on, few enough for a browser to show.
pub const ROWS: usize = 1_000;

/// Which way something went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the server.
    Sent,
    /// From the server.
    Received,
    /// Neither: something happened to the connection.
    Note,
}

impl Direction {
    /// As people read it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Received => "received",
            Self::Note => "note",
        }
    }
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Unique in its log, ascending.
    pub id: u64,
    /// Time of day, to the millisecond.
    pub time: String,
    /// Which way it went.
    pub direction: Direction,
    /// The frame's type, or how it travelled.
    pub kind: String,
    /// Exactly what went over the wire.
    pub text: String,
}

impl Entry {
    /// Bytes on the wire, without what the protocols below add.
    #[must_use]
    pub fn size(&self) -> usize {
        self.text.len()
    }

    fn matches(&self, filter: &str) -> bool {
        let contains = |text: &str| lower(text).contains(filter);
        filter.is_empty() || contains(&self.kind) || contains(&self.text) || self.direction.word().contains(filter)
    }
}

/// The log.
#[derive(Clone, Debug, Default)]
pub struct FrameLog {
    shown: VecDeque<Arc<Entry>>,
    held: VecDeque<Arc<Entry>>,
    paused: bool,
    next: u64,
}

impl FrameLog {
    /// Adds a row. Above [`ROWS`] the oldest goes.
    pub fn push(&mut self, time: String, direction: Direction, kind: impl Into<String>, text: impl Into<String>) {
        self.next += 1;
        let entry = Entry { id: self.next, time, direction, kind: kind.into(), text: text.into() };
        let rows = if self.paused { &mut self.held } else { &mut self.shown };
        rows.push_back(Arc::new(entry));
        if rows.len() > ROWS {
            rows.pop_front();
        }
    }

    /// Stops the view, or lets it catch up with what came meanwhile.
    pub fn set_paused(&mut self, paused: bool) {
        self.paused = paused;
        if !paused {
            self.shown.append(&mut self.held);
            self.shown.drain(..self.shown.len().saturating_sub(ROWS));
        }
    }

    /// Whether the view stands still.
    #[must_use]
    pub const fn is_paused(&self) -> bool {
        self.paused
    }

    /// Rows that came while the view stands still.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.shown.clear();
        self.held.clear();
    }

    /// The rows whose type, text or direction contains `filter`, in any case; all of them if it is empty.
    #[must_use]
    pub fn rows(&self, filter: &str) -> Vec<Arc<Entry>> {
        let filter = lower(filter.trim());
        self.shown.iter().filter(|entry| entry.matches(&filter)).cloned().collect()
    }

    /// The same rows as text, one a line.
    #[must_use]
    pub fn to_text(&self, filter: &str) -> String {
        self.rows(filter).iter().fold(String::new(), |mut text, entry| {
            // Writing to a string can not fail.
            let _ = writeln!(text, "{}\t{}\t{}\t{}", entry.time, entry.direction.word(), entry.kind, entry.text);
            text
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(texts: &[&str]) -> FrameLog {
        let mut log = FrameLog::default();
        for text in texts {
            log.push("12:00:00.000".to_owned(), Direction::Received, "ack", *text);
        }
        log
    }

    fn texts(log: &FrameLog, filter: &str) -> Vec<String> {
        log.rows(filter).iter().map(|entry| entry.text.clone()).collect()
    }

    #[test]
    fn the_oldest_rows_go_above_the_bound() {
        let mut log = FrameLog::default();
        for number in 0..ROWS + 5 {
            log.push(String::new(), Direction::Sent, "send", number.to_string());
        }
        assert_eq!(log.rows("").len(), ROWS);
        assert_eq!(log.rows("")[0].text, "5");
    }

    #[test]
    fn a_pause_holds_rows_back_and_loses_none() {
        let mut log = log(&["a"]);
        log.set_paused(true);
        log.push(String::new(), Direction::Received, "ack", "b");
        assert_eq!((texts(&log, ""), log.held()), (vec!["a".to_owned()], 1));
        log.set_paused(false);
        assert_eq!((texts(&log, ""), log.held()), (vec!["a".to_owned(), "b".to_owned()], 0));
    }

    #[test]
    fn a_long_pause_stays_bounded() {
        let mut log = log(&["a"]);
        log.set_paused(true);
        for number in 0..ROWS * 2 {
            log.push(String::new(), Direction::Received, "ack", number.to_string());
        }
        assert_eq!(log.held(), ROWS);
        log.set_paused(false);
        assert_eq!(log.rows("").len(), ROWS);
        assert_eq!(log.rows("")[0].text, ROWS.to_string());
    }

    #[test]
    fn the_filter_looks_at_type_text_and_direction_in_any_case() {
        let mut log = log(&["Hello"]);
        log.push(String::new(), Direction::Sent, "hello", "{}");
        log.push(String::new(), Direction::Note, "closed", "bye");
        assert_eq!(texts(&log, "HELLO"), ["Hello", "{}"]);
        assert_eq!(texts(&log, " sent "), ["{}"]);
        assert_eq!(texts(&log, "nothing"), Vec::<String>::new());
    }

    #[test]
    fn the_copy_is_what_the_filter_shows() {
        let log = log(&["a", "b"]);
        assert_eq!(log.to_text("b"), "12:00:00.000\treceived\tack\tb\n");
    }
}
