//! What those who talk do all the time: send, read, and load their pages anew.

use super::Town;
use crate::chaos::rng::Rng;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// How often somebody does something.
const EVERY: Duration = Duration::from_millis(40);
/// In percent: how often it is reading, and how often loading a page anew.
const READS: usize = 30;
const RELOADS: usize = 1;
/// Characters of a long message.
const LONG: usize = 2_000;

/// Until it is aborted.
pub(crate) async fn run(town: Arc<Town>, mut rng: Rng) {
    let devices = town.talkers();
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    for number in 0_u64.. {
        ticks.tick().await;
        let Some(_turn) = town.turn().await else { continue };
        let (here, talkers) = rng.one_of(&town.people.talks);
        let user = *rng.one_of(talkers);
        let at = 2 * user + rng.below(2);
        let device = &devices[at];
        if rng.percent(RELOADS) && at != 0 {
            town.reload(device);
        } else if rng.percent(READS) {
            device.read(*here);
        } else {
            device.send(*here, text(number, &mut rng));
        }
    }
}

/// Each is another, so that one can not be taken for another.
fn text(number: u64, rng: &mut Rng) -> String {
    let long = if rng.percent(3) { "lang und länger, 長い ".repeat(LONG / 20) } else { String::new() };
    format!("message {number} {long}– \"{}\" \\ \u{1f426}", rng.next())
}
