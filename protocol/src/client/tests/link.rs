use super::*;

#[test]
fn a_client_says_hello_with_what_it_knows_and_is_live_once_welcomed() {
    let mut client = Client::new(ME, 1, Vec::new());
    client.connect(START);
    client.connect(START);
    let connects = client.take_actions().into_iter().filter(|action| matches!(action, Action::Connect(_)));
    assert_eq!(connects.count(), 1);
    client.open();
    assert_eq!(client.frames(), [ClientFrame::Hello { epoch: None, position: Position(0), after: None }]);
    client.hear(START, welcome(epoch(1), 10, true, vec![conversation(4)]));
    assert_eq!(client.link(), Link::Live);
    reopen(&mut client, START);
    let hello = ClientFrame::Hello { epoch: Some(epoch(1)), position: Position(10), after: Some(1006) };
    assert!(client.frames().contains(&hello));
}

#[test]
fn nothing_counts_before_the_welcome() {
    let mut client = live();
    let now = reopen(&mut client, START);
    client.hear(now, ServerFrame::Change { change: said(5) });
    client.hear(now, ServerFrame::Left { conversation: HERE });
    assert_eq!(client.replica(HERE).map(Replica::applied), Some(Seq(4)));
}

#[test]
fn nothing_counts_without_a_socket() {
    let mut client = live();
    client.network_lost();
    client.hear(START, welcome(epoch(1), 11, true, vec![]));
    client.open();
    assert_eq!((client.link(), client.replicas().count()), (Link::Offline, 1));
    assert_eq!(client.frames(), []);
}

#[test]
fn a_socket_that_does_not_open_in_time_is_given_up() {
    let mut client = Client::new(ME, 1, Vec::new());
    client.connect(START);
    assert_eq!(client.deadline(), Some(START + CONNECT_WITHIN));
    client.tick(START + CONNECT_WITHIN - 1);
    assert_eq!(client.link(), Link::Connecting(START));
    client.take_actions();
    let now = START + CONNECT_WITHIN;
    client.tick(now);
    assert!(client.take_actions().contains(&Action::Disconnect(client.socket)));
    assert!(matches!(client.link(), Link::Waiting(until) if until > now && until <= now + 500));
    let before = client.link();
    client.close(now + 10, Some(4500));
    assert_eq!(client.link(), before, "the old socket closed late");
}

#[test]
fn a_try_that_took_long_is_not_followed_by_a_long_wait() {
    let mut client = Client::new(ME, 1, Vec::new());
    let mut now = START;
    for _ in 0..8 {
        client.connect(now);
        client.close(now, None);
        now = client.deadline().unwrap_or(now);
    }
    client.connect(now);
    now += CONNECT_WITHIN;
    client.tick(now);
    assert!(client.deadline().is_some_and(|again| again > now && again <= now + 500));
}

#[test]
fn a_socket_without_a_welcome_is_given_up_too() {
    let mut client = Client::new(ME, 1, Vec::new());
    client.connect(START);
    client.open();
    client.tick(START + CONNECT_WITHIN);
    assert!(matches!(client.link(), Link::Waiting(_)));
}

#[test]
fn a_quiet_client_speaks_and_gives_the_socket_up_when_nothing_answers() {
    let mut client = live();
    let ping = START + as_millis(limits::PING_EVERY);
    assert_eq!(client.deadline(), Some(ping));
    client.tick(ping);
    assert_eq!(client.frames(), [ClientFrame::Ping {}]);
    let dead = ping + as_millis(limits::PONG_WITHIN);
    assert_eq!(client.deadline(), Some(dead));
    client.tick(dead - 1);
    assert_eq!(client.link(), Link::Live);
    client.tick(dead);
    assert!(matches!(client.link(), Link::Waiting(_)));
}

