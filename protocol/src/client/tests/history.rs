use super::*;

#[test]
fn what_is_missing_after_a_cut_is_asked_for_with_the_welcome_itself() {
    let mut client = live();
    client.hold(START, HERE, Seq(1), (1..=4).map(said).collect());
    let now = reopen(&mut client, START);
    client.take_actions();
    client.hear(now, welcome(epoch(1), 20, false, vec![conversation(9)]));
    let fetch = ClientFrame::Fetch { conversation: HERE, from: Seq(5), to: Seq(9) };
    assert!(client.frames().contains(&fetch));
}

#[test]
fn what_a_page_wants_to_hold_before_it_is_welcomed_is_asked_for_with_the_welcome() {
    let mut client = Client::new(ME, 1, Vec::new());
    client.seed(epoch(1), Position(10), vec![conversation(4)]);
    client.hold_latest(START, HERE, 10);
    client.connect(START);
    client.open();
    client.hear(START, welcome(epoch(1), 10, false, vec![]));
    assert!(client.frames().contains(&ClientFrame::Fetch { conversation: HERE, from: Seq(1), to: Seq(4) }));
}

#[test]
fn what_a_page_brought_is_told_as_delivered() {
    let mut client = Client::new(ME, 1, Vec::new());
    let mut given = conversation(4);
    given.members[0].delivered = Seq(2);
    client.seed(epoch(1), Position(10), vec![given]);
    client.connect(START);
    client.open();
    client.hear(START, welcome(epoch(1), 10, false, vec![]));
    assert!(client.frames().contains(&ClientFrame::Cursor { conversation: HERE, delivered: Seq(4), read: Seq(0) }));
}

#[test]
fn a_reading_that_a_cut_swallowed_is_told_again() {
    let mut client = live();
    client.hear(START, ServerFrame::Change { change: said(5) });
    client.read(START, HERE, Seq(5));
    client.tick(START + 1_000);
    client.take_actions();
    let now = reopen(&mut client, START + 1_100);
    client.hear(now + 1_000, welcome(epoch(1), 10, false, vec![]));
    let told = ClientFrame::Cursor { conversation: HERE, delivered: Seq(5), read: Seq(5) };
    assert!(client.frames().contains(&told));
}

#[test]
fn another_history_voids_everything_but_the_outbox_and_what_was_held_is_held_again() {
    let mut client = live();
    client.hold(START, HERE, Seq(1), (1..=4).map(said).collect());
    client.say(START, 1);
    let now = reopen(&mut client, START);
    client.take_actions();
    client.hear(now, welcome(epoch(2), 3, true, vec![conversation(2)]));
    let actions = client.take_actions();
    assert!(actions.contains(&Action::Notify(Event::Reset)));
    assert!(!actions.iter().any(|action| matches!(action, Action::Forget(_))));
    let written: Vec<_> = actions.into_iter().filter(|action| matches!(action, Action::Transmit(..))).collect();
    let fetch = Action::Transmit(client.socket, ClientFrame::Fetch { conversation: HERE, from: Seq(1), to: Seq(2) });
    assert!(written.contains(&fetch), "{written:?}");
    assert_eq!(client.position(), (Some(epoch(2)), Position(3)));
    assert_eq!(client.replica(HERE).map(|replica| (replica.is_held(), replica.held().len())), Some((true, 0)));
    assert_eq!(client.outbox(HERE).count(), 1);
}

#[test]
fn another_history_is_another_one_even_if_it_is_longer() {
    let mut client = live();
    client.hold(START, HERE, Seq(1), (1..=4).map(said).collect());
    let now = reopen(&mut client, START);
    client.hear(now, welcome(epoch(2), 30, true, vec![conversation(9)]));
    assert_eq!(client.replica(HERE).map(|replica| replica.held().len()), Some(0));
}

/// What a client does that has just found out that its history has lost something.
fn starts_over(client: &mut Client, now: Millis) {
    assert!(client.events().contains(&Event::Reset));
    assert!(matches!(client.link(), Link::Waiting(_)));
    assert_eq!(client.replicas().count(), 0);
    let again = client.deadline().unwrap_or(now);
    assert!(again > now, "not at once, lest two that disagree spin");
    client.tick(again);
    client.open();
    assert!(client.frames().contains(&ClientFrame::Hello { epoch: None, position: Position(0), after: Some(1006) }));
    client.hear(again, welcome(epoch(1), 3, true, vec![conversation(2)]));
    assert_eq!((client.link(), client.replica(HERE).map(Replica::applied)), (Link::Live, Some(Seq(2))));
}

#[test]
fn a_position_that_went_back_within_a_history_makes_the_client_ask_for_everything() {
    let mut client = live();
    let now = reopen(&mut client, START);
    client.take_actions();
    client.hear(now, welcome(epoch(1), 9, false, vec![]));
    starts_over(&mut client, now);
}

#[test]
fn a_log_that_went_back_makes_the_client_ask_for_everything() {
    let mut client = live();
    let now = reopen(&mut client, START);
    client.take_actions();
    client.hear(now, welcome(epoch(1), 11, false, vec![conversation(3)]));
    starts_over(&mut client, now);
}

#[test]
fn a_cursor_beyond_the_head_makes_the_client_ask_for_everything() {
    let mut client = live();
    let (code, message) = (ErrorCode::CursorBeyondHead, String::new());
    client.hear(START, ServerFrame::Error { code, message, conversation: Some(HERE) });
    starts_over(&mut client, START);
}

#[test]
fn a_complete_welcome_takes_away_what_it_does_not_name_and_a_short_one_what_it_says() {
    let mut client = live();
    let now = reopen(&mut client, START);
    client.hear(now, welcome(epoch(1), 11, true, vec![]));
    assert!(client.events().contains(&Event::Left(HERE)));
    let mut client = live();
    let now = reopen(&mut client, START);
    client.hear(now, welcome(epoch(1), 11, false, vec![]));
    assert_eq!(client.replicas().count(), 1);
    client.hear(now, ServerFrame::Left { conversation: HERE });
    assert_eq!(client.replicas().count(), 0);
}

#[test]
fn what_waited_behind_a_hole_that_a_description_fills_is_told_as_applied() {
    let mut client = live();
    client.hear(START, ServerFrame::Change { change: said(7) });
    client.take_actions();
    client.hear(START, ServerFrame::Conversation { conversation: conversation(6) });
    assert!(client.events().contains(&Event::Applied(HERE, vec![said(7)])));
}

#[test]
fn a_conversation_that_was_left_keeps_its_newest_part_and_can_be_scrolled_back_again() {
    let mut client = live();
    client.hold(START, HERE, Seq(1), (1..=4).map(said).collect());
    client.keep_latest(HERE, 2);
    let held = |client: &Client| client.replica(HERE).map(|replica| replica.held().to_vec()).unwrap_or_default();
    assert_eq!(held(&client), [said(3), said(4)]);
    assert_eq!(client.replica(HERE).map(Replica::has_older), Some(true));
    client.take_actions();
    client.load_older(START, HERE, 10);
    assert_eq!(client.frames(), [ClientFrame::Fetch { conversation: HERE, from: Seq(1), to: Seq(2) }]);
    let changes = (1..=2).map(said).collect();
    client.hear(START, ServerFrame::Range { conversation: HERE, from: Seq(1), changes, head: Seq(4) });
    assert_eq!(held(&client), [said(1), said(2), said(3), said(4)]);
}
