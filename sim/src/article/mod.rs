//! The design that Trunkline began as an answer to, as a small model under the same scripts: a node that takes a message in
//! pushes it to the receiver if they are connected here, publishes it if a set of names in Redis has theirs, and else adds it
//! to a list of unread messages; and answers that all is well. Who connects reads that list, deletes it, then subscribes.
//!
//! Where the article leaves something open, the model takes what loses less: Redis keeps what it was told but for faults that
//! say otherwise, pages connect again by themselves, what one page sends arrives in its order, and what still waits in a list
//! in the end is not lost. Groups that are made or changed, rollbacks and what happens to a database are left out: it has none.
//!
//! # Layout
//!
//! - `model` nodes, pages, Redis, and what will happen when
//! - `delivery` what the article does; `faults` what people do and what breaks
//! - `tally` what became of the messages

mod delivery;
mod faults;
mod model;
mod tally;

pub use tally::Tally;

use crate::random::Random;
use crate::script::{DEVICES, Script};
use model::{Event, Model};

/// Who talks where, as in the simulation.
const CONVERSATIONS: [&[usize]; 3] = [&[0, 1, 2, 3], &[0, 1], &[0, 1, 2]];
/// Within this time both ends of a connection that was cut know it, in milliseconds.
const NOTICED_WITHIN: u64 = 200;
/// A missing heartbeat is noticed after so long.
const HEARTBEAT: u64 = 20_000;
/// How long a page waits before it connects again, and a process that was killed before it is there again.
const AGAIN: u64 = 1_000;
/// Between what Redis is asked first and what it is asked next.
const ROUND_TRIP: u64 = 4;
/// How long everything has to come to rest after the last step.
const AT_REST_AFTER: u64 = 60_000;

/// What becomes of the messages of this script.
#[must_use]
pub fn run(seed: u64, script: &Script) -> Tally {
    let mut model = Model::new(Random::new(seed).fork(1));
    let mut at = 0;
    for device in 0..DEVICES {
        model.after(0, Event::Connect { device, life: 0 });
    }
    at += 3_000;
    for (pause, step) in &script.steps {
        at += pause;
        model.at(at, Event::Step(step.clone()));
    }
    model.at(at + 4_000, Event::Heal);
    model.play(at + AT_REST_AFTER);
    model.tally()
}
