//! What a client knows of one conversation: its description, how much of the log counts already, and the part of
//! the log that is held for showing.
//!
//! Three marks move through the log. Everything up to `applied` has been taken in, in order. Everything up to
//! `described` is contained in the description that the node gave (last message, members, name), and everything
//! up to `unread_at` in the unread count that the node gave. A change at or below these that is fetched later
//! fills the held log and counts nowhere else.

use crate::ids::{Millis, Seq, UserId};
use crate::limits::FETCH_CHANGES;
use crate::model::{Change, ChangeBody, Conversation, Member};
use std::collections::BTreeMap;

/// Changes kept behind a hole. More than that are fetched again instead.
const AHEAD: usize = 512;
/// A gap in the held log larger than this is not filled: the newest part is held instead.
const LARGEST_GAP: u64 = 2_000;

/// What a client knows of one conversation.
#[derive(Clone, Debug)]
pub struct Replica {
    conversation: Conversation,
    applied: Seq,
    described: Seq,
    unread_at: Seq,
    /// Seqs behind `unread_at` that are part of the unread count.
    counted: Vec<Seq>,
    read: Seq,
    delivered: Seq,
    held: Option<Held>,
    ahead: BTreeMap<Seq, Change>,
    hole_since: Option<Millis>,
    older: Option<Seq>,
    asked: Option<Millis>,
}

/// A dense part of the log, from `first` up to what is applied.
#[derive(Clone, Debug)]
struct Held {
    first: Seq,
    changes: Vec<Change>,
}

impl Replica {
    /// What a description tells.
    #[must_use]
    pub const fn new(conversation: Conversation) -> Self {
        let head = conversation.head;
        Self {
            conversation,
            applied: head,
            described: head,
            unread_at: head,
            counted: Vec::new(),
            read: Seq(0),
            delivered: Seq(0),
            held: None,
            ahead: BTreeMap::new(),
            hole_since: None,
            older: None,
            asked: None,
        }
    }

    // ---- what can be asked -----------------------------------------------------------------------------------

    /// The description, kept up to date: members, cursors, last message, unread.
    #[must_use]
    pub const fn conversation(&self) -> &Conversation {
        &self.conversation
    }

    /// Everything up to here has been taken in, in order.
    #[must_use]
    pub const fn applied(&self) -> Seq {
        self.applied
    }

    /// The held part of the log, ascending and dense; empty if nothing is held.
    #[must_use]
    pub fn held(&self) -> &[Change] {
        self.held.as_ref().map_or(&[], |held| &held.changes)
    }

    /// Whether the log is held for showing.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// Whether there is something before the held part that the user may see.
    #[must_use]
    pub fn has_older(&self) -> bool {
        self.held.as_ref().is_some_and(|held| held.first > self.conversation.since.max(Seq(1)))
    }

    /// The user's own cursors on this device: highest seq received, highest seq read.
    #[must_use]
    pub fn cursors(&self) -> (Seq, Seq) {
        (self.delivered, self.read)
    }

    /// The cursors, if the node does not know them yet.
    #[must_use]
    pub fn untold(&self, me: UserId) -> Option<(Seq, Seq)> {
        let known = self.conversation.member(me)?;
        (self.delivered > known.delivered || self.read > known.read).then_some((self.delivered, self.read))
    }

    // ---- what comes from the node ----------------------------------------------------------------------------

    /// Takes the description of a welcome, read from the store after all that is known here. Returns whether the
    /// log went back in time, so that all of it was dropped.
    pub fn welcome(&mut self, me: UserId, given: Conversation) -> bool {
        let went_back = given.head < self.conversation.head;
        if went_back {
            let held = self.held.is_some();
            *self = Self::new(given);
            if held {
                self.hold_latest(FETCH_CHANGES);
            }
        } else {
            self.describe(me, given);
        }
        went_back
    }

    /// Takes a description that was read from the store while changes went on coming.
    pub fn describe(&mut self, me: UserId, mut given: Conversation) {
        if given.head < self.conversation.head {
            // Overtaken by a change: it has nothing newer but cursors.
            for member in &given.members {
                self.cursor_moved(member.user.id, member.delivered, member.read, None);
            }
            return;
        }
        let since = given.since;
        let head = given.head;
        for member in &mut given.members {
            if let Some(known) = self.conversation.member(member.user.id) {
                member.read = member.read.max(known.read);
                member.delivered = member.delivered.max(known.delivered);
            }
        }
        self.conversation = given;
        self.counted.clear();
        self.described = head;
        self.unread_at = head;
        if self.read >= head {
            self.conversation.unread = 0;
        }
        let gap = head.0 - self.applied.0;
        match &self.held {
            Some(held) if held.first >= since && gap <= LARGEST_GAP => {}
            Some(_) => {
                self.applied = head;
                self.hold_latest(FETCH_CHANGES);
            }
            None => self.applied = head,
        }
        let applied = self.applied;
        self.ahead.retain(|&seq, _| seq > applied);
        self.take_ahead(me);
    }

