//! What a client knows of one conversation: its description, how much of the log counts already, and the part of
//! the log that is held for showing.
//!
//! Two marks move through the log. Everything up to `applied` has been taken in, in order. Everything up to
//! `described` is contained in the description (last message, members, name): a change at or below it that is
//! applied later fills the held log and changes nothing else. The unread count has a mark of its own.
//!
//! # Layout
//!
//! - `description`: what descriptions, changes and cursors do to the description
//! - `unread`: the exact unread count
//! - `held`: the part of the log that is held
//! - `fetching`: what to ask of the node, and when

mod description;
mod fetching;
mod held;
#[cfg(test)]
mod tests;
mod unread;

use crate::ids::{Millis, Seq, UserId};
use crate::model::{Change, Conversation};
use crate::sorted::SortedMap;
use fetching::Asked;
use held::Held;
use unread::Unread;

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
    unread: Unread,
    delivered: Seq,
    held: Option<Held>,
    /// Changes behind a hole.
    ahead: SortedMap<Seq, Change>,
    /// When a hole is to be fetched.
    hole_due: Option<Millis>,
    asked: Option<Asked>,
    /// Cursors of people who are not members, or not yet.
    strangers: SortedMap<UserId, (Seq, Seq)>,
}

impl Replica {
    /// What a description tells.
    #[must_use]
    pub const fn new(conversation: Conversation) -> Self {
        let head = conversation.head;
        let unread = Unread::new(conversation.unread, head);
        Self {
            conversation,
            applied: head,
            described: head,
            unread,
            delivered: Seq(0),
            held: None,
            ahead: SortedMap::new(),
            hole_due: None,
            asked: None,
            strangers: SortedMap::new(),
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
        self.held.as_ref().map_or(&[], Held::changes)
    }

    /// Whether the log is held for showing.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// Whether there is something before the held part that the user may see.
    #[must_use]
    pub fn has_older(&self) -> bool {
        self.held.as_ref().is_some_and(|held| held.first() > self.lowest())
    }

    /// The user's own cursors on this device: highest seq received, highest seq read.
    #[must_use]
    pub const fn cursors(&self) -> (Seq, Seq) {
        (self.delivered, self.unread.mine())
    }

    /// The cursors, if the node does not know them yet.
    #[must_use]
    pub fn untold(&self, me: UserId) -> Option<(Seq, Seq)> {
        let known = self.conversation.member(me)?;
        let (delivered, read) = self.cursors();
        (delivered > known.delivered || read > known.read).then_some((delivered, read))
    }

    // ---- what comes from the node ----------------------------------------------------------------------------

    /// Takes a change that came by itself. Returns what was applied, in order; a hole is fetched at `grace`.
    pub fn offer(&mut self, me: UserId, change: Change, grace: Millis) -> Vec<Change> {
        self.conversation.head = self.conversation.head.max(change.seq);
        if change.seq <= self.applied {
            return Vec::new();
        }
        let fits = change.seq == self.applied.next();
        if fits || self.ahead.len() < AHEAD {
            self.ahead.insert(change.seq, change);
        }
        if !fits {
            self.hole_due.get_or_insert(grace);
        }
        self.catch_up(me)
    }

    /// Takes the answer to a fetch. Returns what was applied, in order.
    pub fn fetched(&mut self, me: UserId, changes: Vec<Change>, head: Seq) -> Vec<Change> {
        self.conversation.head = self.conversation.head.max(head);
        let (before, behind): (Vec<_>, Vec<_>) = changes.into_iter().partition(|change| change.seq <= self.applied);
        if let Some(held) = &mut self.held {
            held.take_older(before);
        }
        self.ahead.extend(behind.into_iter().map(|change| (change.seq, change)));
        self.catch_up(me)
    }

    // ---- what the user does ----------------------------------------------------------------------------------

    /// The user has read up to `seq`. Returns whether the cursor moved.
    pub fn read(&mut self, me: UserId, seq: Seq) -> bool {
        let seq = seq.min(self.applied);
        if seq <= self.unread.mine().max(self.known_read(me)) {
            return false;
        }
        self.delivered = self.delivered.max(seq);
        self.unread.read_to(seq);
        self.recount(me);
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

    /// Holds the log from `from` on, with changes that are at hand already (dense, from `from`); they may end before
    /// what is applied, or behind it. To be followed by [`Replica::catch_up`]. Does nothing if the log is held.
    pub fn hold(&mut self, from: Seq, changes: Vec<Change>) {
        if self.held.is_some() {
            return;
        }
        let first = from.max(Seq(1)).min(self.applied.next());
        let (known, behind): (Vec<_>, Vec<_>) = changes.into_iter().partition(|change| change.seq <= self.applied);
        let dense = known.iter().zip(0..).all(|(change, at)| first.0.checked_add(at) == Some(change.seq.0));
        self.hold_anew(first);
        if dense {
            self.applied = Seq(first.previous().0 + known.len() as u64);
            self.held = Some(Held::new(first, known));
        }
        if let Some(last) = behind.last() {
            self.conversation.head = self.conversation.head.max(last.seq);
        }
        self.ahead.extend(behind.into_iter().map(|change| (change.seq, change)));
        self.drop_applied();
    }

    /// Holds the newest `count` changes, which are to be fetched. Does nothing if as much is held.
    pub fn hold_latest(&mut self, count: u64) {
        let first = self.latest(count);
        if self.held.as_ref().is_none_or(|held| held.first() > first) {
            self.hold_anew(first);
        }
    }

    /// Keeps the newest `count` of the held part.
    pub fn keep_latest(&mut self, count: u64) {
        if let Some(held) = &mut self.held {
            held.keep_latest(count);
        }
    }

    /// Wants up to `count` changes before the held part.
    pub fn want_older(&mut self, count: u64) {
        let lowest = self.lowest();
        if let Some(held) = &mut self.held {
            held.want_older(count, lowest);
        }
    }

    // ---- taking in -------------------------------------------------------------------------------------------

    /// Applies what fits behind what is applied; returns it, in order.
    pub fn catch_up(&mut self, me: UserId) -> Vec<Change> {
        let mut applied = Vec::new();
        while let Some(change) = self.ahead.remove(&self.applied.next()) {
            self.applied = change.seq;
            self.unread.applied(me, &change);
            if change.seq > self.described {
                self.take_effect(&change);
            }
            if let Some(held) = &mut self.held {
                held.push(change.clone());
            }
            applied.push(change);
        }
        if self.applied >= self.conversation.head {
            self.hole_due = None;
        }
        self.recount(me);
        applied
    }

    fn known_read(&self, me: UserId) -> Seq {
        self.conversation.member(me).map_or(Seq(0), |member| member.read)
    }

    fn recount(&mut self, me: UserId) {
        self.conversation.unread = self.unread.shown(me, self.held.as_ref().map_or(&[], Held::changes));
    }

    /// First seq that the user may see.
    fn lowest(&self) -> Seq {
        self.conversation.since.max(Seq(1))
    }

    /// First of the newest `count` changes that the user may see. Not counted from the head: what neither was
    /// applied nor is described must not be skipped.
    fn latest(&self, count: u64) -> Seq {
        let known = self.applied.max(self.described);
        Seq(known.next().0.saturating_sub(count)).max(self.lowest())
    }

    /// Holds the log from `first` on; all of it is to be applied, but no effect counts twice.
    fn hold_anew(&mut self, first: Seq) {
        self.described = self.described.max(self.applied);
        self.applied = first.previous();
        self.held = Some(Held::new(first, Vec::new()));
        self.asked = None;
        self.drop_applied();
    }

    fn drop_applied(&mut self) {
        let applied = self.applied;
        self.ahead.retain(|&seq, _| seq > applied);
    }
}
