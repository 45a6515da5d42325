use super::*;

#[test]
fn a_change_is_applied_behind_the_last_one_and_only_once() {
    let mut replica = Replica::new(group(4));
    assert_eq!(replica.hears(said(5)), [5]);
    assert_eq!((replica.hears(said(5)), replica.hears(said(2))), (vec![], vec![]));
    assert_eq!((replica.applied(), replica.fetch_due()), (Seq(5), None));
}

#[test]
fn a_hole_is_fetched_after_a_grace_and_nothing_behind_it_counts_before() {
    let mut replica = Replica::new(group(4));
    assert_eq!(replica.hears(said(7)), NONE);
    assert_eq!((replica.applied(), replica.fetch_due(), replica.unread()), (Seq(4), Some(150), 0));
    assert_eq!((replica.asks(149), replica.asks(150)), (None, Some((5, 6))));
    assert_eq!((replica.asks(5_149), replica.asks(5_150)), (None, Some((5, 6))), "no answer came");
    assert_eq!(seqs(&replica.fetched(ME, said_all(5..=6), Seq(7))), [5, 6, 7]);
    assert_eq!((replica.applied(), replica.fetch_due(), replica.unread()), (Seq(7), None, 3));
}

#[test]
fn a_hole_that_closes_by_itself_is_not_fetched() {
    let mut replica = Replica::new(group(4));
    replica.hears(said(6));
    assert_eq!(replica.hears(said(5)), [5, 6]);
    assert_eq!((replica.asks(1_000), replica.fetch_due()), (None, None));
}

#[test]
fn an_answer_that_does_not_help_is_not_asked_for_again_at_once() {
    let mut replica = Replica::new(group(4));
    replica.hears(said(6));
    assert_eq!(replica.asks(200), Some((5, 5)));
    replica.fetched(ME, vec![], Seq(6));
    assert_eq!((replica.asks(201), replica.fetch_due()), (None, Some(5_200)));
}

#[test]
fn the_next_hole_does_not_wait_for_the_answer_about_one_that_has_closed() {
    let mut replica = Replica::new(group(4));
    replica.hears(said(6));
    assert_eq!(replica.asks(200), Some((5, 5)));
    replica.hears(said(5));
    replica.hears(said(8));
    assert_eq!(replica.asks(400), Some((7, 7)));
}

#[test]
fn a_short_answer_is_followed_by_a_question_for_the_rest() {
    let mut replica = Replica::new(group(4));
    replica.hears(said(9));
    assert_eq!(replica.asks(200), Some((5, 8)));
    assert_eq!(seqs(&replica.fetched(ME, said_all(5..=6), Seq(9))), [5, 6]);
    assert_eq!(replica.asks(200), Some((7, 8)));
}

#[test]
fn a_head_that_an_answer_tells_of_is_fetched_too() {
    let mut replica = Replica::new(group(4));
    replica.hears(said(6));
    replica.asks(200);
    assert_eq!(seqs(&replica.fetched(ME, said_all(5..=5), Seq(8))), [5, 6]);
    assert_eq!(replica.asks(200), Some((7, 8)));
}

#[test]
fn a_question_is_never_for_more_than_an_answer_gives() {
    let mut replica = Replica::new(group(0));
    replica.hears(said(500));
    assert_eq!(replica.asks(200), Some((1, FETCH_CHANGES_U64)));
}

const FETCH_CHANGES_U64: u64 = crate::limits::FETCH_CHANGES;

#[test]
fn what_does_not_fit_behind_a_hole_is_fetched_again() {
    let mut replica = Replica::new(group(0));
    for seq in 2..=AHEAD as u64 + 10 {
        replica.hears(said(seq));
    }
    assert_eq!(replica.asks(200), Some((1, 1)));
    assert_eq!(replica.fetched(ME, said_all(1..=1), Seq(1)).len(), AHEAD + 1);
    assert_eq!(replica.asks(200), Some((AHEAD as u64 + 2, AHEAD as u64 + 10)));
}

#[test]
fn a_lost_socket_takes_the_answer_with_it() {
    let mut replica = Replica::new(group(4));
    replica.hears(said(6));
    assert!(replica.asks(200).is_some());
    replica.socket_lost();
    assert_eq!(replica.asks(201), Some((5, 5)));
}

// ---- holding -------------------------------------------------------------------------------------------------

#[test]
fn the_newest_part_is_fetched_when_it_is_to_be_held() {
    let mut replica = Replica::new(group(30));
    replica.hold_latest(10);
    assert_eq!(replica.asks(0), Some((21, 30)));
    replica.fetched(ME, said_all(21..=30), Seq(30));
    assert_eq!((replica.shows(), replica.has_older()), ((21..=30).collect(), true));
    assert_eq!(replica.hears(said(31)), [31]);
    assert_eq!(replica.shows(), (21..=31).collect::<Vec<_>>());
}

#[test]
fn holding_what_is_held_keeps_what_is_there() {
    let mut replica = Replica::new(group(3));
    replica.holds(1, said_all(1..=3));
    replica.hold_latest(2);
    assert_eq!((replica.shows(), replica.asks(0)), (vec![1, 2, 3], None));
    replica.hold_latest(50);
    assert_eq!((replica.shows(), replica.asks(0)), (vec![1, 2, 3], None));
}

#[test]
fn holding_nothing_of_an_empty_log_shows_what_comes() {
    let mut replica = Replica::new(group(0));
    replica.holds(1, vec![]);
    assert!(replica.is_held() && !replica.has_older());
    assert_eq!((replica.hears(said(1)), replica.shows()), (vec![1], vec![1]));
}

