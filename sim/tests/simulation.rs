//! What the simulation itself has to keep, and runs that once showed a defect.

use trunkline_protocol::ErrorCode;
use trunkline_protocol::client::outbox::EntryState;
use trunkline_server::node::Routing;
use trunkline_sim::bus::Manners;
use trunkline_sim::script::{Script, Setting, Step};
use trunkline_sim::store::Trouble;
use trunkline_sim::{run, run_script};

/// Whatever is drawn by chance shows itself in one of these.
const REPEATED: [u64; 4] = [1, 7, 42, 1_001];

#[test]
fn a_seed_always_goes_the_same_way() {
    for seed in REPEATED {
        let (first, second) = (run(seed).outcome.expect("an end"), run(seed).outcome.expect("an end"));
        let other = first.history.iter().zip(&second.history).find(|(one, other)| one != other);
        assert_eq!(other, None, "seed {seed}");
        assert_eq!(first, second, "seed {seed}");
    }
}

#[test]
fn seeds_go_different_ways() {
    let histories = REPEATED.map(|seed| run(seed).outcome.expect("an end").history);
    for (at, history) in histories.iter().enumerate() {
        assert!(histories[at + 1..].iter().all(|other| other != history));
    }
}

fn script(steps: &[(u64, Step)]) -> Script {
    let setting = Setting { routing: Routing::Directed, sends_per_second: 100, skews: [0; 3] };
    Script { setting, steps: steps.to_vec() }
}

#[test]
fn another_script_on_the_same_seed_is_another_run() {
    let send = |count| script(&[(0, Step::Send { device: 0, conversation: 0, count })]);
    let (one, two) = (run_script(1, &send(1)), run_script(1, &send(2)));
    assert_eq!((&one.violations, &two.violations), (&Vec::new(), &Vec::new()));
    assert_ne!(one.outcome, two.outcome);
}

// ---- what once went wrong --------------------------------------------------------------------------------------

/// Whatever the seed adds to it (delays, which node), this script has to hold.
fn holds(steps: &[(u64, Step)]) {
    let script = script(steps);
    for seed in 0..16 {
        assert_eq!(run_script(seed, &script).violations, [], "seed {seed}");
    }
}

/// Nobody may hear anything of another node.
const NUDGES_LOST: Step =
    Step::Bus { manners: Manners { lost: 100, doubled: 0, spread: 0, reorders: false, down: false }, millis: 20_000 };

#[test]
fn a_new_conversation_is_seen_although_nobody_was_told_of_it() {
    holds(&[(0, NUDGES_LOST), (100, Step::Direct { user: 2, other: 3 })]);
}

#[test]
fn who_left_while_all_nudges_are_lost_is_offline_for_everybody() {
    holds(&[(0, NUDGES_LOST), (100, Step::RegistryLost), (200, Step::Close { device: 4 })]);
}

#[test]
fn cursors_that_move_while_a_group_is_described_reach_all_its_members() {
    let slow = Step::Store { trouble: Trouble::Slow(200), millis: 3_000 };
    holds(&[(0, slow), (0, Step::Group { user: 2, others: vec![0, 1, 3] })]);
}

#[test]
fn what_was_written_into_a_group_that_a_backup_does_not_have_is_not_sent_into_the_one_that_is_made_in_its_place() {
    let send = |count| Step::Send { device: 5, conversation: 3, count };
    let steps = [
        (0, Step::Group { user: 3, others: vec![0] }),
        (800, send(1)),
        (500, Step::RollBack { steps: 2 }),
        (50, send(2)),
        (50, Step::Close { device: 5 }),
        (4_000, Step::Group { user: 3, others: vec![1] }),
        (1_000, Step::Open { device: 5 }),
    ];
    holds(&steps);
    // Which it would be: it is in the outbox still, and the other group is there.
    let outcome = run_script(1, &script(&steps)).outcome.expect("an end");
    let kept: Vec<_> = outcome.devices[5].kept.iter().map(|entry| (&entry.text, &entry.state)).collect();
    assert!(
        matches!(&kept[..], [(_, EntryState::Failed { code: ErrorCode::UnknownConversation, .. }), (_, _)]),
        "{kept:?}"
    );
    assert_eq!(outcome.devices[5].shown.len(), 2, "the one that everybody is in, and the new one");
}

#[test]
fn of_a_store_that_takes_over_under_running_nodes_nothing_is_shown_as_a_part_of_the_history_before_it() {
    let send = |device, count| Step::Send { device, conversation: 0, count };
    holds(&[
        (0, send(0, 3)),
        (300, send(2, 3)),
        (300, Step::TakeOver { steps: 1 }),
        (0, send(4, 9)),
        (200, send(0, 9)),
    ]);
}

#[test]
fn a_node_that_slept_while_a_store_took_over_hands_out_nothing_of_the_next_history() {
    let send = |device| Step::Send { device, conversation: 0, count: 3 };
    let freeze = Step::Freeze { slot: 0, millis: 8_000 };
    holds(&[(0, send(0)), (300, freeze), (200, Step::TakeOver { steps: 1 }), (4_000, send(2)), (500, send(4))]);
}

#[test]
fn whose_last_connection_is_found_to_be_dead_just_before_the_end_may_still_count_as_there() {
    // In silence, so that its node takes 45 s to find out.
    let (cut, close) = (Step::Cut { device: 4, silent: true }, Step::Close { device: 4 });
    for pause in (19_000..27_000).step_by(500) {
        let script =
            script(&[(0, cut.clone()), (100, close.clone()), (pause, Step::Typing { device: 0, conversation: 0 })]);
        assert_eq!(run_script(1, &script).violations, [], "after {pause} ms");
    }
}
