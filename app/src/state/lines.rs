//! How a conversation's log becomes lines on the screen: grouped by sender and time, with day separators, and with
//! what is still on its way at the end.

use super::receipt::{Cursors, Receipt};
use trunkline_protocol::client::outbox::{Entry, EntryState};
use trunkline_protocol::{Change, ChangeBody, Conversation, Millis, SendKey, Seq, UserId};

/// Messages of one sender that are closer than this belong together.
const GROUP_WITHIN: Millis = 5 * 60 * 1_000;

/// Names a line for as long as the conversation is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LineId {
    /// A day separator, by the day.
    Day(i64),
    /// The separator above the first new message.
    New,
    /// A change, by its place in the log.
    Change(Seq),
    /// A message of one's own, by its send key, so that it stays the same line once it is stored.
    Own(SendKey),
}

/// What is drawn around a message, and may change while it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// When it was stored; when it was written while it is not.
    pub at: Millis,
    /// The first of its group: it shows who wrote it.
    pub first: bool,
    /// The last of its group: it shows the time.
    pub last: bool,
    /// How far it has come; `None` for messages of others.
    pub receipt: Option<Receipt>,
    /// In a group, how many of how many others have read it.
    pub seen_by: Option<(usize, usize)>,
    /// Its place in the log, if it is one's own and stored.
    pub seq: Option<Seq>,
}

/// One line, borrowing its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// Above the first line of a day.
    Day(i64),
    /// Above the first message that was new when the conversation was opened.
    New,
    /// A message.
    Message {
        /// Its identity.
        id: LineId,
        /// Who wrote it.
        author: UserId,
        /// What.
        text: &'a str,
        /// What is drawn around it.
        frame: Frame,
    },
    /// Something that happened to the group.
    Event(&'a Change),
}

impl Line<'_> {
    /// The line's identity.
    #[must_use]
    pub const fn id(&self) -> LineId {
        match self {
            Self::Day(day) => LineId::Day(*day),
            Self::New => LineId::New,
            Self::Message { id, .. } => *id,
            Self::Event(change) => LineId::Change(change.seq),
        }
    }
}

/// What the lines are made of.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// Who looks.
    pub me: UserId,
    /// The conversation, for its cursors.
    pub conversation: &'a Conversation,
    /// The part of the log that is here, ascending.
    pub changes: &'a [Change],
    /// What is on its way, in the order of sending.
    pub outbox: &'a [Entry],
    /// Where reading had stopped when the conversation was opened; `None` if there was nothing new.
    pub read_until: Option<Seq>,
}

/// Arranges the lines, oldest first. `day_of` gives the day a moment falls on for the reader.
pub fn arrange<'a>(source: Source<'a>, mut day_of: impl FnMut(Millis) -> i64) -> Vec<Line<'a>> {
    let cursors = Cursors::of_others(source.conversation, source.me);
    let mut lines = Lines { lines: Vec::with_capacity(source.changes.len() + 8), day: None, group: None };
    let mut new = source.read_until;
    for change in source.changes {
        let own = change.author == source.me;
        let Some(text) = change.body.text() else {
            if change.body != ChangeBody::Unknown {
                lines.day(day_of(change.at));
                lines.push(Line::Event(change));
            }
            continue;
        };
        lines.day(day_of(change.at));
        if !own && new.is_some_and(|read| change.seq > read) {
            new = None;
            lines.push(Line::New);
        }
        let id = change.key.filter(|_| own).map_or(LineId::Change(change.seq), LineId::Own);
        let receipt = own.then(|| cursors.receipt(change.seq));
        let seen_by = if own { cursors.seen_by(change.seq) } else { None };
        let seq = own.then_some(change.seq);
        let frame = Frame { at: change.at, first: true, last: true, receipt, seen_by, seq };
        lines.message(id, change.author, text, frame);
    }
    // An entry is dated by its writer's clock, which may be wrong: it never opens a day of its own.
    let latest = source.changes.last().map(|change| change.at);
    for entry in source.outbox {
        let at = latest.map_or(entry.created, |latest| entry.created.max(latest));
        lines.day(day_of(at));
        let receipt = match &entry.state {
            EntryState::Waiting | EntryState::InFlight => Receipt::Pending,
            EntryState::Failed { message, .. } => Receipt::Failed(message.clone()),
        };
        let frame = Frame { at, first: true, last: true, receipt: Some(receipt), seen_by: None, seq: None };
        lines.message(LineId::Own(entry.key), source.me, &entry.text, frame);
    }
    lines.lines
}

struct Lines<'a> {
    lines: Vec<Line<'a>>,
    day: Option<i64>,
    group: Option<(UserId, Millis)>,
}

impl<'a> Lines<'a> {
    fn push(&mut self, line: Line<'a>) {
        self.group = None;
        self.lines.push(line);
    }

    fn day(&mut self, day: i64) {
        // Two nodes' clocks may differ a little at midnight; days never go back within a log.
        if self.day.is_none_or(|shown| day > shown) {
            self.day = Some(day);
            self.push(Line::Day(day));
        }
    }