    /// Takes a change that came by itself. Returns what was applied, in order; a hole is fetched after `grace`.
    pub fn offer(&mut self, me: UserId, change: Change, grace: Millis) -> Vec<Change> {
        self.conversation.head = self.conversation.head.max(change.seq);
        if change.seq <= self.applied {
            return Vec::new();
        }
        if change.seq > self.applied.next() {
            if self.ahead.len() < AHEAD {
                self.ahead.insert(change.seq, change);
            }
            self.hole_since.get_or_insert(grace);
            return Vec::new();
        }
        self.ahead.insert(change.seq, change);
        self.take_ahead(me)
    }

    /// Takes the answer to a fetch. Returns what was applied, in order.
    pub fn fetched(&mut self, me: UserId, changes: Vec<Change>, head: Seq) -> Vec<Change> {
        self.conversation.head = self.conversation.head.max(head);
        let (before, behind): (Vec<_>, Vec<_>) = changes.into_iter().partition(|change| change.seq <= self.applied);
        let grown = self.prepend(before);
        for change in behind {
            self.ahead.insert(change.seq, change);
        }
        let applied = self.take_ahead(me);
        if grown || !applied.is_empty() {
            // Only an answer that helped allows the next question at once: two ends that disagree must not spin.
            self.asked = None;
        }
        applied
    }

    /// A member's cursors stand here now; for the user themselves with the unread count at a head. Returns
    /// whether anything is another now.
    pub fn cursor_moved(&mut self, user: UserId, delivered: Seq, read: Seq, own: Option<(u64, Seq)>) -> bool {
        let Some(member) = self.conversation.members.iter_mut().find(|member| member.user.id == user) else {
            return false;
        };
        let before = (member.delivered, member.read);
        member.delivered = member.delivered.max(delivered);
        member.read = member.read.max(read);
        let moved = before != (member.delivered, member.read);
        let own = own.filter(|&(_, head)| read >= before.1.max(self.read) && head >= self.unread_at);
        let Some((unread, head)) = own else { return moved };
        let shown = self.conversation.unread;
        self.read = read;
        self.unread_at = head;
        self.counted.retain(|&seq| seq > head);
        self.conversation.unread = unread + self.counted.len() as u64;
        moved || shown != self.conversation.unread
    }

    /// The socket is gone, and with it the answers that were awaited.
    pub const fn socket_lost(&mut self) {
        self.asked = None;
    }

    // ---- what the user does ----------------------------------------------------------------------------------

    /// The user has read up to `seq`. Returns whether the cursor moved.
    pub fn read(&mut self, me: UserId, seq: Seq) -> bool {
        let known = self.conversation.member(me).map_or(Seq(0), |member| member.read);
        let seq = seq.min(self.applied);
        if seq <= self.read.max(known) {
            return false;
        }
        self.read = seq;
        self.delivered = self.delivered.max(seq);
        if seq >= self.unread_at {
            self.unread_at = self.unread_at.max(seq);
            self.counted.retain(|&at| at > seq);
            self.conversation.unread = self.counted.len() as u64;
        } else if self.applied >= self.unread_at && self.held.as_ref().is_some_and(|held| held.first <= seq.next()) {
            let unread = self.held().iter().filter(|change| change.seq > seq && counts(me, change)).count();
            self.conversation.unread = unread as u64;
        }
        // Otherwise the log between is not here to count; the node's answer to the cursor brings the number.
        true
    }

    /// Everything applied counts as received. Returns whether the cursor moved.
    pub fn mark_delivered(&mut self, me: UserId) -> bool {
        let known = self.conversation.member(me).map_or(Seq(0), |member| member.delivered);
        let moved = self.applied > self.delivered.max(known);
        if moved {
            self.delivered = self.applied;
        }
        moved
    }

    /// Holds the log from `from` on, with changes that are at hand already (dense, from `from`).
    pub fn hold(&mut self, from: Seq, changes: Vec<Change>) {
        if self.held.is_some() {
            return;
        }
        // What is at hand may end before or behind what is applied.
        self.applied = self.applied.min(Seq(from.previous().0 + changes.len() as u64)).max(from.previous());
        let applied = self.applied;
        let changes = changes.into_iter().filter(|change| change.seq <= applied).collect();
        self.held = Some(Held { first: from, changes });
    }