#[test]
fn a_page_that_ends_before_what_is_applied_is_completed() {
    let mut replica = Replica::new(group(4));
    replica.hears(said(5));
    replica.holds(2, said_all(2..=3));
    assert_eq!((replica.shows(), replica.asks(0)), (vec![2, 3], Some((4, 5))));
    assert_eq!(seqs(&replica.fetched(ME, said_all(4..=5), Seq(5))), [4, 5]);
    assert_eq!((replica.shows(), replica.unread()), (vec![2, 3, 4, 5], 1));
}

#[test]
fn a_page_that_reaches_behind_what_is_applied_is_taken_in() {
    let mut replica = Replica::new(group(4));
    assert_eq!(replica.holds(3, said_all(3..=6)), [5, 6]);
    assert_eq!((replica.shows(), replica.unread(), replica.applied()), (vec![3, 4, 5, 6], 2, Seq(6)));
}

#[test]
fn a_page_that_begins_behind_what_is_applied_leaves_nothing_out() {
    let mut replica = Replica::new(group(4));
    assert_eq!(replica.holds(7, said_all(7..=8)), NONE);
    assert_eq!(replica.asks(0), Some((5, 6)));
    replica.fetched(ME, said_all(5..=6), Seq(8));
    assert_eq!((replica.shows(), replica.unread()), (vec![5, 6, 7, 8], 4));
}

#[test]
fn a_page_with_a_hole_in_it_is_fetched_anew() {
    let mut replica = Replica::new(group(4));
    replica.holds(1, vec![said(1), said(3)]);
    assert_eq!((replica.shows(), replica.asks(0)), (vec![], Some((1, 4))));
}

#[test]
fn older_changes_come_in_parts_down_to_the_first_that_the_user_may_see() {
    let mut replica = Replica::new(Conversation { since: Seq(4), ..group(10) });
    replica.holds(9, said_all(9..=10));
    replica.want_older(3);
    assert_eq!(replica.asks(0), Some((6, 8)));
    replica.fetched(ME, said_all(6..=7), Seq(10));
    assert_eq!((replica.shows(), replica.asks(0)), (vec![9, 10], Some((8, 8))), "the answer was short");
    replica.fetched(ME, said_all(8..=8), Seq(10));
    assert_eq!((replica.shows(), replica.asks(0)), ((6..=10).collect(), None));
    replica.want_older(50);
    assert_eq!(replica.asks(0), Some((4, 5)));
    replica.fetched(ME, said_all(4..=5), Seq(10));
    assert_eq!((replica.shows(), replica.has_older()), ((4..=10).collect(), false));
    replica.want_older(50);
    assert_eq!(replica.asks(0), None);
}

#[test]
fn portions_of_older_changes_are_shown_as_soon_as_they_join_on() {
    let mut replica = Replica::new(group(10));
    replica.holds(9, said_all(9..=10));
    replica.want_older(8);
    assert_eq!(replica.asks(0), Some((1, 8)));
    replica.fetched(ME, said_all(6..=8), Seq(10));
    assert_eq!((replica.shows(), replica.asks(1)), ((6..=10).collect(), None), "the other portions are on their way");
    replica.fetched(ME, said_all(1..=2), Seq(10));
    assert_eq!(replica.asks(1), Some((3, 5)));
    replica.fetched(ME, said_all(3..=5), Seq(10));
    assert_eq!((replica.shows(), replica.asks(1)), ((1..=10).collect(), None));
}

#[test]
fn portions_of_what_is_missing_count_once_they_are_all_there() {
    let mut replica = Replica::new(group(4));
    replica.hears(said(11));
    assert_eq!(replica.asks(200), Some((5, 10)));
    replica.fetched(ME, said_all(8..=10), Seq(11));
    assert_eq!((replica.applied(), replica.asks(201)), (Seq(4), None), "the other portions are on their way");
    assert_eq!(seqs(&replica.fetched(ME, said_all(5..=7), Seq(11))), (5..=11).collect::<Vec<_>>());
}

#[test]
fn an_answer_to_an_older_question_is_of_no_use_and_does_no_harm() {
    let mut replica = Replica::new(group(10));
    replica.holds(9, said_all(9..=10));
    replica.want_older(2);
    replica.fetched(ME, said_all(3..=5), Seq(10));
    assert_eq!((replica.shows(), replica.asks(0)), (vec![9, 10], Some((7, 8))));
}

#[test]
fn nothing_older_is_wanted_where_nothing_is_held() {
    let mut replica = Replica::new(group(10));
    replica.want_older(5);
    assert_eq!((replica.asks(0), replica.has_older()), (None, false));
}

#[test]
fn a_log_that_claims_to_be_as_long_as_can_be_breaks_nothing() {
    const MAX: u64 = u64::MAX;
    let mut replica = Replica::new(unread_group(MAX, 1, MAX));
    assert_eq!(replica.hears(said(MAX)), NONE);
    assert_eq!(replica.is_told(unread_group(MAX, 1, MAX)), NONE);
    replica.hold_latest(3);
    assert_eq!(replica.asks(0), Some((MAX - 3, MAX)));
    let all = [MAX - 3, MAX - 2, MAX - 1, MAX];
    assert_eq!(seqs(&replica.fetched(ME, said_all(MAX - 3..=MAX), Seq(MAX))), all);
    assert_eq!((replica.shows(), replica.asks(9_000), replica.unread()), (all.to_vec(), None, MAX));
    replica.keep_latest(0);
    assert_eq!(replica.shows(), NONE);
    let mut replica = Replica::new(group(MAX));
    assert_eq!(replica.holds(MAX - 1, said_all(MAX - 1..=MAX)), NONE);
    assert_eq!(replica.shows(), [MAX - 1, MAX]);
}
