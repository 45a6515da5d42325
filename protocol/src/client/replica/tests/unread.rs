use super::*;

impl Replica {
    /// The node's answer to a cursor, here or on another device of the user.
    fn echo(&mut self, read: u64, unread: u64, head: u64) {
        self.cursor_moved(ME, Seq(head), Seq(read), Some((unread, Seq(head))));
    }
}

#[test]
fn messages_by_others_count_and_nothing_else() {
    let mut replica = Replica::new(group(4));
    replica.hears(said(5));
    replica.hears(said_by(ME, 6));
    replica.hears(change(7, BEN, ChangeBody::Unknown));
    assert_eq!(replica.unread(), 1);
}

#[test]
fn a_change_that_the_description_has_counted_does_not_count_again() {
    let mut replica = Replica::new(unread_group(5, 4, 1));
    replica.hears(said(5));
    replica.hears(said(6));
    assert_eq!(replica.unread(), 2);
}

#[test]
fn a_description_that_comes_after_the_change_it_has_counted_does_not_count_it_again() {
    let mut replica = Replica::new(group(4));
    replica.hears(said(5));
    replica.is_told(unread_group(5, 4, 1));
    assert_eq!(replica.unread(), 1);
}

#[test]
fn a_description_from_before_a_change_does_not_take_its_count_away() {
    let mut replica = Replica::new(group(4));
    replica.hears(said(5));
    replica.is_told(group(4));
    assert_eq!(replica.unread(), 1);
}

#[test]
fn reading_to_the_end_counts_at_once_and_the_nodes_answer_changes_nothing() {
    let mut replica = Replica::new(unread_group(5, 1, 4));
    replica.read(ME, Seq(5));
    assert_eq!(replica.unread(), 0);
    replica.hears(said(6));
    assert_eq!(replica.unread(), 1);
    replica.echo(5, 0, 5);
    assert_eq!(replica.unread(), 1, "the answer was counted before the last message");
    replica.echo(5, 1, 6);
    assert_eq!(replica.unread(), 1);
}

#[test]
fn a_message_that_the_answer_has_counted_does_not_count_again_when_it_comes() {
    let mut replica = Replica::new(unread_group(5, 1, 4));
    replica.read(ME, Seq(5));
    replica.echo(5, 1, 6);
    assert_eq!(replica.unread(), 1);
    replica.hears(said(6));
    assert_eq!(replica.unread(), 1);
}

#[test]
fn reading_half_way_counts_at_once_where_the_log_is_held() {
    let mut replica = Replica::new(unread_group(6, 2, 3));
    replica.holds(3, vec![said(3), said_by(ME, 4), said(5), said(6)]);
    replica.read(ME, Seq(4));
    assert_eq!(replica.unread(), 2);
    replica.hears(said(7));
    assert_eq!(replica.unread(), 3);
}

#[test]
fn reading_half_way_waits_for_the_nodes_number_where_it_is_not() {
    let mut replica = Replica::new(unread_group(6, 2, 3));
    replica.read(ME, Seq(4));
    assert_eq!(replica.unread(), 3);
    replica.echo(4, 2, 6);
    assert_eq!(replica.unread(), 2);
}

#[test]
fn reading_on_another_device_counts_here_with_what_came_since() {
    let mut replica = Replica::new(unread_group(6, 2, 4));
    replica.hears(said(7));
    replica.hears(said(8));
    replica.echo(6, 1, 7);
    assert_eq!((replica.unread(), replica.cursors().1), (2, Seq(6)));
    assert!(!replica.read(ME, Seq(5)), "they have read further elsewhere");
}

#[test]
fn an_answer_that_a_later_one_has_overtaken_says_nothing() {
    let mut replica = Replica::new(unread_group(6, 2, 4));
    replica.echo(5, 1, 6);
    replica.echo(3, 3, 6);
    assert_eq!(replica.unread(), 1);
}

#[test]
fn a_description_from_before_a_reading_does_not_bring_the_count_back() {
    let mut replica = Replica::new(unread_group(6, 2, 4));
    replica.echo(5, 1, 6);
    replica.is_told(unread_group(6, 2, 4));
    assert_eq!(replica.unread(), 1);
}

#[test]
fn a_welcome_that_does_not_know_of_a_reading_yet_does_not_bring_the_count_back() {
    let mut replica = Replica::new(unread_group(6, 2, 4));
    replica.holds(3, said_all(3..=6));
    replica.read(ME, Seq(5));
    replica.is_told(unread_group(7, 2, 5));
    replica.fetched(ME, vec![said(7)], Seq(7));
    assert_eq!(replica.unread(), 2);
    replica.read(ME, Seq(7));
    replica.is_told(unread_group(7, 2, 5));
    assert_eq!(replica.unread(), 0);
}

#[test]
fn what_is_fetched_again_for_the_held_log_does_not_count_again() {
    let mut replica = Replica::new(group(4));
    replica.hears(said(5));
    replica.hears(said(6));
    replica.hold_latest(2);
    replica.fetched(ME, said_all(5..=6), Seq(6));
    assert_eq!((replica.shows(), replica.unread()), (vec![5, 6], 2));
}

#[test]
fn the_count_of_a_description_that_changes_have_overtaken_is_used_if_it_knows_more_reading() {
    let mut replica = Replica::new(unread_group(6, 2, 4));
    replica.hears(said(7));
    replica.is_told(unread_group(6, 5, 1));
    assert_eq!(replica.unread(), 2);
}
