//! What people do and what breaks, in the model.

use super::model::{Event, Model, Sent};
use super::{AGAIN, CONVERSATIONS, HEARTBEAT, NOTICED_WITHIN};
use crate::bus::Manners;
use crate::registry;
use crate::script::{DEVICES, OWNERS, SLOTS, Step};
use crate::world::USUAL_DELAY;

impl Model {
    pub(super) fn step(&mut self, step: &Step) {
        match *step {
            Step::Send { device, conversation, count } | Step::Flood { device, conversation, count } => {
                (0..count).for_each(|_| self.send(device, conversation % CONVERSATIONS.len()));
            }
            Step::Reload { device, .. } if self.pages[device].open => {
                self.lose(device, NOTICED_WITHIN);
                let life = self.pages[device].life;
                self.after(0, Event::Connect { device, life });
            }
            Step::Close { device } | Step::EndSession { device } => {
                self.lose(device, NOTICED_WITHIN);
                self.pages[device].open = false;
            }
            Step::Open { device } if !self.pages[device].open => {
                self.pages[device].open = true;
                let life = self.pages[device].life;
                self.after(0, Event::Connect { device, life });
            }
            Step::Cut { device, silent } => self.cut(device, silent),
            Step::SlowReader { device, millis } => self.pages[device].slow_until = self.now + millis,
            Step::SlowNetwork { most, millis } => {
                self.most_delay = most;
                self.after(millis, Event::Delay(USUAL_DELAY));
            }
            Step::Kill { slot, noticed } => self.kill(slot, noticed),
            Step::KillAfterCommit { slot } | Step::Replace { slot, .. } => self.kill(slot, true),
            Step::KillAll => (0..SLOTS).for_each(|slot| self.kill(slot, true)),
            Step::Freeze { slot, millis } => {
                self.nodes[slot].frozen = true;
                self.after(millis, Event::Thaw { slot });
            }
            Step::Bus { manners, millis } => {
                self.manners = manners;
                self.after(millis, Event::Manners(Manners::default()));
            }
            Step::Deaf { slot } => self.nodes[slot].deaf = true,
            Step::RegistryLost => {
                self.online.clear();
                self.unread.clear();
            }
            Step::Registry { trouble, millis } => {
                self.redis_fails = trouble != registry::Trouble::None;
                self.after(millis, Event::Redis(false));
            }
            _ => {}
        }
    }

    pub(super) fn heal(&mut self) {
        (self.manners, self.redis_fails, self.most_delay) = (Manners::default(), false, USUAL_DELAY);
        self.pages.iter_mut().for_each(|page| page.slow_until = 0);
        for slot in 0..SLOTS {
            self.nodes[slot].deaf = false;
            self.thaw(slot);
        }
    }

    fn send(&mut self, device: usize, conversation: usize) {
        let belongs = CONVERSATIONS[conversation].contains(&OWNERS[device]);
        let (Some(at), true) = (self.pages[device].at, belongs) else { return };
        let message = self.sent.len();
        self.sent.push(Sent { device, conversation, accepted: false });
        let delay = self.delay();
        let page = &mut self.pages[device];
        page.posted = (self.now + delay).max(page.posted);
        let (life, arrives) = (page.life, page.posted);
        self.at(arrives, Event::Post { message, life, at });
    }

    /// The page's connection is no more; its node notices within this time.
    fn lose(&mut self, device: usize, within: u64) {
        let page = &mut self.pages[device];
        let (at, life) = (page.at.take(), page.life);
        page.life += 1;
        if let Some(at) = at {
            let noticed = self.random.below(within);
            self.after(noticed, Event::Gone { device, life, at });
        }
    }

    fn cut(&mut self, device: usize, silent: bool) {
        if !self.pages[device].open {
            return;
        }
        let within = if silent { HEARTBEAT } else { NOTICED_WITHIN };
        self.lose(device, within);
        let again = AGAIN + self.random.below(within);
        let life = self.pages[device].life;
        self.after(again, Event::Connect { device, life });
    }

    fn kill(&mut self, slot: usize, noticed: bool) {
        let at = (slot, self.nodes[slot].life);
        let node = &mut self.nodes[slot];
        (node.down, node.frozen, node.deaf) = (true, false, false);
        node.life += 1;
        node.local.clear();
        node.waiting.clear();
        self.after(AGAIN, Event::Start { slot });
        for device in 0..DEVICES {
            if self.pages[device].at == Some(at) {
                self.cut(device, !noticed);
            }
        }
    }

    pub(super) fn thaw(&mut self, slot: usize) {
        self.nodes[slot].frozen = false;
        for event in std::mem::take(&mut self.nodes[slot].waiting) {
            self.after(0, event);
        }
    }
}