#[test]
fn a_client_is_back_within_fifteen_seconds_of_a_cut_that_nobody_noticed() {
    let mut client = live();
    let cut = START + 10;
    while !matches!(client.link(), Link::Connecting(_)) {
        let next = client.deadline().unwrap_or(Millis::MAX);
        assert!(next < cut + 14_500, "it must leave time for the welcome");
        client.tick(next);
    }
}

#[test]
fn an_answer_to_a_ping_puts_the_next_one_off_and_moves_the_position_forward_only() {
    let mut client = live();
    let ping = START + as_millis(limits::PING_EVERY);
    client.tick(ping);
    client.hear(ping + 50, ServerFrame::Pong { position: Position(12) });
    assert_eq!(client.deadline(), Some(ping + 50 + as_millis(limits::PING_EVERY)));
    client.hear(ping + 60, ServerFrame::Pong { position: Position(11) });
    assert_eq!(client.position(), (Some(epoch(1)), Position(12)));
}

#[test]
fn whatever_is_heard_shows_that_the_socket_lives() {
    let mut client = live();
    let ping = START + as_millis(limits::PING_EVERY);
    client.tick(ping);
    client.hear(ping + 4_000, ServerFrame::Typing { conversation: HERE, user: BEN });
    client.tick(ping + as_millis(limits::PONG_WITHIN));
    assert_eq!(client.link(), Link::Live);
    assert_eq!(client.deadline(), Some(ping + 4_000 + as_millis(limits::PONG_WITHIN)));
}

#[test]
fn while_an_ack_is_owed_the_socket_is_tried_sooner() {
    let mut client = live();
    client.say(START + 100, 1);
    assert_eq!(client.deadline(), Some(START + 5_100));
}

#[test]
fn a_close_code_says_whether_to_come_back() {
    for code in [None, Some(1000), Some(1006), Some(1011), Some(4000), Some(4006), Some(4499), Some(3999), Some(5000)] {
        let mut client = live();
        client.close(START, code);
        assert!(matches!(client.link(), Link::Waiting(_)), "{code:?}");
    }
    for code in [4500, CloseCode::BadProtocol.as_u16(), 4777, 4999] {
        let mut client = live();
        client.close(START, Some(code));
        assert_eq!((client.link(), client.deadline()), (Link::Stopped(code), None));
        client.tick(START + 100_000);
        assert_eq!(client.link(), Link::Stopped(code));
        client.connect(START);
        assert_eq!(client.link(), Link::Connecting(START), "the user may try");
    }
}

#[test]
fn delays_grow_until_a_connection_lasts() {
    let mut client = live();
    let mut now = START;
    let mut delay = |client: &mut Client, lasts: Millis| {
        client.open();
        client.hear(now, welcome(epoch(1), 10, false, vec![]));
        now += lasts;
        client.close(now, Some(CloseCode::TooManyConnections.as_u16()));
        let again = client.deadline().unwrap_or(now);
        let delay = again - now;
        now = again;
        client.tick(now);
        delay
    };
    // Welcomed each time, and closed soon after.
    let delays: Vec<_> = (0..6).map(|_| delay(&mut client, 100)).collect();
    assert!(delays[0] <= 500 && delays[5] >= 4_000, "{delays:?}");
    assert!(delays.windows(2).all(|pair| pair[1] > pair[0] || pair[1] >= 4_000), "{delays:?}");
    assert!(delay(&mut client, LASTING) <= 500);
}

