use super::*;

#[test]
fn changes_keep_name_owner_and_last_message_up_to_date() {
    let mut replica = Replica::new(group(1));
    replica.hears(change(2, ME, ChangeBody::Renamed { name: "Supper".to_owned() }));
    replica.hears(change(3, ME, ChangeBody::OwnerChanged { owner: BEN }));
    replica.hears(said(4));
    replica.hears(change(5, ME, ChangeBody::Unknown));
    let known = replica.conversation();
    assert_eq!((known.name.as_deref(), known.owner), (Some("Supper"), Some(BEN)));
    assert_eq!((known.last_message.clone(), known.head), (Some(said(4)), Seq(5)));
}

#[test]
fn people_come_with_their_cursors_before_what_they_may_see_and_go() {
    let mut replica = Replica::new(group(4));
    replica.hears(change(5, ME, ChangeBody::MembersAdded { members: vec![user(UserId(0)), user(EVE)] }));
    let members = &replica.conversation().members;
    assert_eq!(members.iter().map(|member| member.user.id.0).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert_eq!(replica.conversation().member(EVE), Some(&Member { since: Seq(5), ..member(EVE, 4, 4) }));
    replica.hears(change(6, ME, ChangeBody::MemberRemoved { member: EVE }));
    replica.hears(change(7, ME, ChangeBody::MemberRemoved { member: EVE }));
    assert_eq!(replica.conversation().member(EVE), None);
    assert_eq!(replica.conversation().former, [user(EVE)], "the log still speaks of them");
    replica.hears(change(8, ME, ChangeBody::MembersAdded { members: vec![user(EVE)] }));
    assert!(replica.conversation().former.is_empty());
}

#[test]
fn a_cursor_that_overtakes_the_change_which_adds_its_member_is_not_forgotten() {
    let mut replica = Replica::new(group(4));
    assert!(!replica.cursor_moved(EVE, Seq(6), Seq(5), None));
    replica.hears(change(5, ME, ChangeBody::MembersAdded { members: vec![user(EVE)] }));
    assert_eq!(replica.conversation().member(EVE), Some(&Member { since: Seq(5), ..member(EVE, 6, 5) }));
}

#[test]
fn a_cursor_that_overtakes_removal_and_return_of_its_member_is_not_forgotten() {
    let mut replica = Replica::new(group(4));
    replica.cursor_moved(BEN, Seq(6), Seq(6), None);
    replica.hears(change(5, ME, ChangeBody::MemberRemoved { member: BEN }));
    replica.hears(change(6, ME, ChangeBody::MembersAdded { members: vec![user(BEN)] }));
    assert_eq!(replica.conversation().member(BEN), Some(&Member { since: Seq(6), ..member(BEN, 6, 6) }));
}

#[test]
fn a_newer_description_replaces_all_but_cursors_that_were_further() {
    let mut replica = Replica::new(group(4));
    replica.cursor_moved(BEN, Seq(6), Seq(6), None);
    let given = Conversation { name: Some("Supper".to_owned()), ..group(5) };
    replica.is_told(given.clone());
    let members = vec![member(ME, 5, 5), member(BEN, 6, 6)];
    assert_eq!(replica.conversation(), &Conversation { members, ..given });
    assert_eq!((replica.applied(), replica.asks(0)), (Seq(5), None));
}

#[test]
fn a_description_that_changes_have_overtaken_tells_names_of_people_and_cursors_only() {
    let mut replica = Replica::new(group(4));
    replica.hears(change(5, ME, ChangeBody::Renamed { name: "Supper".to_owned() }));
    let mut given = group(4);
    given.members[1] = Member { user: User { display_name: "Benjamin".to_owned(), ..user(BEN) }, ..member(BEN, 4, 4) };
    replica.is_told(given);
    let known = replica.conversation();
    assert_eq!((known.name.as_deref(), known.head), (Some("Supper"), Seq(5)));
    assert_eq!(known.member(BEN).map(|member| member.user.display_name.as_str()), Some("Benjamin"));
}

#[test]
fn a_description_that_a_removal_has_overtaken_tells_what_who_is_gone_is_called() {
    let mut replica = Replica::new(Conversation { members: vec![member(ME, 4, 4), member(EVE, 4, 4)], ..group(4) });
    let mut read_before = replica.conversation().clone();
    read_before.members[1].user.display_name = "Eve, anew".to_owned();
    replica.hears(change(5, ME, ChangeBody::MemberRemoved { member: EVE }));
    replica.describe(ME, read_before);
    assert_eq!(replica.conversation().member(EVE), None);
    assert_eq!(replica.conversation().former[0].display_name, "Eve, anew");
}

#[test]
fn a_description_fills_a_hole_where_nothing_is_held_and_lets_go_on_what_is_behind() {
    let mut replica = Replica::new(group(4));
    replica.hears(said(7));
    assert_eq!(replica.is_told(unread_group(6, 4, 2)), [7]);
    assert_eq!((replica.applied(), replica.unread(), replica.fetch_due()), (Seq(7), 3, None));
}

#[test]
fn what_a_description_contains_is_fetched_for_the_held_log_and_takes_no_effect_again() {
    let mut replica = Replica::new(group(4));
    replica.holds(3, said_all(3..=4));
    let given = Conversation { name: Some("Last".to_owned()), last_message: Some(said(6)), ..unread_group(7, 4, 2) };
    assert_eq!(replica.is_told(given), NONE);
    assert_eq!((replica.asks(0), replica.shows()), (Some((5, 7)), vec![3, 4]));
    let first = change(7, ME, ChangeBody::Renamed { name: "First".to_owned() });
    assert_eq!(seqs(&replica.fetched(ME, vec![said(5), said(6), first], Seq(7))), [5, 6, 7]);
    let known = replica.conversation();
    assert_eq!((known.name.as_deref(), known.unread), (Some("Last"), 2));
    assert_eq!(replica.shows(), [3, 4, 5, 6, 7]);
}

#[test]
fn what_is_fetched_again_for_the_held_log_takes_no_effect_again() {
    let mut replica = Replica::new(group(4));
    replica.hears(said(5));
    replica.hears(said(6));
    replica.hold_latest(2);
    replica.fetched(ME, said_all(5..=5), Seq(6));
    assert_eq!(replica.conversation().last_message, Some(said(6)));
}

#[test]
fn after_a_very_long_absence_the_newest_part_is_held_instead() {
    let mut replica = Replica::new(group(4));
    replica.holds(1, said_all(1..=4));
    replica.is_told(group(4 + LARGEST_GAP + 1));
    assert_eq!((replica.shows(), replica.asks(0)), (vec![], Some((1_906, 2_005))));
}

#[test]
fn whoever_comes_back_into_a_group_does_not_go_on_from_what_they_held() {
    let mut replica = Replica::new(group(4));
    replica.holds(1, said_all(1..=4));
    replica.is_told(Conversation { since: Seq(9), ..group(10) });
    assert_eq!((replica.shows(), replica.asks(0), replica.has_older()), (vec![], Some((9, 10)), false));
}

#[test]
fn a_members_cursors_only_move_forward() {
    let mut replica = Replica::new(group(9));
    assert!(!replica.cursor_moved(BEN, Seq(3), Seq(2), None));
    assert!(replica.cursor_moved(BEN, Seq(11), Seq(2), None));
    assert_eq!(replica.conversation().member(BEN), Some(&member(BEN, 11, 9)));
}

#[test]
fn a_device_tells_of_what_it_received_and_read_until_the_node_knows_it() {
    let mut replica = Replica::new(Conversation { members: vec![member(ME, 2, 1)], ..group(4) });
    assert_eq!(replica.untold(ME), None);
    assert!(replica.mark_delivered(ME) && !replica.mark_delivered(ME));
    assert!(replica.read(ME, Seq(3)) && !replica.read(ME, Seq(3)) && !replica.read(ME, Seq(1)));
    assert_eq!(replica.untold(ME), Some((Seq(4), Seq(3))));
    replica.cursor_moved(ME, Seq(4), Seq(3), Some((1, Seq(4))));
    assert_eq!(replica.untold(ME), None);
}

#[test]
fn nobody_reads_beyond_what_is_applied() {
    let mut replica = Replica::new(unread_group(4, 1, 3));
    assert!(replica.read(ME, Seq(99)));
    assert_eq!(replica.cursors(), (Seq(4), Seq(4)));
}
