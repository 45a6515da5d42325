use super::*;

const OLD: Socket = Socket(1);
const NEW: Socket = Socket(2);
const THEN: Millis = START + 800;

/// A client whose node stops, and whose second socket is about to open.
fn moving() -> Client {
    let mut client = live();
    client.received(START, OLD, ServerFrame::Moving { after: 800 });
    assert_eq!(client.deadline(), Some(THEN));
    client.tick(THEN - 1);
    assert_eq!(client.take_actions(), []);
    client.tick(THEN);
    assert_eq!(client.take_actions(), [Action::Connect(NEW)]);
    client
}

fn hello(position: u64) -> Action {
    let (epoch, position, after) = (Some(epoch(1)), Position(position), Some(CloseCode::Moving.as_u16()));
    Action::Transmit(NEW, ClientFrame::Hello { epoch, position, after })
}

fn ack(number: u128, seq: u64) -> ServerFrame {
    ServerFrame::Ack { key: key(number), conversation: HERE, seq: Seq(seq), at: 0 }
}

fn sent_over(client: &mut Client, socket: Socket) -> Vec<u128> {
    let over = |action| match action {
        Action::Transmit(over, frame) if over == socket => Some(frame),
        _ => None,
    };
    sends(&client.take_actions().into_iter().filter_map(over).collect::<Vec<_>>())
}

#[test]
fn a_client_is_welcomed_elsewhere_before_it_leaves_and_nobody_sees_a_difference() {
    let mut client = moving();
    client.opened(NEW);
    assert_eq!(client.take_actions(), [hello(10)]);
    // Until then the old one serves.
    client.received(THEN + 10, OLD, ServerFrame::Change { change: said(5) });
    assert_eq!(client.replica(HERE).map(Replica::applied), Some(Seq(5)));
    client.take_actions();
    client.received(THEN + 20, NEW, welcome(epoch(1), 11, false, vec![]));
    let actions = client.take_actions();
    assert!(actions.contains(&Action::Disconnect(OLD)), "{actions:?}");
    assert!(!actions.contains(&Action::Notify(Event::Link)), "{actions:?}");
    assert_eq!((client.link(), client.socket), (Link::Live, NEW));
    client.say(THEN + 30, 1);
    assert_eq!(sent_over(&mut client, NEW), [1]);
    client.closed(THEN + 40, OLD, Some(4000));
    assert_eq!(client.link(), Link::Live, "it closes late");
}

#[test]
fn what_is_on_its_way_is_answered_on_the_old_socket_before_anything_is_sent_on_the_new_one() {
    let mut client = moving();
    client.say(THEN, 1);
    client.say(THEN, 2);
    assert_eq!(sent_over(&mut client, OLD), [1, 2]);
    client.opened(NEW);
    client.received(THEN + 20, NEW, welcome(epoch(1), 11, false, vec![]));
    client.say(THEN + 30, 3);
    assert_eq!(sent_over(&mut client, NEW), []);
    client.received(THEN + 40, OLD, ack(1, 5));
    assert_eq!(sent_over(&mut client, NEW), []);
    client.received(THEN + 50, OLD, ack(2, 6));
    let actions = client.take_actions();
    assert!(actions.contains(&Action::Disconnect(OLD)));
    let again = |action: &Action| matches!(action, Action::Transmit(NEW, ClientFrame::Send { key: sent, .. }) if *sent == key(3));
    assert_eq!(actions.iter().filter(|action| again(action)).count(), 1);
    assert_eq!(client.replica(HERE).map(Replica::applied), Some(Seq(6)));
}

#[test]
fn what_the_old_node_does_not_answer_is_sent_again_with_the_same_key() {
    for closes in [false, true] {
        let mut client = moving();
        client.say(THEN, 1);
        client.opened(NEW);
        client.received(THEN + 20, NEW, welcome(epoch(1), 11, false, vec![]));
        client.take_actions();
        if closes {
            client.closed(THEN + 30, OLD, Some(4000));
        } else {
            let until = client.deadline().expect("a limit");
            assert!(until <= THEN + 3_000);
            client.tick(until);
        }
        assert_eq!(sent_over(&mut client, NEW), [1], "closes: {closes}");
        assert_eq!(client.link(), Link::Live);
    }
}

#[test]
fn a_refusal_of_the_old_node_does_not_let_later_messages_overtake() {
    let mut client = moving();
    client.say(THEN, 1);
    client.say(THEN, 2);
    client.opened(NEW);
    client.received(THEN + 20, NEW, welcome(epoch(1), 11, false, vec![]));
    client.take_actions();
    for number in [1, 2] {
        let (code, message) = (ErrorCode::Busy, String::new());
        let refused = ServerFrame::Refused { key: key(number), code, message, retry_after: Some(500) };
        client.received(THEN + 40, OLD, refused);
    }
    assert_eq!(sent_over(&mut client, NEW), [1, 2]);
}

