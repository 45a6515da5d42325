use super::*;

#[test]
fn an_own_cursor_without_a_count_is_asked_about() {
    let mut client = live();
    let (delivered, read) = (Seq(4), Seq(4));
    let cursor = ServerFrame::Cursor { conversation: HERE, user: ME, delivered, read, unread: None, head: Seq(0) };
    client.hear(START, cursor);
    client.tick(START + 1_000);
    assert_eq!(client.frames(), [ClientFrame::Cursor { conversation: HERE, delivered, read }]);
}

#[test]
fn a_cursor_that_the_store_could_not_take_is_told_again_and_the_user_is_not_bothered() {
    let mut client = live();
    client.hear(START, ServerFrame::Change { change: said(5) });
    client.take_actions();
    let (code, message) = (ErrorCode::StoreUnavailable, String::new());
    client.hear(START + 50, ServerFrame::Error { code, message: message.clone(), conversation: Some(HERE) });
    assert_eq!((client.deadline(), client.events()), (Some(START + 1_000), vec![]));
    client.tick(START + 1_000);
    let told = ClientFrame::Cursor { conversation: HERE, delivered: Seq(5), read: Seq(0) };
    assert_eq!(client.frames(), [told]);
    client.hear(START, ServerFrame::Error { code: ErrorCode::Forbidden, message: message.clone(), conversation: None });
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
    client.hear(now, welcome(epoch(1), 10, false, vec![]));
    assert!(client.frames().contains(&watch));
}

#[test]
fn signals_reach_the_user_interface() {
    let mut client = live();
    client.hear(START, ServerFrame::Typing { conversation: HERE, user: BEN });
    client.hear(START, ServerFrame::Health { degraded: true });
    client.hear(START, ServerFrame::Health { degraded: true });
    client.hear(START, ServerFrame::Presence { users: vec![] });
    client.hear(START, ServerFrame::Unknown);
    assert_eq!(client.events(), [Event::Typing(HERE, BEN), Event::Health, Event::Presence(vec![])]);
    assert!(client.is_degraded());
}

#[test]
fn a_change_of_a_conversation_that_is_not_known_is_ignored() {
    let mut client = live();
    client.hear(START, ServerFrame::Change { change: Change { conversation: ConversationId(8), ..said(5) } });
    assert_eq!(client.take_actions(), []);
}
