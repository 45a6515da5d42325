use super::*;

// ---- sending -------------------------------------------------------------------------------------------------

#[test]
fn a_message_is_kept_before_it_is_written_and_forgotten_once_acknowledged() {
    let mut client = live();
    client.say(START, 1);
    let actions = client.take_actions();
    assert!(matches!(&actions[0], Action::Keep(entry) if entry.key == key(1)));
    assert!(actions.iter().any(|action| matches!(action, Action::Transmit(ClientFrame::Send { .. }))));
    assert_eq!((client.outbox(HERE).count(), client.is_settled()), (1, false));
    client.received(START + 20, ServerFrame::Ack { key: key(1), conversation: HERE, seq: Seq(5), at: 77 });
    let actions = client.take_actions();
    assert!(actions.contains(&Action::Forget(key(1))));
    let body = ChangeBody::Posted { text: "message 1".to_owned() };
    let own = Change { conversation: HERE, seq: Seq(5), at: 77, author: ME, key: Some(key(1)), body };
    assert!(actions.contains(&Action::Notify(Event::Applied(HERE, vec![own]))));
    assert_eq!((client.outbox(HERE).count(), client.is_settled()), (0, true));
}

#[test]
fn an_ack_that_overtakes_another_change_leaves_a_hole_that_is_fetched() {
    let mut client = live();
    client.say(START, 1);
    client.received(START, ServerFrame::Ack { key: key(1), conversation: HERE, seq: Seq(6), at: 0 });
    client.take_actions();
    assert_eq!(client.deadline(), Some(START + HOLE_GRACE));
    client.tick(START + HOLE_GRACE);
    assert_eq!(client.frames(), [ClientFrame::Fetch { conversation: HERE, from: Seq(5), to: Seq(5) }]);
    let range = ServerFrame::Range { conversation: HERE, from: Seq(5), changes: vec![said(5)], head: Seq(6) };
    client.received(START + 300, range);
    let shown = client.events().into_iter().find_map(|event| match event {
        Event::Applied(_, changes) => Some(changes.iter().map(|change| change.seq.0).collect::<Vec<_>>()),
        _ => None,
    });
    assert_eq!(shown, Some(vec![5, 6]));
}

#[test]
fn what_a_cut_left_unanswered_is_sent_again_in_order() {
    let mut client = live();
    (1..=3).for_each(|number| client.say(START, number));
    client.received(START, ServerFrame::Ack { key: key(1), conversation: HERE, seq: Seq(5), at: 0 });
    client.take_actions();
    let now = reopen(&mut client, START);
    assert_eq!(sends(&client.frames()), vec![], "not before the welcome");
    client.received(now, welcome(epoch(1), 12, false, vec![]));
    assert_eq!(sends(&client.frames()), [2, 3]);
}

#[test]
fn what_was_kept_is_sent_by_the_next_page() {
    let mut client = live();
    client.say(START, 1);
    client.say(START, 2);
    let kept = client.outbox(HERE).cloned().collect();
    let mut next = Client::new(ME, 2, kept);
    next.connect(START);
    next.opened(START);
    next.received(START, welcome(epoch(1), 10, true, vec![conversation(4)]));
    assert_eq!(sends(&next.frames()), [1, 2]);
}

#[test]
fn a_refusal_for_good_is_shown_with_its_text_and_can_be_tried_again_or_given_up() {
    let mut client = live();
    client.say(START, 1);
    let (code, message) = (ErrorCode::NotAMember, "You are not in it.".to_owned());
    client.received(START, ServerFrame::Refused { key: key(1), code, message, retry_after: None });
    assert!(client.is_settled());
    assert!(client.take_actions().iter().any(|action| matches!(action, Action::Keep(_))));
    client.retry(START, key(1));
    assert_eq!(sends(&client.frames()), [1]);
    let message = String::new();
    client.received(START, ServerFrame::Refused { key: key(1), code, message, retry_after: None });
    assert_eq!(client.discard(key(1)), Some("message 1".to_owned()));
    assert!(client.take_actions().contains(&Action::Forget(key(1))));
    assert_eq!(client.discard(key(1)), None);
}

#[test]
fn a_message_that_the_node_puts_off_comes_again_when_it_said() {
    let mut client = live();
    client.say(START, 1);
    let (code, message) = (ErrorCode::RateLimited, String::new());
    client.received(START, ServerFrame::Refused { key: key(1), code, message, retry_after: Some(700) });
    client.say(START + 100, 2);
    assert_eq!(sends(&client.frames()), [1]);
    assert_eq!(client.deadline(), Some(START + 700));
    client.tick(START + 700);
    assert_eq!(sends(&client.frames()), [1, 2]);
}

