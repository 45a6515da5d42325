//! How moments are written: pure arithmetic on milliseconds and an offset from UTC, in English.
//!
//! Nothing here reads a clock or a time zone: server and browser write the same text for the same input, so that
//! the first render matches. [`crate::state::clock`] brings the reader's zone in afterwards.

use trunkline_protocol::Millis;

const MINUTE: Millis = 60_000;
const HOUR: Millis = 60 * MINUTE;
const DAY: Millis = 24 * HOUR;
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];

/// Minutes that the reader's clock is ahead of UTC.
pub type Offset = i32;

/// The day that a moment falls on at an offset: days since 1970-01-01.
#[must_use]
pub fn day_of(at: Millis, offset: Offset) -> i64 {
    (at + Millis::from(offset) * MINUTE).div_euclid(DAY)
}

/// "14:05".
#[must_use]
pub fn time_of_day(at: Millis, offset: Offset) -> String {
    let minutes = (at + Millis::from(offset) * MINUTE).rem_euclid(DAY) / MINUTE;
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

/// "2026-03-12T14:05:09.250Z", as `<time datetime>` wants it.
#[must_use]
pub fn machine(at: Millis) -> String {
    let (year, month, day) = civil(at.div_euclid(DAY));
    let rest = at.rem_euclid(DAY);
    let (hour, minute, second) = (rest / HOUR, rest / MINUTE % 60, rest / 1_000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", rest % 1_000)
}

/// "Thursday, 12 March 2026".
#[must_use]
pub fn full_day(day: i64) -> String {
    format!("{}, {}", weekday(day), date(day))
}

/// What a day separator says: "Today", "Yesterday", the weekday within a week, else the full date; always the
/// full date while `today` is not known.
#[must_use]
pub fn day_label(day: i64, today: Option<i64>) -> String {
    match today.map(|today| today - day) {
        Some(0) => "Today".into(),
        Some(1) => "Yesterday".into(),
        Some(2..=6) => weekday(day).into(),
        _ => full_day(day),
    }
}

/// A moment in little space, for lists: "14:05" today, "Yesterday", "Mon", "12 Mar", "12 Mar 2025".
#[must_use]
pub fn short(at: Millis, offset: Offset, today: Option<i64>) -> String {
    let day = day_of(at, offset);
    let (year, month, day_of_month) = civil(day);
    let month = &MONTHS[month as usize - 1][..3];
    match today.map(|today| (today - day, civil(today).0)) {
        Some((0, _)) => time_of_day(at, offset),
        Some((1, _)) => "Yesterday".into(),
        Some((2..=6, _)) => weekday(day)[..3].into(),
        Some((_, this_year)) if this_year != year => format!("{day_of_month} {month} {year}"),
        _ => format!("{day_of_month} {month}"),
    }
}

/// How long ago somebody was here, for "last seen …"; the date while `now` is not known.
#[must_use]
pub fn ago(at: Millis, now: Option<Millis>, offset: Offset) -> String {
    let day = day_of(at, offset);
    let Some(now) = now else { return format!("on {}", date(day)) };
    let plural = |count: Millis, unit: &str| format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" });
    match (now - at, day_of(now, offset) - day) {
        (..MINUTE, _) => "just now".into(),
        (past @ ..HOUR, _) => plural(past / MINUTE, "minute"),
        (_, ..=0) => format!("today at {}", time_of_day(at, offset)),
        (_, 1) => format!("yesterday at {}", time_of_day(at, offset)),
        (_, 2..=6) => format!("on {} at {}", weekday(day), time_of_day(at, offset)),
        _ => format!("on {}", date(day)),
    }
}

fn weekday(day: i64) -> &'static str {
    WEEKDAYS[day.rem_euclid(7) as usize]
}

fn date(day: i64) -> String {
    let (year, month, day) = civil(day);
    format!("{day} {} {year}", MONTHS[month as usize - 1])
}

/// Year, month (1 to 12) and day of the month; after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
const fn civil(day: i64) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-03-12T14:05:09.250Z, a Thursday.
    const AT: Millis = 1_773_324_309_250;

    #[test]
    fn a_moment_is_written_for_machines_in_utc() {
        assert_eq!(machine(AT), "2026-03-12T14:05:09.250Z");
        assert_eq!(machine(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(machine(951_782_400_000), "2000-02-29T00:00:00.000Z");
    }

    #[test]
    fn the_offset_moves_time_and_day() {
        assert_eq!(time_of_day(AT, 0), "14:05");
        assert_eq!(time_of_day(AT, -330), "08:35");
        assert_eq!(day_of(AT, 10 * 60), day_of(AT, 0) + 1);
        assert_eq!(day_of(-1, 0), -1);
    }

    #[test]
    fn days_are_named_by_their_distance_from_today() {
        let day = day_of(AT, 0);
        assert_eq!(day_label(day, Some(day)), "Today");
        assert_eq!(day_label(day, Some(day + 1)), "Yesterday");
        assert_eq!(day_label(day, Some(day + 3)), "Thursday");
        assert_eq!(day_label(day, Some(day + 7)), "Thursday, 12 March 2026");
        assert_eq!(day_label(day, None), "Thursday, 12 March 2026");
    }

    #[test]
    fn a_list_shows_the_shortest_form_that_is_clear() {
        let today = day_of(AT, 0);
        assert_eq!(short(AT, 0, Some(today)), "14:05");
        assert_eq!(short(AT, 0, Some(today + 1)), "Yesterday");
        assert_eq!(short(AT, 0, Some(today + 4)), "Thu");
        assert_eq!(short(AT, 0, Some(today + 40)), "12 Mar");
        assert_eq!(short(AT, 0, Some(today + 400)), "12 Mar 2026");
        assert_eq!(short(AT, 0, None), "12 Mar");
    }

    #[test]
    fn last_seen_grows_coarser_with_time() {
        assert_eq!(ago(AT, Some(AT + 10_000), 0), "just now");
        assert_eq!(ago(AT, Some(AT + MINUTE), 0), "1 minute ago");
        assert_eq!(ago(AT, Some(AT + 59 * MINUTE), 0), "59 minutes ago");
        assert_eq!(ago(AT, Some(AT + 3 * HOUR), 0), "today at 14:05");
        assert_eq!(ago(AT, Some(AT + DAY), 0), "yesterday at 14:05");
        assert_eq!(ago(AT, Some(AT + 3 * DAY), 0), "on Thursday at 14:05");
        assert_eq!(ago(AT, Some(AT + 30 * DAY), 0), "on 12 March 2026");
        assert_eq!(ago(AT, None, 0), "on 12 March 2026");
    }
}
