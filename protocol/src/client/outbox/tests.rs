use super::*;
use uuid::Uuid;

const HERE: ConversationId = ConversationId(7);

fn key(number: u128) -> SendKey {
    SendKey(Uuid::from_u128(number))
}

/// An outbox with messages 1 to `count`, sent in one millisecond.
fn with(count: u128) -> Outbox {
    let mut outbox = Outbox::default();
    for number in 1..=count {
        outbox.push(key(number), HERE, format!("message {number}"), 1_000);
    }
    outbox
}

fn keys(entries: Vec<Entry>) -> Vec<u128> {
    entries.into_iter().map(|entry| entry.key.0.as_u128()).collect()
}

fn all(outbox: &Outbox) -> Vec<u128> {
    keys(outbox.entries().cloned().collect())
}

#[test]
fn messages_are_sent_in_order_and_as_many_at_once_as_the_limit_says() {
    let mut outbox = with(20);
    assert_eq!(keys(outbox.take_sendable(0)), (1..=16).collect::<Vec<_>>());
    assert_eq!((keys(outbox.take_sendable(0)), outbox.in_flight()), (vec![], IN_FLIGHT));
    outbox.acknowledged(key(3));
    outbox.acknowledged(key(1));
    assert_eq!(keys(outbox.take_sendable(0)), [17, 18]);
}

#[test]
fn an_acknowledged_message_is_gone_and_a_second_ack_says_nothing() {
    let mut outbox = with(2);
    outbox.take_sendable(0);
    assert_eq!(outbox.acknowledged(key(1)).map(|entry| entry.text), Some("message 1".to_owned()));
    assert_eq!(outbox.acknowledged(key(1)), None);
    assert_eq!(all(&outbox), [2]);
}

#[test]
fn what_was_kept_comes_back_in_order_and_waits_again_but_for_what_failed() {
    let mut outbox = with(4);
    outbox.take_sendable(0);
    outbox.failed(key(2), ErrorCode::NotAMember, "no".to_owned());
    let mut kept: Vec<_> = outbox.entries().cloned().collect();
    kept.reverse();
    let mut restored = Outbox::new(kept);
    assert_eq!((all(&restored), restored.in_flight()), (vec![1, 2, 3, 4], 0));
    assert_eq!(keys(restored.take_sendable(0)), [1, 3, 4]);
}

#[test]
fn what_is_sent_after_a_reload_stays_behind_what_was_kept_even_if_the_clock_went_back() {
    let mut restored = Outbox::new(with(2).entries().cloned().collect());
    let entry = restored.push(key(9), HERE, "later".to_owned(), 5);
    assert!(entry.created > 1_001);
}

#[test]
fn after_a_lost_socket_everything_waits_again_in_order() {
    let mut outbox = with(3);
    outbox.take_sendable(0);
    outbox.postponed(key(1), 9_000);
    assert_eq!(outbox.socket_lost(), [HERE]);
    assert_eq!((keys(outbox.take_sendable(0)), outbox.blocked_until()), (vec![1, 2, 3], None));
}

#[test]
fn after_being_asked_to_wait_nothing_is_sent_before_all_answers_are_there() {
    let mut outbox = with(3);
    assert_eq!(keys(outbox.take_sendable(0)), [1, 2, 3]);
    outbox.postponed(key(1), 100);
    outbox.push(key(4), HERE, "message 4".to_owned(), 2_000);
    // The time has come, but the refusals of 2 and 3 are on their way: 4 would overtake them.
    assert_eq!((keys(outbox.take_sendable(200)), outbox.blocked_until()), (vec![], None));
    outbox.postponed(key(2), 300);
    outbox.postponed(key(3), 250);
    assert_eq!((keys(outbox.take_sendable(299)), outbox.blocked_until()), (vec![], Some(300)));
    assert_eq!((keys(outbox.take_sendable(300)), outbox.blocked_until()), (vec![1, 2, 3, 4], None));
}

#[test]
fn what_is_seen_in_the_log_is_gone_for_the_user_but_is_sent_again_if_the_node_waits_for_it() {
    let mut outbox = with(2);
    outbox.take_sendable(0);
    assert_eq!(outbox.seen(key(1)).map(|entry| entry.key), Some(key(1)));
    assert_eq!((outbox.seen(key(1)), all(&outbox), outbox.in_flight()), (None, vec![2], 2));
    assert_eq!(outbox.postponed(key(1), 0), None);
    outbox.postponed(key(2), 0);
    assert_eq!(keys(outbox.take_sendable(0)), [1, 2]);
    assert_eq!(outbox.acknowledged(key(1)), None);
    assert_eq!(outbox.in_flight(), 1);
}

#[test]
fn what_is_seen_in_the_log_is_not_sent_at_all_on_a_socket_that_has_not_sent_it() {
    let mut outbox = with(2);
    outbox.take_sendable(0);
    outbox.seen(key(1));
    outbox.socket_lost();
    outbox.seen(key(2));
    assert_eq!((keys(outbox.take_sendable(0)), all(&outbox)), (vec![], vec![]));
}

#[test]
fn a_message_seen_in_the_log_is_not_shown_as_failed() {
    let mut outbox = with(1);
    outbox.take_sendable(0);
    outbox.seen(key(1));
    assert_eq!(outbox.failed(key(1), ErrorCode::NotAMember, "no".to_owned()), None);
    assert_eq!((all(&outbox), outbox.in_flight()), (vec![], 0));
}

#[test]
fn a_failed_message_keeps_its_text_until_it_is_discarded() {
    let mut outbox = with(2);
    outbox.take_sendable(0);
    let failed = outbox.failed(key(1), ErrorCode::MessageTooLong, "too long".to_owned());
    assert!(failed.is_some_and(|entry| matches!(entry.state, EntryState::Failed { .. })));
    assert_eq!(outbox.discard(key(2)), None, "it is on its way");
    assert_eq!(outbox.discard(key(1)).map(|entry| entry.text), Some("message 1".to_owned()));
    assert_eq!(all(&outbox), [2]);
}

#[test]
fn a_failed_message_that_is_tried_again_is_sent_behind_the_others() {
    let mut outbox = with(2);
    outbox.take_sendable(0);
    outbox.failed(key(1), ErrorCode::NotAMember, "no".to_owned());
    let again = outbox.retry(key(1), 500);
    assert!(again.is_some_and(|entry| entry.created > 1_001 && entry.state == EntryState::Waiting));
    assert_eq!((all(&outbox), outbox.retry(key(2), 500)), (vec![2, 1], None));
    assert_eq!(keys(outbox.take_sendable(0)), [1]);
}

#[test]
fn a_state_of_a_later_version_is_read_as_waiting() {
    let entry = r#"{"key":"00000000-0000-0000-0000-000000000001","conversation":7,"text":"kept","created":1,
        "state":{"state":"scheduled","for":99}}"#;
    let entry: Result<Entry, _> = serde_json::from_str(entry);
    assert!(entry.is_ok_and(|entry| entry.state == EntryState::Waiting && entry.text == "kept"));
}
