//! How a script is drawn: how often what happens.

use super::{DEVICES, OWNERS, SLOTS, Script, Setting, Step};
use crate::bus::Manners;
use crate::random::Random;
use crate::{registry, store};
use trunkline_protocol::Millis;
use trunkline_server::node::Routing;

/// Longer than any run, in milliseconds.
const LONG: u64 = 600_000;
/// An hour, by which a clock may be off.
const HOUR: Millis = 3_600_000;

impl Script {
    /// Draws one.
    #[must_use]
    pub fn draw(random: &mut Random) -> Self {
        let skew = |random: &mut Random| {
            if random.chance(50) { 0 } else { random.below(2 * HOUR as u64) as Millis - HOUR }
        };
        let setting = Setting {
            routing: if random.chance(70) { Routing::Directed } else { Routing::Broadcast },
            sends_per_second: if random.chance(20) { 10 } else { 100 },
            skews: [skew(random), skew(random), skew(random)],
        };
        let mut steps = Vec::new();
        // Some runs are calm, and in some nothing but nudges is lost, some of the time or all of it, so that what must hold
        // then is seen as well.
        let (breaks, breaking): (u64, fn(&mut Random) -> Step) = match random.below(6) {
            0 => (0, fault),
            1 if random.chance(50) => {
                let manners = Manners { lost: 100, ..Manners::default() };
                steps.push((0, Step::Bus { manners, millis: LONG }));
                (0, fault)
            }
            1 => (30, lost_nudges),
            2 => (20, fault),
            3 | 4 => (40, fault),
            _ => (60, fault),
        };
        let count = random.between(10, 45);
        for _ in 0..count {
            let step = if random.chance(breaks) { breaking(random) } else { deed(random) };
            if matches!(step, Step::RollBack { .. }) && random.chance(50) {
                steps.extend(restore(random));
                continue;
            }
            steps.push((pause(random), step));
        }
        if setting.sends_per_second < 100 {
            // What takes longer because it has to is no delay.
            steps.iter_mut().for_each(|(_, step)| restrain(step));
        }
        Self { setting, steps }
    }
}

fn restrain(step: &mut Step) {
    if let Step::Send { count, .. } | Step::Flood { count, .. } = step {
        *count = (*count).min(6);
    }
}

fn pause(random: &mut Random) -> u64 {
    match random.below(7) {
        0..=2 => random.below(60),
        3..=5 => random.below(800),
        _ => random.below(4_000),
    }
}

fn conversation(random: &mut Random) -> usize {
    // Mostly the few that everybody is in, and sometimes one that was made later.
    if random.chance(85) { random.below(3) as usize } else { random.below(8) as usize }
}

fn deed(random: &mut Random) -> Step {
    let device = random.below(DEVICES as u64) as usize;
    let (user, other) = (random.below(4) as usize, random.below(4) as usize);
    let conversation = conversation(random);
    match random.below(100) {
        0..=34 => {
            let count = if random.chance(80) { random.between(1, 4) } else { random.between(5, 30) };
            Step::Send { device, conversation, count }
        }
        35 => Step::Flood { device, conversation, count: random.between(20, 60) },
        36..=55 => Step::Read { device, conversation, but: if random.chance(70) { 0 } else { random.below(6) } },
        56..=58 => Step::Typing { device, conversation },
        59..=63 => Step::Hold { device, conversation, count: random.between(1, 30) },
        64..=66 => Step::Older { device, conversation, count: random.between(1, 30) },
        67..=68 => Step::Retry { device },
        69..=73 => Step::Reload { device, holds_all: random.chance(70) },
        74..=75 => Step::Close { device },
        76..=79 => Step::Open { device },
        80..=82 => Step::EndSession { device },
        83 => Step::Group { user, others: (0..4).filter(|_| random.chance(60)).collect() },
        84 => Step::Direct { user, other },
        85..=88 => Step::Add { conversation, by: user, user: other },
        89..=94 => Step::Remove { conversation, by: user, user: other },
        95..=96 => Step::Rename { conversation, by: user },
        97 => Step::HandOver { conversation, by: user, to: other },
        _ => Step::CallOneself { user },
    }
}