#[test]
fn a_change_of_a_conversation_that_nobody_describes_makes_the_client_ask_for_everything() {
    let elsewhere = ConversationId(8);
    let change = || Change { conversation: elsewhere, ..said(3) };
    let mut client = live();
    client.hear(START, ServerFrame::Change { change: change() });
    assert_eq!(client.deadline(), Some(START + DESCRIBED_WITHIN));
    // Described in time: nothing was missed.
    client.hear(
        START + 10,
        ServerFrame::Conversation { conversation: Conversation { id: elsewhere, ..conversation(3) } },
    );
    client.tick(START + DESCRIBED_WITHIN);
    assert_eq!(client.link(), Link::Live);

    let mut client = live();
    client.hear(START, ServerFrame::Change { change: change() });
    client.tick(START + DESCRIBED_WITHIN);
    assert!(matches!(client.link(), Link::Waiting(_)));
    assert_eq!(client.position(), (Some(epoch(1)), Position(10)), "what is known stays");
    client.take_actions();
    let now = client.deadline().unwrap_or(START);
    client.tick(now);
    client.open();
    assert_eq!(client.frames(), [ClientFrame::Hello { epoch: None, position: Position(0), after: Some(1006) }]);
    let all = vec![conversation(4), Conversation { id: elsewhere, ..conversation(3) }];
    client.hear(now, welcome(epoch(1), 11, true, all));
    assert!(client.replica(elsewhere).is_some());
    reopen(&mut client, now);
    let hello = ClientFrame::Hello { epoch: Some(epoch(1)), position: Position(11), after: Some(1006) };
    assert!(client.frames().contains(&hello));
}

#[test]
fn without_a_network_nothing_is_tried_and_what_was_on_its_way_waits() {
    let mut client = live();
    client.say(START, 1);
    client.take_actions();
    client.network_lost();
    assert!(client.take_actions().contains(&Action::Disconnect(client.socket)));
    assert_eq!((client.link(), client.deadline()), (Link::Offline, None));
    client.say(START + 10, 2);
    assert_eq!(client.frames(), []);
    client.connect(START + 60_000);
    client.open();
    client.hear(START + 60_000, welcome(epoch(1), 10, false, vec![]));
    assert_eq!(sends(&client.frames()), [1, 2]);
}

#[test]
fn closing_twice_does_no_harm() {
    let mut client = live();
    client.close(START, None);
    let before = client.link();
    client.close(START + 100, None);
    assert_eq!(client.link(), before);
}

#[test]
fn what_waits_is_not_sent_in_the_name_of_whoever_has_logged_in_meanwhile() {
    let mut client = live();
    client.network_lost();
    client.send(START, key(1), HERE, "mine".into());
    client.connect(START);
    client.open();
    client.take_actions();
    let mut welcome = welcome(epoch(1), 11, true, vec![conversation(4)]);
    if let ServerFrame::Welcome { user, .. } = &mut welcome {
        *user = UserId(ME.0 + 1);
    }
    client.hear(START, welcome);
    let actions = client.take_actions();
    assert!(actions.contains(&Action::Disconnect(client.socket)), "{actions:?}");
    assert!(!actions.iter().any(|action| matches!(action, Action::Transmit(..) | Action::Forget(_))), "{actions:?}");
    assert_eq!(client.link(), Link::Stopped(CloseCode::SessionEnded.as_u16()));
    assert_eq!(client.outbox(HERE).count(), 1, "it is kept for its author");
}

#[test]
fn a_client_says_why_it_connects() {
    let said = |client: &mut Client| {
        client.frames().into_iter().find_map(|frame| match frame {
            ClientFrame::Hello { after, .. } => Some(after),
            _ => None,
        })
    };
    let mut client = Client::new(ME, 1, Vec::new());
    client.connect(START);
    client.open();
    assert_eq!(said(&mut client), Some(None), "for the first time");
    client.hear(START, welcome(epoch(1), 10, true, Vec::new()));
    client.close(START, Some(CloseCode::SlowConsumer.as_u16()));
    client.tick(client.deadline().unwrap_or(START));
    client.open();
    assert_eq!(said(&mut client), Some(Some(4001)));
    client.hear(START, welcome(epoch(1), 10, true, Vec::new()));
    client.hear(START, ServerFrame::Moving { after: 5 });
    client.tick(START + 5);
    client.opened(Socket(3));
    assert_eq!(said(&mut client), Some(Some(4000)), "before the old one is closed");
    client.network_lost();
    client.connect(START + 6);
    client.open();
    assert_eq!(said(&mut client), Some(Some(1006)));
}