#[test]
fn a_node_that_waits_for_a_message_gets_it_even_if_it_was_seen_in_the_log_meanwhile() {
    let mut client = live();
    client.say(START, 1);
    client.say(START, 2);
    let body = ChangeBody::Posted { text: "message 1".to_owned() };
    let stored = Change { conversation: HERE, seq: Seq(5), at: 0, author: ME, key: Some(key(1)), body };
    client.received(START, ServerFrame::Change { change: stored });
    assert_eq!(client.outbox(HERE).count(), 1, "it is shown as stored");
    for number in [1, 2] {
        let (code, message) = (ErrorCode::Busy, String::new());
        client.received(START, ServerFrame::Refused { key: key(number), code, message, retry_after: Some(100) });
    }
    client.take_actions();
    client.tick(START + 100);
    assert_eq!(sends(&client.frames()), [1, 2]);
}

// ---- the welcome ---------------------------------------------------------------------------------------------

#[test]
fn what_is_missing_after_a_cut_is_asked_for_with_the_welcome_itself() {
    let mut client = live();
    client.hold(START, HERE, Seq(1), (1..=4).map(said).collect());
    let now = reopen(&mut client, START);
    client.take_actions();
    client.received(now, welcome(epoch(1), 20, false, vec![conversation(9)]));
    let fetch = ClientFrame::Fetch { conversation: HERE, from: Seq(5), to: Seq(9) };
    assert!(client.frames().contains(&fetch));
}

#[test]
fn what_a_page_wants_to_hold_before_it_is_welcomed_is_asked_for_with_the_welcome() {
    let mut client = Client::new(ME, 1, Vec::new());
    client.seed(epoch(1), Position(10), vec![conversation(4)]);
    client.hold_latest(START, HERE, 10);
    client.connect(START);
    client.opened(START);
    client.received(START, welcome(epoch(1), 10, false, vec![]));
    assert!(client.frames().contains(&ClientFrame::Fetch { conversation: HERE, from: Seq(1), to: Seq(4) }));
}

#[test]
fn what_a_page_brought_is_told_as_delivered() {
    let mut client = Client::new(ME, 1, Vec::new());
    let mut given = conversation(4);
    given.members[0].delivered = Seq(2);
    client.seed(epoch(1), Position(10), vec![given]);
    client.connect(START);
    client.opened(START);
    client.received(START, welcome(epoch(1), 10, false, vec![]));
    assert!(client.frames().contains(&ClientFrame::Cursor { conversation: HERE, delivered: Seq(4), read: Seq(0) }));
}

#[test]
fn a_reading_that_a_cut_swallowed_is_told_again() {
    let mut client = live();
    client.received(START, ServerFrame::Change { change: said(5) });
    client.read(START, HERE, Seq(5));
    client.tick(START + 1_000);
    client.take_actions();
    let now = reopen(&mut client, START + 1_100);
    client.received(now + 1_000, welcome(epoch(1), 10, false, vec![]));
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
    client.received(now, welcome(epoch(2), 3, true, vec![conversation(2)]));
    let actions = client.take_actions();
    assert!(actions.contains(&Action::Notify(Event::Reset)));
    assert!(!actions.iter().any(|action| matches!(action, Action::Forget(_))));
    let written: Vec<_> = actions.into_iter().filter(|action| matches!(action, Action::Transmit(_))).collect();
    let fetch = Action::Transmit(ClientFrame::Fetch { conversation: HERE, from: Seq(1), to: Seq(2) });
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
    client.received(now, welcome(epoch(2), 30, true, vec![conversation(9)]));
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
    client.opened(again);
    assert!(client.frames().contains(&ClientFrame::Hello { epoch: None, position: Position(0) }));
    client.received(again, welcome(epoch(1), 3, true, vec![conversation(2)]));
    assert_eq!((client.link(), client.replica(HERE).map(Replica::applied)), (Link::Live, Some(Seq(2))));
}

#[test]
fn a_position_that_went_back_within_a_history_makes_the_client_ask_for_everything() {
    let mut client = live();
    let now = reopen(&mut client, START);
    client.take_actions();
    client.received(now, welcome(epoch(1), 9, false, vec![]));
    starts_over(&mut client, now);
}

#[test]
fn a_log_that_went_back_makes_the_client_ask_for_everything() {
    let mut client = live();
    let now = reopen(&mut client, START);
    client.take_actions();
    client.received(now, welcome(epoch(1), 11, false, vec![conversation(3)]));
    starts_over(&mut client, now);
}