#[test]
fn nothing_but_answers_counts_of_the_old_node_once_the_new_one_has_spoken() {
    let mut client = moving();
    client.say(THEN, 1);
    client.opened(NEW);
    client.received(THEN + 10, NEW, ServerFrame::Left { conversation: HERE });
    assert!(client.replica(HERE).is_some(), "nothing counts before the welcome");
    client.received(THEN + 20, NEW, welcome(epoch(1), 11, false, vec![]));
    client.received(THEN + 30, OLD, ServerFrame::Left { conversation: HERE });
    assert!(client.replica(HERE).is_some());
    client.received(THEN + 30, NEW, ServerFrame::Left { conversation: HERE });
    assert!(client.replica(HERE).is_none());
}

#[test]
fn news_that_overtake_the_welcome_are_no_other_history() {
    let mut client = moving();
    client.opened(NEW);
    // Committed and told after the new node has read, and before its welcome arrives.
    client.received(THEN + 10, OLD, ServerFrame::Change { change: said(5) });
    client.received(THEN + 10, OLD, ServerFrame::Pong { position: Position(14) });
    client.take_actions();
    client.received(THEN + 20, NEW, welcome(epoch(1), 12, false, vec![conversation(4)]));
    assert!(!client.events().contains(&Event::Reset));
    assert_eq!(client.position(), (Some(epoch(1)), Position(12)), "what is behind it is told by the new node");
    assert_eq!(client.replica(HERE).map(Replica::applied), Some(Seq(5)));
}

#[test]
fn a_move_that_fails_is_tried_again_while_the_old_node_serves() {
    let mut client = moving();
    let mut now = THEN;
    for number in 2..5 {
        // Refused at once, or not welcomed in time.
        if number == 3 {
            now = client.deadline().expect("a limit");
            while matches!(client.moving, Move::Opening(..)) {
                client.tick(now);
                client.received(now, OLD, ServerFrame::Pong { position: Position(10) });
                now = client.deadline().expect("a limit").max(now);
            }
        } else {
            client.closed(now, Socket(number), None);
        }
        assert_eq!(client.link(), Link::Live);
        client.say(now, u128::from(number));
        assert_eq!(sent_over(&mut client, OLD), [u128::from(number)]);
        now = client.moving.due().expect("another try");
        client.tick(now);
        assert!(client.take_actions().contains(&Action::Connect(Socket(number + 1))));
    }
}

#[test]
fn a_node_that_closes_before_the_move_is_made_leaves_the_client_with_its_next_socket() {
    for opened in [false, true] {
        let mut client = moving();
        client.say(THEN, 1);
        if opened {
            client.opened(NEW);
        }
        client.received(THEN, OLD, ServerFrame::Change { change: said(5) });
        client.closed(THEN + 50, OLD, Some(4000));
        assert_eq!((client.link(), client.socket), (Link::Connecting(THEN), NEW));
        if !opened {
            client.opened(NEW);
        }
        client.take_actions();
        client.received(THEN + 60, NEW, welcome(epoch(1), 11, false, vec![conversation(5)]));
        assert_eq!(client.link(), Link::Live);
        assert_eq!(sent_over(&mut client, NEW), [1]);
    }
}

#[test]
fn a_node_that_closes_between_two_tries_is_followed_by_the_usual_wait() {
    let mut client = moving();
    client.closed(THEN, NEW, None);
    client.closed(THEN + 10, OLD, Some(4000));
    assert!(matches!(client.link(), Link::Waiting(_)));
    assert_eq!(client.moving, Move::No);
}

#[test]
fn who_is_told_to_move_twice_in_a_row_moves_twice() {
    let mut client = moving();
    client.say(THEN, 1);
    client.opened(NEW);
    client.received(THEN + 20, NEW, welcome(epoch(1), 11, false, vec![]));
    client.received(THEN + 30, NEW, ServerFrame::Moving { after: 100 });
    let actions = client.take_actions();
    assert!(actions.contains(&Action::Disconnect(OLD)), "never three sockets");
    client.tick(THEN + 130);
    assert!(client.take_actions().contains(&Action::Connect(Socket(3))));
}

#[test]
fn whatever_ends_the_link_ends_both_sockets() {
    let both = |client: &mut Client| {
        let actions = client.take_actions();
        assert!([OLD, NEW].iter().all(|socket| actions.contains(&Action::Disconnect(*socket))), "{actions:?}");
        assert_eq!(client.moving, Move::No);
    };
    let mut client = moving();
    client.network_lost();
    both(&mut client);
    let mut client = moving();
    client.closed(THEN, NEW, Some(CloseCode::SessionEnded.as_u16()));
    assert_eq!(client.link(), Link::Stopped(4500));
    both(&mut client);
    let mut client = moving();
    client.tick(START + as_millis(limits::PING_EVERY));
    client.take_actions();
    client.tick(START + as_millis(limits::PING_EVERY) + as_millis(limits::PONG_WITHIN));
    assert!(matches!(client.link(), Link::Waiting(_)));
    both(&mut client);
}
