//! What the article does with who connects and with a message.

use super::model::{Event, Message, Model, Process, Sent};
use super::{AGAIN, CONVERSATIONS, ROUND_TRIP};
use crate::script::{OWNERS, SLOTS};

impl Model {
    pub(super) fn connect(&mut self, device: usize, life: u32) {
        if !self.pages[device].open || self.pages[device].life != life || self.pages[device].at.is_some() {
            return;
        }
        let up: Vec<_> = (0..SLOTS).filter(|&slot| !self.nodes[slot].down).collect();
        let Some(slot) = self.random.one_of(&up) else {
            return self.after(AGAIN, Event::Connect { device, life });
        };
        let at = (slot, self.nodes[slot].life);
        self.pages[device].at = Some(at);
        let read =
            if self.redis_fails { Vec::new() } else { self.unread.get(&OWNERS[device]).cloned().unwrap_or_default() };
        let between = 1 + self.random.below(ROUND_TRIP);
        let delay = self.delay() + between;
        self.after(delay, Event::Delete { device, life, at, read });
    }

    pub(super) fn take_in(&mut self, message: Message, life: u32, at: Process) {
        let Sent { device, conversation, .. } = self.sent[message];
        for &receiver in CONVERSATIONS[conversation].iter().filter(|&&user| user != OWNERS[device]) {
            if self.nodes[at.0].local.iter().any(|known| known.0 == receiver) {
                self.push_local(message, receiver, at.0);
            } else if self.redis_fails {
                // The call fails, and its sender is told.
                return;
            } else if self.online.contains(&receiver) {
                if self.manners.down {
                    return;
                }
                self.publish(message, receiver, at.0);
            } else {
                self.unread.entry(receiver).or_default().push(message);
            }
        }
        let delay = self.delay();
        self.after(delay, Event::Accepted { message, life });
    }

    fn publish(&mut self, message: Message, receiver: usize, from: usize) {
        for slot in 0..SLOTS {
            let copies = 1 + u64::from(self.random.chance(self.manners.doubled));
            for _ in 0..copies {
                if self.nodes[slot].deaf || self.random.chance(self.manners.lost) {
                    continue;
                }
                let takes = 1 + self.random.below(ROUND_TRIP) + self.random.below(self.manners.spread);
                let last = self.published.entry((from, slot)).or_default();
                let arrives = if self.manners.reorders { self.now + takes } else { (self.now + takes).max(*last) };
                *last = arrives.max(*last);
                let at = (slot, self.nodes[slot].life);
                self.at(arrives, Event::Published { message, receiver, at });
            }
        }
    }

    pub(super) fn push_local(&mut self, message: Message, receiver: usize, slot: usize) {
        let here: Vec<_> = self.nodes[slot].local.iter().filter(|known| known.0 == receiver).copied().collect();
        for (_, device, life) in here {
            self.push(message, device, life);
        }
    }

    pub(super) fn push(&mut self, message: Message, device: usize, life: u32) {
        let delay = self.delay();
        let page = &mut self.pages[device];
        page.pushed = (self.now + delay).max(page.pushed).max(page.slow_until);
        let at = page.pushed;
        self.at(at, Event::Shown { message, device, life });
    }
}