#[test]
fn a_cursor_beyond_the_head_makes_the_client_ask_for_everything() {
    let mut client = live();
    let (code, message) = (ErrorCode::CursorBeyondHead, String::new());
    client.received(START, ServerFrame::Error { code, message, conversation: Some(HERE) });
    starts_over(&mut client, START);
}

#[test]
fn a_complete_welcome_takes_away_what_it_does_not_name_and_a_short_one_what_it_says() {
    let mut client = live();
    let now = reopen(&mut client, START);
    client.received(now, welcome(epoch(1), 11, true, vec![]));
    assert!(client.events().contains(&Event::Left(HERE)));
    let mut client = live();
    let now = reopen(&mut client, START);
    client.received(now, welcome(epoch(1), 11, false, vec![]));
    assert_eq!(client.replicas().count(), 1);
    client.received(now, ServerFrame::Left { conversation: HERE });
    assert_eq!(client.replicas().count(), 0);
}

#[test]
fn what_waited_behind_a_hole_that_a_description_fills_is_told_as_applied() {
    let mut client = live();
    client.received(START, ServerFrame::Change { change: said(7) });
    client.take_actions();
    client.received(START, ServerFrame::Conversation { conversation: conversation(6) });
    assert!(client.events().contains(&Event::Applied(HERE, vec![said(7)])));
}

// ---- everything else -----------------------------------------------------------------------------------------

#[test]
fn an_own_cursor_without_a_count_is_asked_about() {
    let mut client = live();
    let (delivered, read) = (Seq(4), Seq(4));
    let cursor = ServerFrame::Cursor { conversation: HERE, user: ME, delivered, read, unread: None, head: Seq(0) };
    client.received(START, cursor);
    client.tick(START + 1_000);
    assert_eq!(client.frames(), [ClientFrame::Cursor { conversation: HERE, delivered, read }]);
}

#[test]
fn a_cursor_that_the_store_could_not_take_is_told_again_and_the_user_is_not_bothered() {
    let mut client = live();
    client.received(START, ServerFrame::Change { change: said(5) });
    client.take_actions();
    let (code, message) = (ErrorCode::StoreUnavailable, String::new());
    client.received(START + 50, ServerFrame::Error { code, message: message.clone(), conversation: Some(HERE) });
    assert_eq!((client.deadline(), client.events()), (Some(START + 1_000), vec![]));
    client.tick(START + 1_000);
    let told = ClientFrame::Cursor { conversation: HERE, delivered: Seq(5), read: Seq(0) };
    assert_eq!(client.frames(), [told]);
    client.received(
        START,
        ServerFrame::Error { code: ErrorCode::Forbidden, message: message.clone(), conversation: None },
    );
    assert_eq!(client.events(), [Event::Refused(ErrorCode::Forbidden, message)]);
}

#[test]
fn writing_is_told_at_most_every_few_seconds_and_only_when_live() {
    let mut client = live();
    client.typing(START, HERE);
    client.typing(START + TYPING_EVERY - 1, HERE);
    client.typing(START + TYPING_EVERY, HERE);
    assert_eq!(client.frames().len(), 2);
    client.network_lost();
    client.typing(START + 60_000, HERE);
    assert_eq!(client.frames(), []);
}

#[test]
fn who_is_watched_is_told_once_and_again_after_every_welcome() {
    let mut client = live();
    client.watch(vec![BEN, ME, BEN]);
    client.watch(vec![ME, BEN]);
    let watch = ClientFrame::Watch { users: vec![ME, BEN] };
    assert_eq!(client.frames(), std::slice::from_ref(&watch));
    let now = reopen(&mut client, START);
    client.received(now, welcome(epoch(1), 10, false, vec![]));
    assert!(client.frames().contains(&watch));
}

#[test]
fn signals_reach_the_user_interface() {
    let mut client = live();
    client.received(START, ServerFrame::Typing { conversation: HERE, user: BEN });
    client.received(START, ServerFrame::Health { degraded: true });
    client.received(START, ServerFrame::Health { degraded: true });
    client.received(START, ServerFrame::Presence { users: vec![] });
    client.received(START, ServerFrame::Unknown);
    assert_eq!(client.events(), [Event::Typing(HERE, BEN), Event::Health, Event::Presence(vec![])]);
    assert!(client.is_degraded());
}

#[test]
fn a_change_of_a_conversation_that_is_not_known_is_ignored() {
    let mut client = live();
    client.received(START, ServerFrame::Change { change: Change { conversation: ConversationId(8), ..said(5) } });
    assert_eq!(client.take_actions(), []);
}