    fn message(&mut self, id: LineId, author: UserId, text: &'a str, frame: Frame) {
        let at = frame.at;
        let joins = self.group.is_some_and(|(by, before)| by == author && at - before < GROUP_WITHIN);
        if let Some(Line::Message { frame: before, .. }) = self.lines.last_mut().filter(|_| joins) {
            before.last = false;
        }
        self.group = Some((author, at));
        let frame = Frame { first: !joins, ..frame };
        self.lines.push(Line::Message { id, author, text, frame });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_protocol::{ConversationId, ConversationKind, ErrorCode};

    const ME: UserId = UserId(1);
    const BO: UserId = UserId(2);
    const MINUTE: Millis = 60_000;

    fn posted(seq: u64, author: UserId, at: Millis) -> Change {
        let key = Some(SendKey::random());
        let body = ChangeBody::Posted { text: format!("message {seq}") };
        Change { conversation: ConversationId(1), seq: Seq(seq), at, author, key, body }
    }

    fn conversation() -> Conversation {
        Conversation {
            id: ConversationId(1),
            kind: ConversationKind::Direct,
            name: None,
            owner: None,
            members: Vec::new(),
            head: Seq(0),
            since: Seq(1),
            unread: 0,
            last_message: None,
            former: Vec::new(),
        }
    }

    fn shape(changes: &[Change], outbox: &[Entry], read_until: Option<Seq>) -> Vec<String> {
        let conversation = conversation();
        let source = Source { me: ME, conversation: &conversation, changes, outbox, read_until };
        arrange(source, |at| at.div_euclid(24 * 60 * MINUTE)).iter().map(describe).collect()
    }

    fn describe(line: &Line<'_>) -> String {
        match line {
            Line::Day(day) => format!("day {day}"),
            Line::New => "new".into(),
            Line::Event(change) => format!("event {}", change.seq),
            Line::Message { text, frame, .. } => {
                let edge = match (frame.first, frame.last) {
                    (true, true) => "alone",
                    (true, false) => "first",
                    (false, true) => "last",
                    (false, false) => "middle",
                };
                format!("{text} {edge}")
            }
        }
    }

    #[test]
    fn messages_of_one_sender_within_five_minutes_are_a_group() {
        let log = [
            posted(1, BO, 0),
            posted(2, BO, 4 * MINUTE),
            posted(3, BO, 8 * MINUTE),
            posted(4, BO, 13 * MINUTE),
            posted(5, ME, 14 * MINUTE),
        ];
        let expected =
            ["day 0", "message 1 first", "message 2 middle", "message 3 last", "message 4 alone", "message 5 alone"];
        assert_eq!(shape(&log, &[], None), expected);
    }

    #[test]
    fn a_new_day_and_an_event_end_a_group() {
        let day = 24 * 60 * MINUTE;
        let mut renamed = posted(3, BO, day + 2);
        renamed.body = ChangeBody::Renamed { name: "Team".into() };
        let log = [posted(1, BO, day - 1), posted(2, BO, day), renamed, posted(4, BO, day + 3)];
        let expected = ["day 0", "message 1 alone", "day 1", "message 2 alone", "event 3", "message 4 alone"];
        assert_eq!(shape(&log, &[], None), expected);
    }

    #[test]
    fn days_never_go_back() {
        let day = 24 * 60 * MINUTE;
        let log = [posted(1, BO, day), posted(2, BO, day - 1), posted(3, BO, day + 1)];
        assert_eq!(shape(&log, &[], None), ["day 1", "message 1 first", "message 2 middle", "message 3 last"]);
    }

    #[test]
    fn the_new_line_stands_above_the_first_unread_message_of_another() {
        let log = [posted(1, BO, 0), posted(2, ME, 1), posted(3, BO, 2), posted(4, BO, 3)];
        let expected = ["day 0", "message 1 alone", "message 2 alone", "new", "message 3 first", "message 4 last"];
        assert_eq!(shape(&log, &[], Some(Seq(1))), expected);
        assert!(!shape(&log, &[], None).contains(&"new".to_owned()));
        assert!(!shape(&log, &[], Some(Seq(4))).contains(&"new".to_owned()));
    }

    #[test]
    fn what_is_on_its_way_stands_at_the_end_and_keeps_its_identity_once_stored() {
        let key = SendKey::random();
        let entry = Entry {
            key,
            conversation: ConversationId(1),
            text: "on its way".into(),
            created: 5,
            state: EntryState::Failed { code: ErrorCode::NotAMember, message: "No.".into() },
        };
        let (log, outbox) = ([posted(1, ME, 10)], [entry]);
        let conversation = conversation();
        let source = Source { me: ME, conversation: &conversation, changes: &log, outbox: &outbox, read_until: None };
        let lines = arrange(source, |_| 0);
        let Some(Line::Message { id, frame, .. }) = lines.last() else { panic!("no message") };
        assert_eq!((*id, frame.at, &frame.receipt), (LineId::Own(key), 10, &Some(Receipt::Failed("No.".into()))));

        let mut stored = posted(2, ME, 20);
        stored.key = Some(key);
        let log = [posted(1, ME, 10), stored];
        let lines = arrange(Source { changes: &log, outbox: &[], ..source }, |_| 0);
        assert_eq!(lines.last().map(Line::id), Some(LineId::Own(key)));
    }

    #[test]
    fn a_change_of_a_later_version_is_not_shown() {
        let mut later = posted(1, BO, 0);
        later.body = ChangeBody::Unknown;
        assert!(shape(&[later], &[], None).is_empty());
    }
}
