//! The end of a run: one line a part, what went wrong, and the sum.

use std::fmt::Write as _;
use std::time::Duration;

use super::tally::Tally;
use crate::progress::shown;

/// One part's result.
#[derive(Debug)]
pub(super) struct Line {
    /// The part.
    pub(super) name: &'static str,
    /// How it went.
    pub(super) tally: Tally,
    /// How long it took, with building.
    pub(super) time: Duration,
    /// What there is to say about it.
    pub(super) remarks: Vec<String>,
}

/// The summary. Its last line is `N passed, N failed`, and nothing else.
pub(super) fn table(lines: &[Line]) -> String {
    let mut text = format!("{:<10}{:>8}{:>8}{:>9}{:>14}\n", "part", "passed", "failed", "skipped", "time");
    let mut row = |name: &str, tally: Tally, time: Duration| {
        // Writing to a string cannot fail.
        let _ =
            writeln!(text, "{name:<10}{:>8}{:>8}{:>9}{:>14}", tally.passed, tally.failed, tally.skipped, shown(time));
    };
    for line in lines {
        row(line.name, line.tally, line.time);
    }
    let sum: Tally = lines.iter().map(|line| line.tally).sum();
    row("all", sum, lines.iter().map(|line| line.time).sum());
    for line in lines {
        for remark in &line.remarks {
            let _ = write!(text, "\n{}: {remark}", line.name);
        }
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    let _ = write!(text, "\n{} passed, {} failed", sum.passed, sum.failed);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_the_plain_sum() {
        let line = |name, passed, failed, remarks| Line {
            name,
            tally: Tally { passed, failed, skipped: 1 },
            time: Duration::from_secs(41),
            remarks,
        };
        let text = table(&[line("unit", 10, 0, vec![]), line("e2e", 5, 2, vec!["two devices: failed".to_owned()])]);
        assert_eq!(text.lines().last(), Some("15 passed, 2 failed"));
        assert!(text.contains("\ne2e: two devices: failed\n"), "{text}");
        let rows: Vec<&str> = text.lines().take(4).collect();
        assert_eq!(
            rows,
            [
                "part        passed  failed  skipped          time",
                "unit            10       0        1          41 s",
                "e2e              5       2        1          41 s",
                "all             15       2        2          82 s",
            ]
        );
    }
}