    /// Holds the newest `count` changes; they are to be fetched.
    pub fn hold_latest(&mut self, count: u64) {
        let head = self.conversation.head.max(self.applied);
        let first = Seq((head.0 + 1).saturating_sub(count)).max(self.conversation.since).max(Seq(1));
        self.applied = first.previous();
        self.held = Some(Held { first, changes: Vec::new() });
        let applied = self.applied;
        self.ahead.retain(|&seq, _| seq > applied);
    }

    /// Wants up to `count` changes before the held part.
    pub fn want_older(&mut self, count: u64) {
        if let Some(held) = self.held.as_ref().filter(|_| self.has_older()) {
            let lowest = self.conversation.since.max(Seq(1));
            self.older = Some(Seq(held.first.0.saturating_sub(count.min(FETCH_CHANGES))).max(lowest));
        }
    }

    // ---- fetching --------------------------------------------------------------------------------------------

    /// When [`Replica::fetch`] may have something to ask, if nothing happens before.
    #[must_use]
    pub fn fetch_due(&self) -> Option<Millis> {
        match self.asked {
            Some(again) => self.wanted().map(|_| again),
            None => self.hole_since.filter(|_| self.wanted().is_some()),
        }
    }

    /// The range to ask for now, if any. Not again before the answer, or `patience` milliseconds.
    pub fn fetch(&mut self, now: Millis, patience: Millis) -> Option<(Seq, Seq)> {
        let range = self.wanted()?;
        let only_a_young_hole = self.applied >= self.described && self.older.is_none();
        if self.asked.is_some_and(|again| now < again)
            || only_a_young_hole && self.hole_since.is_some_and(|due| now < due)
        {
            return None;
        }
        self.asked = Some(now + patience);
        Some(range)
    }

    fn wanted(&self) -> Option<(Seq, Seq)> {
        if self.applied < self.conversation.head {
            let end = self.ahead.keys().next().map_or(self.conversation.head, |first| first.previous());
            let from = self.applied.next();
            return Some((from, end.min(Seq(self.applied.0 + FETCH_CHANGES))));
        }
        let held = self.held.as_ref()?;
        self.older.filter(|&from| from < held.first).map(|from| (from, held.first.previous()))
    }

    // ---- taking in -------------------------------------------------------------------------------------------

    fn take_ahead(&mut self, me: UserId) -> Vec<Change> {
        let mut applied = Vec::new();
        while let Some(change) = self.ahead.remove(&self.applied.next()) {
            self.applied = change.seq;
            self.count(me, &change);
            if let Some(held) = &mut self.held {
                held.changes.push(change.clone());
            }
            applied.push(change);
        }
        if self.applied >= self.conversation.head {
            self.hole_since = None;
        }
        applied
    }

    fn prepend(&mut self, before: Vec<Change>) -> bool {
        let Some(held) = &mut self.held else { return false };
        let mut older: Vec<_> = before.into_iter().filter(|change| change.seq < held.first).collect();
        let dense = older.last().is_some_and(|last| last.seq.next() == held.first)
            && older.windows(2).all(|pair| pair[0].seq.next() == pair[1].seq);
        if dense {
            held.first = older[0].seq;
            older.append(&mut held.changes);
            held.changes = older;
            self.older = None;
        }
        dense
    }

    fn count(&mut self, me: UserId, change: &Change) {
        if counts(me, change) && change.seq > self.unread_at.max(self.read) {
            self.counted.push(change.seq);
            self.conversation.unread += 1;
        }
        if change.seq <= self.described {
            return;
        }
        match &change.body {
            ChangeBody::Posted { .. } => self.conversation.last_message = Some(change.clone()),
            ChangeBody::Created { name } | ChangeBody::Renamed { name } => self.conversation.name = Some(name.clone()),
            ChangeBody::OwnerChanged { owner } => self.conversation.owner = Some(*owner),
            ChangeBody::MemberRemoved { member } => {
                self.conversation.members.retain(|known| known.user.id != *member);
            }
            ChangeBody::MembersAdded { members } => {
                for user in members {
                    if self.conversation.member(user.id).is_none() {
                        let member = Member { user: user.clone(), delivered: Seq(0), read: Seq(0) };
                        self.conversation.members.push(member);
                    }
                }
                self.conversation.members.sort_by_key(|member| member.user.id);
            }
            ChangeBody::Unknown => {}
        }
    }
}

/// Whether a change is a message that the user has to read.
fn counts(me: UserId, change: &Change) -> bool {
    change.author != me && change.body.text().is_some()
}
