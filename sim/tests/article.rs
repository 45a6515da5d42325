//! The model of the article's design does what the article does, and nothing worse.

use trunkline_server::node::Routing;
use trunkline_sim::article::{Tally, run};
use trunkline_sim::bus::Manners;
use trunkline_sim::script::{DEVICES, Script, Setting, Step};

fn script(steps: impl IntoIterator<Item = (u64, Step)>) -> Script {
    let setting = Setting { routing: Routing::Broadcast, sends_per_second: 100, skews: [0; 3] };
    Script { setting, steps: steps.into_iter().collect() }
}

fn talk() -> impl Iterator<Item = (u64, Step)> {
    (0..DEVICES).map(|device| (500, Step::Send { device, conversation: 0, count: 3 }))
}

#[test]
fn while_nobody_comes_or_goes_and_nothing_breaks_it_loses_nothing() {
    for seed in 0..50 {
        let accepted = 3 * DEVICES as u64;
        assert_eq!(run(seed, &script(talk())), Tally { accepted, ..Tally::default() }, "seed {seed}");
    }
}

#[test]
fn what_is_published_on_a_bus_that_loses_it_is_lost_and_its_sender_is_told_that_all_is_well() {
    let deaf = Step::Bus { manners: Manners { lost: 100, ..Manners::default() }, millis: 60_000 };
    let tally = run(1, &script([(0, deaf)].into_iter().chain(talk())));
    assert_eq!(tally.accepted, 3 * DEVICES as u64);
    assert!(tally.lost > 0 && tally.doubled == 0, "{tally:?}");
}

#[test]
fn what_comes_twice_over_the_bus_is_shown_twice() {
    let twice = Step::Bus { manners: Manners { doubled: 100, ..Manners::default() }, millis: 60_000 };
    let tally = run(1, &script([(0, twice)].into_iter().chain(talk())));
    assert!(tally.doubled > 0 && tally.lost == 0, "{tally:?}");
}
