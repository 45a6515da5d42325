//! What became of the messages.

use super::CONVERSATIONS;
use super::model::{Model, Sent};
use crate::script::{DEVICES, OWNERS};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::AddAssign;

/// What became of the messages of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Messages whose sender was told that all is well.
    pub accepted: u64,
    /// Those that somebody was never shown, on no page of theirs, and never will be.
    pub lost: u64,
    /// How often a page showed one again.
    pub doubled: u64,
    /// How often a page showed one behind a later one of the same sender.
    pub reordered: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.reordered += other.reordered;
    }
}

impl Model {
    pub(super) fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        let shown: BTreeSet<_> = (self.pages.iter().zip(OWNERS))
            .flat_map(|(page, user)| page.shown.iter().map(move |&message| (user, message)))
            .collect();
        for (message, sent) in self.sent.iter().enumerate().filter(|(_, sent)| sent.accepted) {
            tally.accepted += 1;
            let has = |user: usize| {
                let is_here = (0..DEVICES).any(|device| OWNERS[device] == user && self.pages[device].open);
                let waits = self.unread.get(&user).is_some_and(|list| list.contains(&message));
                user == OWNERS[sent.device] || !is_here || waits || shown.contains(&(user, message))
            };
            tally.lost += u64::from(!CONVERSATIONS[sent.conversation].iter().all(|&user| has(user)));
        }
        for page in &self.pages {
            let mut latest: BTreeMap<(usize, usize), usize> = BTreeMap::new();
            let mut seen = BTreeSet::new();
            for &message in &page.shown {
                if !seen.insert(message) {
                    tally.doubled += 1;
                    continue;
                }
                let Sent { device, conversation, .. } = self.sent[message];
                let last = latest.entry((device, conversation)).or_insert(message);
                tally.reordered += u64::from(message < *last);
                *last = message.max(*last);
            }
        }
        tally
    }
}