fn fault(random: &mut Random) -> Step {
    let device = random.below(DEVICES as u64) as usize;
    let slot = random.below(SLOTS as u64) as usize;
    let millis = random.between(100, 8_000);
    match random.below(100) {
        0..=15 => Step::Cut { device, silent: random.chance(50) },
        16..=20 => Step::SlowReader { device, millis },
        21..=24 => Step::SlowNetwork { most: random.between(100, 2_000), millis },
        25..=34 => Step::Kill { slot, noticed: random.chance(75) },
        35 => Step::KillAll,
        36..=43 => Step::KillAfterCommit { slot },
        44..=51 => Step::Freeze { slot, millis: if random.chance(70) { millis } else { 2 * millis } },
        52..=57 => Step::Replace { slot, window: random.between(0, 3_000) },
        58..=71 => Step::Bus { manners: manners(random), millis },
        72..=75 => Step::Deaf { slot },
        76..=79 => Step::RegistryLost,
        80..=83 => {
            let trouble = if random.chance(50) { registry::Trouble::Hangs } else { registry::Trouble::Refuses };
            Step::Registry { trouble, millis }
        }
        84..=91 => {
            let trouble = match random.below(4) {
                0 => store::Trouble::Refuses,
                1 => store::Trouble::Hangs,
                2 => store::Trouble::LosesAnswers(random.between(10, 80)),
                _ => store::Trouble::Slow(random.between(50, 1_500)),
            };
            Step::Store { trouble, millis }
        }
        92..=95 => Step::Clock { slot, by: random.below(2 * HOUR as u64) as Millis - HOUR },
        96..=97 => Step::RollBack { steps: random.between(1, 8) as usize },
        _ => Step::TakeOver { steps: random.between(1, 8) as usize },
    }
}

/// A backup is put back that does not have a group yet which somebody goes on writing into; while their page is closed they
/// make another one.
fn restore(random: &mut Random) -> [(u64, Step); 7] {
    let device = random.below(DEVICES as u64) as usize;
    let user = OWNERS[device];
    let [one, another] = [1, 2].map(|by| (user + by) % 4);
    // Behind those that everybody begins with.
    let conversation = 3;
    let count = random.between(1, 3);
    [
        (pause(random), Step::Group { user, others: vec![one] }),
        (800, Step::Send { device, conversation, count: 1 }),
        (pause(random), Step::RollBack { steps: 2 }),
        (random.below(100), Step::Send { device, conversation, count }),
        (random.below(100), Step::Close { device }),
        (random.between(1_500, 3_500), Step::Group { user, others: vec![another] }),
        (random.between(200, 1_000), Step::Open { device }),
    ]
}

/// What may be lost without anybody losing anything.
fn lost_nudges(random: &mut Random) -> Step {
    let slot = random.below(SLOTS as u64) as usize;
    // Some that come through hide from a node that others do not.
    let lost = if random.chance(50) { 100 } else { random.between(30, 99) };
    let manners = Manners { lost, ..Manners::default() };
    match random.below(4) {
        0 => Step::Deaf { slot },
        1 => Step::RegistryLost,
        _ => Step::Bus { manners, millis: random.between(1_000, 20_000) },
    }
}

fn manners(random: &mut Random) -> Manners {
    let lost = match random.below(4) {
        0 => 100,
        1 => random.below(100),
        _ => 0,
    };
    Manners {
        lost,
        doubled: if random.chance(50) { random.below(100) } else { 0 },
        spread: if random.chance(50) { random.below(2_000) } else { 0 },
        reorders: random.chance(50),
        down: random.chance(10),
    }
}
