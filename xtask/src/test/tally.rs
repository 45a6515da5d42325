//! Counting tests, from what the test programs say.

use std::iter::Sum;
use std::ops::AddAssign;

use serde_json::Value;

/// How many tests there were, by how they ended.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Tally {
    /// Did what they should.
    pub(super) passed: usize,
    /// Did not, or could not be run at all.
    pub(super) failed: usize,
    /// Were left out.
    pub(super) skipped: usize,
}

impl Tally {
    /// One failure.
    pub(super) const FAILURE: Self = Self { passed: 0, failed: 1, skipped: 0 };
    /// One success.
    pub(super) const SUCCESS: Self = Self { passed: 1, failed: 0, skipped: 0 };

    /// How many were not left out.
    pub(super) const fn ran(self) -> usize {
        self.passed + self.failed
    }

    /// Adds what a line of libtest's output tells; other lines tell nothing.
    pub(super) fn read_libtest(&mut self, line: &str) {
        let Some(rest) = line.trim().strip_prefix("test result: ") else {
            return;
        };
        let Some((_, counts)) = rest.split_once(". ") else {
            return;
        };
        for count in counts.split("; ") {
            let Some((number, what)) = count.split_once(' ') else {
                continue;
            };
            let Ok(number) = number.parse::<usize>() else {
                continue;
            };
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.skipped += number,
                _ => {}
            }
        }
    }

    /// Adds what a line of the form `12 passed, 0 failed` tells; other lines tell nothing.
    pub(super) fn read_sum(&mut self, line: &str) {
        let number = |text: &str, what: &str| text.strip_suffix(what)?.parse::<usize>().ok();
        let Some((passed, failed)) = line.trim().split_once(", ") else { return };
        if let (Some(passed), Some(failed)) = (number(passed, " passed"), number(failed, " failed")) {
            self.passed += passed;
            self.failed += failed;
        }
    }

    /// What Playwright's JSON report tells; `None` when it is none. A test that passed only when it was
    /// tried again has failed once, and counts as failed.
    pub(super) fn from_playwright(report: &Value) -> Option<Self> {
        let count = |name: &str| report["stats"][name].as_u64().and_then(|number| usize::try_from(number).ok());
        let errors = report["errors"].as_array().map_or(0, Vec::len);
        Some(Self {
            passed: count("expected")?,
            failed: count("unexpected")? + count("flaky")? + errors,
            skipped: count("skipped")?,
        })
    }

    /// A program that failed without a failed test (it did not compile, it crashed) counts as one.
    pub(super) const fn with_ending(mut self, succeeded: bool) -> Self {
        if !succeeded && self.failed == 0 {
            self.failed = 1;
        }
        self
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        let mut sum = Self::default();
        tallies.for_each(|tally| sum += tally);
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_results_of_several_test_programs_add_up() {
        let mut tally = Tally::default();
        for line in [
            "running 3 tests",
            "test a ... ok",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.02s",
            "test result: FAILED. 12 passed; 2 failed; 0 ignored; 0 measured; 4 filtered out; finished in 1.50s",
            "the test result: ok. 100 passed; is no such line",
            "test result: ",
        ] {
            tally.read_libtest(line);
        }
        assert_eq!(tally, Tally { passed: 15, failed: 2, skipped: 1 });
    }

    #[test]
    fn a_plain_sum_is_read_too() {
        let mut tally = Tally::default();
        for line in ["seed 4: I1: lost", "198 passed, 2 failed", "1 passed, none failed", "3 passed"] {
            tally.read_sum(line);
        }
        assert_eq!(tally, Tally { passed: 198, failed: 2, skipped: 0 });
    }

    #[test]
    fn a_program_that_fails_without_a_failed_test_is_one_failure() {
        assert_eq!(Tally::default().with_ending(false), Tally::FAILURE);
        let failed = Tally { passed: 4, failed: 2, skipped: 0 };
        assert_eq!(failed.with_ending(false), failed);
        assert_eq!(Tally::SUCCESS.with_ending(true), Tally::SUCCESS);
    }

    #[test]
    fn playwright_reports_are_counted_and_luck_is_no_success() {
        let report =
            json!({"stats": {"expected": 7, "unexpected": 1, "flaky": 1, "skipped": 2}, "errors": [{"message": "x"}]});
        assert_eq!(Tally::from_playwright(&report), Some(Tally { passed: 7, failed: 3, skipped: 2 }));
        assert_eq!(Tally::from_playwright(&json!({"stats": {}})), None);
    }
}
