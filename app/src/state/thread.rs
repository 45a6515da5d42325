//! The lines of one conversation as they are shown. A line that stays keeps its identity and its element; only what
//! is drawn around it is set anew.

use super::lines::{Frame, Line, LineId};
use leptos::prelude::*;
use std::collections::HashMap;
use std::sync::Arc;
use trunkline_protocol::{Change, Seq, UserId};

/// A line that is shown.
#[derive(Clone, Debug)]
pub enum Item {
    /// Above the first line of a day.
    Day(i64),
    /// Above the first message that was new when the conversation was opened.
    New,
    /// A message.
    Message(Message),
    /// Something that happened to the group.
    Event(Change),
}

/// A message that is shown. Its text never changes.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its identity.
    pub id: LineId,
    /// Who wrote it.
    pub author: UserId,
    /// What.
    pub text: Arc<str>,
    /// What is drawn around it.
    pub frame: ArcRwSignal<Frame>,
}

impl Item {
    /// The line's identity.
    #[must_use]
    pub const fn id(&self) -> LineId {
        match self {
            Self::Day(day) => LineId::Day(*day),
            Self::New => LineId::New,
            Self::Message(message) => message.id,
            Self::Event(change) => LineId::Change(change.seq),
        }
    }
}

/// How much of a conversation is here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Whether there is anything to show yet; an empty conversation is there as well.
    pub loaded: bool,
    /// Whether older messages can be loaded.
    pub has_older: bool,
    /// The newest change that is here.
    pub end: Seq,
}

/// One conversation's lines, and how much of it is here.
#[derive(Clone, Debug, Default)]
pub struct Thread {
    /// Oldest first.
    pub items: ArcRwSignal<Vec<Item>>,
    /// How much is here.
    pub extent: ArcRwSignal<Extent>,
    /// Where reading had stopped when the conversation was opened, if there was something new.
    pub read_until: ArcRwSignal<Option<Seq>>,
    /// Grows with each message that the user sends from here: the view goes to the end.
    pub sends: ArcRwSignal<u32>,
    /// A text that goes back to where one writes.
    pub returned: ArcRwSignal<Option<String>>,
}

impl Thread {
    /// Shows these lines. Tells nobody that the list is another if only frames are.
    pub fn show(&self, lines: Vec<Line<'_>>, extent: Extent) {
        if self.extent.get_untracked() != extent {
            self.extent.set(extent);
        }
        let items = self.items.read_untracked();
        let same = items.len() == lines.len() && items.iter().zip(&lines).all(|(item, line)| item.id() == line.id());
        if same {
            items.iter().zip(lines).for_each(|(item, line)| reframe(item, line));
            return;
        }
        drop(items);
        self.items.update(|items| {
            let mut known: HashMap<_, _> = items.drain(..).map(|item| (item.id(), item)).collect();
            items.extend(lines.into_iter().map(|line| match known.remove(&line.id()) {
                Some(item) => {
                    reframe(&item, line);
                    item
                }
                None => item(line),
            }));
        });
    }
}

fn item(line: Line<'_>) -> Item {
    match line {
        Line::Day(day) => Item::Day(day),
        Line::New => Item::New,
        Line::Event(change) => Item::Event(change.clone()),
        Line::Message { id, author, text, frame } => {
            Item::Message(Message { id, author, text: text.into(), frame: ArcRwSignal::new(frame) })
        }
    }
}

fn reframe(item: &Item, line: Line<'_>) {
    if let (Item::Message(message), Line::Message { frame, .. }) = (item, line)
        && *message.frame.read_untracked() != frame
    {
        message.frame.set(frame);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(seq: u64, last: bool) -> Line<'static> {
        let frame = Frame { at: 0, first: true, last, receipt: None, seen_by: None, seq: None };
        Line::Message { id: LineId::Change(Seq(seq)), author: UserId(1), text: "text", frame }
    }

    fn frames(thread: &Thread) -> Vec<ArcRwSignal<Frame>> {
        let frame = |item: &Item| match item {
            Item::Message(message) => message.frame.clone(),
            _ => panic!("not a message"),
        };
        thread.items.read_untracked().iter().map(frame).collect()
    }

    #[test]
    fn a_line_that_stays_keeps_its_signal_and_gets_its_new_frame() {
        let _owner = Owner::new();
        let thread = Thread::default();
        thread.show(vec![line(2, true)], Extent::default());
        let before = frames(&thread);
        thread.show(vec![line(1, true), line(2, false), line(3, true)], Extent { loaded: true, ..Extent::default() });
        let after = frames(&thread);
        assert_eq!(after.len(), 3);
        assert_eq!(after[1], before[0]);
        assert!(!before[0].get_untracked().last);
        assert!(thread.extent.get_untracked().loaded);
    }
}
