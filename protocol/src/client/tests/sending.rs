use super::*;

#[test]
fn a_message_is_kept_before_it_is_written_and_forgotten_once_acknowledged() {
    let mut client = live();
    client.say(START, 1);
    let actions = client.take_actions();
    assert!(matches!(&actions[0], Action::Keep(entry) if entry.key == key(1)));
    assert!(actions.iter().any(|action| matches!(action, Action::Transmit(_, ClientFrame::Send { .. }))));
    assert_eq!((client.outbox(HERE).count(), client.is_settled()), (1, false));
    client.hear(START + 20, ServerFrame::Ack { key: key(1), conversation: HERE, seq: Seq(5), at: 77 });
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
    client.hear(START, ServerFrame::Ack { key: key(1), conversation: HERE, seq: Seq(6), at: 0 });
    client.take_actions();
    assert_eq!(client.deadline(), Some(START + HOLE_GRACE));
    client.tick(START + HOLE_GRACE);
    assert_eq!(client.frames(), [ClientFrame::Fetch { conversation: HERE, from: Seq(5), to: Seq(5) }]);
    let range = ServerFrame::Range { conversation: HERE, from: Seq(5), changes: vec![said(5)], head: Seq(6) };
    client.hear(START + 300, range);
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
    client.hear(START, ServerFrame::Ack { key: key(1), conversation: HERE, seq: Seq(5), at: 0 });
    client.take_actions();
    let now = reopen(&mut client, START);
    assert_eq!(sends(&client.frames()), vec![], "not before the welcome");
    client.hear(now, welcome(epoch(1), 12, false, vec![]));
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
    next.open();
    next.hear(START, welcome(epoch(1), 10, true, vec![conversation(4)]));
    assert_eq!(sends(&next.frames()), [1, 2]);
}

#[test]
fn a_refusal_for_good_is_shown_with_its_text_and_can_be_tried_again_or_given_up() {
    let mut client = live();
    client.say(START, 1);
    let (code, message) = (ErrorCode::NotAMember, "You are not in it.".to_owned());
    client.hear(START, ServerFrame::Refused { key: key(1), code, message, retry_after: None });
    assert!(client.is_settled());
    assert!(client.take_actions().iter().any(|action| matches!(action, Action::Keep(_))));
    client.retry(START, key(1));
    assert_eq!(sends(&client.frames()), [1]);
    let message = String::new();
    client.hear(START, ServerFrame::Refused { key: key(1), code, message, retry_after: None });
    assert_eq!(client.discard(key(1)), Some("message 1".to_owned()));
    assert!(client.take_actions().contains(&Action::Forget(key(1))));
    assert_eq!(client.discard(key(1)), None);
}

#[test]
fn a_message_that_the_node_puts_off_comes_again_when_it_said() {
    let mut client = live();
    client.say(START, 1);
    let (code, message) = (ErrorCode::RateLimited, String::new());
    client.hear(START, ServerFrame::Refused { key: key(1), code, message, retry_after: Some(700) });
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
    client.hear(START, ServerFrame::Change { change: stored });
    assert_eq!(client.outbox(HERE).count(), 1, "it is shown as stored");
    for number in [1, 2] {
        let (code, message) = (ErrorCode::Busy, String::new());
        client.hear(START, ServerFrame::Refused { key: key(number), code, message, retry_after: Some(100) });
    }
    client.take_actions();
    client.tick(START + 100);
    assert_eq!(sends(&client.frames()), [1, 2]);
}
