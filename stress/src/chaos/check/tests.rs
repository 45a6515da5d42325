//! Every invariant can be broken, and is found broken.

use super::*;
use crate::chaos::history::Shown;
use trunkline_protocol::{Change, ChangeBody, Conversation, ConversationKind, Member, SendKey, Seq, User, UserId};

const HERE: ConversationId = ConversationId(1);
const ANN: UserId = UserId(1);
const BOB: UserId = UserId(2);
const NOTHING: [u8; 0] = [];

fn key(number: u64) -> SendKey {
    SendKey(uuid(number))
}

fn uuid<T: std::str::FromStr<Err: std::fmt::Debug>>(number: u64) -> T {
    format!("00000000-0000-4000-8000-{number:012x}").parse().unwrap()
}

fn user(id: UserId) -> User {
    User { id, name: format!("user{id}"), display_name: String::new() }
}

fn posted(seq: u64, author: UserId, number: u64) -> Change {
    let body = ChangeBody::Posted { text: format!("text {number}") };
    Change { conversation: HERE, seq: Seq(seq), at: 5, author, key: Some(key(number)), body }
}

fn other(seq: u64, author: UserId, body: ChangeBody) -> Change {
    Change { conversation: HERE, seq: Seq(seq), at: 5, author, key: None, body }
}

fn described(kind: ConversationKind) -> Conversation {
    let member = |id| Member { user: user(id), delivered: Seq(0), read: Seq(0), since: Seq(1) };
    Conversation {
        id: HERE,
        kind,
        name: None,
        owner: None,
        members: vec![member(ANN), member(BOB)],
        head: Seq(0),
        since: Seq(1),
        unread: 0,
        last_message: None,
        former: Vec::new(),
    }
}

fn life(device: usize, user: UserId, changes: &[Change]) -> Life {
    let shown = changes.iter().map(|change| Shown { at: 50, change: change.clone() }).collect();
    Life { device, user, goes_on: true, shown: BTreeMap::from([(HERE, shown)]), resets: 0, slips: Vec::new() }
}

/// Ann sends 1 and then 2, Bob 3; all is acknowledged and shown on one device of each.
fn fine() -> Evidence {
    let changes = [posted(1, ANN, 1), posted(2, ANN, 2), posted(3, BOB, 3)];
    let sent = [(1, ANN, 0, 10), (2, ANN, 0, 20), (3, BOB, 1, 30)].map(|(number, author, device, at)| Sent {
        key: key(number),
        author,
        device,
        conversation: HERE,
        text: format!("text {number}"),
        at,
    });
    let acked = [(1, 15), (2, 25), (3, 35)].map(|(number, at)| Acked {
        key: key(number),
        conversation: HERE,
        seq: Seq(number),
        at,
    });
    Evidence {
        sent: sent.to_vec(),
        acked: acked.to_vec(),
        loads: vec![Load { key: key(1), found: true, what: String::new() }],
        lives: vec![life(0, ANN, &changes), life(1, BOB, &changes)],
        logs: BTreeMap::from([(HERE, Log::new(&described(ConversationKind::Direct), changes.to_vec()))]),
    }
}

/// What is found to be broken, after this.
fn broken(spoil: impl FnOnce(&mut Evidence)) -> Vec<u8> {
    let mut evidence = fine();
    spoil(&mut evidence);
    judge(&evidence).0.into_keys().collect()
}

fn shown(evidence: &mut Evidence, life: usize) -> &mut Vec<Shown> {
    evidence.lives[life].shown.get_mut(&HERE).unwrap()
}

fn log(evidence: &mut Evidence) -> &mut Vec<Change> {
    &mut evidence.logs.get_mut(&HERE).unwrap().changes
}

#[test]
fn nothing_is_wrong_with_a_history_in_which_nothing_is() {
    assert_eq!(broken(|_| ()), NOTHING);
}

#[test]
fn a_message_that_is_missing_on_a_device_is_lost() {
    assert_eq!(broken(|evidence| drop(shown(evidence, 1).pop())), [1]);
    // One whose page was closed owes nothing.
    assert_eq!(
        broken(|evidence| {
            shown(evidence, 1).pop();
            evidence.lives[1].goes_on = false;
        }),
        NOTHING
    );
}

#[test]
fn a_message_that_is_missing_in_the_log_is_lost_though_everybody_showed_it() {
    assert_eq!(broken(|evidence| drop(log(evidence).pop())), [1, 4]);
}

#[test]
fn a_message_that_nobody_sent_so_is_found() {
    let spoil = |evidence: &mut Evidence| {
        for change in log(evidence).iter_mut().skip(2) {
            change.author = ANN;
        }
        for life in 0..2 {
            shown(evidence, life)[2].change.author = ANN;
        }
    };
    assert_eq!(broken(spoil), [1, 2]);
    assert_eq!(broken(|evidence| drop(evidence.sent.pop())), [1, 2]);
}

#[test]
fn a_message_that_is_shown_or_stored_twice_is_found() {
    let twice = |evidence: &mut Evidence| {
        let again = shown(evidence, 0)[2].clone();
        shown(evidence, 0).push(again);
    };
    assert_eq!(broken(twice), [3, 5]);
    let stored_twice = |evidence: &mut Evidence| {
        log(evidence).push(posted(4, BOB, 3));
        for life in 0..2 {
            let again = Shown { at: 60, change: posted(4, BOB, 3) };
            shown(evidence, life).push(again);
        }
    };
    assert_eq!(broken(stored_twice), [3]);
    assert_eq!(broken(|evidence| evidence.acked.push(Acked { seq: Seq(1), ..evidence.acked[2] })), [1, 3]);
}

#[test]
fn another_change_at_the_same_seq_is_found() {
    assert_eq!(broken(|evidence| shown(evidence, 0)[1].change.at = 6), [4]);
}

#[test]
fn a_hole_is_found_in_a_log_and_on_a_screen() {
    assert_eq!(broken(|evidence| drop(shown(evidence, 0).remove(1))), [1, 5]);
    let hole = |evidence: &mut Evidence| {
        log(evidence)[2].seq = Seq(4);
        evidence.acked[2].seq = Seq(4);
        for life in 0..2 {
            shown(evidence, life)[2].change.seq = Seq(4);
        }
    };
    assert!(broken(hole).contains(&5));
}

#[test]
fn sends_of_a_device_in_the_wrong_order_are_found() {
    let swapped = |evidence: &mut Evidence| {
        let changes = [posted(1, ANN, 2), posted(2, ANN, 1), posted(3, BOB, 3)];
        evidence.acked[0].seq = Seq(2);
        evidence.acked[1].seq = Seq(1);
        // Both were under way at the same time, so only the device's own order is broken.
        evidence.acked[0].at = 25;
        evidence.lives = vec![life(0, ANN, &changes), life(1, BOB, &changes)];
        *log(evidence) = changes.to_vec();
    };
    assert_eq!(broken(swapped), [6]);
}

#[test]
fn a_send_that_began_after_an_ack_and_has_a_lower_seq_is_found() {
    let overtaken = |evidence: &mut Evidence| {
        let changes = [posted(1, ANN, 1), posted(2, BOB, 3), posted(3, ANN, 2)];
        evidence.acked[1].seq = Seq(3);
        evidence.acked[2].seq = Seq(2);
        evidence.lives = vec![life(0, ANN, &changes), life(1, BOB, &changes)];
        *log(evidence) = changes.to_vec();
    };
    assert_eq!(broken(overtaken), [6]);
}

#[test]
fn a_load_that_lacks_what_was_acknowledged_and_a_cursor_that_went_back_are_found() {
    assert_eq!(broken(|evidence| evidence.loads[0].found = false), [7]);
    assert_eq!(broken(|evidence| evidence.lives[0].slips.push("back".to_owned())), [8]);
}

#[test]
fn what_is_shown_to_somebody_who_is_no_member_is_found() {
    let carol = life(2, UserId(3), &[posted(1, ANN, 1)]);
    assert_eq!(broken(|evidence| evidence.lives.push(carol)), [14]);
}

/// A group from which Bob is removed at 5, and to which he is added again at 7.
fn group() -> Evidence {
    let (ann, bob) = (user(ANN), user(BOB));
    let changes = vec![
        other(1, ANN, ChangeBody::Created { name: "Group".to_owned() }),
        other(2, ANN, ChangeBody::MembersAdded { members: vec![ann, bob.clone()] }),
        posted(3, ANN, 1),
        posted(4, ANN, 2),
        other(5, ANN, ChangeBody::MemberRemoved { member: BOB }),
        posted(6, ANN, 3),
        other(7, ANN, ChangeBody::MembersAdded { members: vec![bob] }),
        posted(8, ANN, 4),
    ];
    let sent = [1, 2, 3, 4].map(|number| Sent {
        key: key(number),
        author: ANN,
        device: 0,
        conversation: HERE,
        text: format!("text {number}"),
        at: 10 * number as i64,
    });
    let bobs: Vec<_> = changes.iter().filter(|change| change.seq != Seq(6)).cloned().collect();
    Evidence {
        sent: sent.to_vec(),
        lives: vec![life(0, ANN, &changes), life(1, BOB, &bobs)],
        logs: BTreeMap::from([(HERE, Log::new(&described(ConversationKind::Group), changes))]),
        ..Evidence::default()
    }
}

#[test]
fn who_was_removed_and_came_back_sees_all_but_what_was_said_meanwhile() {
    let evidence = group();
    assert_eq!(judge(&evidence), Verdict::default());
    assert_eq!(evidence.logs[&HERE].visible(BOB), [(Seq(1), Seq(5)), (Seq(7), Seq(u64::MAX))]);
    let mut shown = group();
    shown.lives[1] = life(1, BOB, &evidence.logs[&HERE].changes);
    assert_eq!(judge(&shown).0.into_keys().collect::<Vec<_>>(), [14]);
    let mut lost = group();
    lost.lives[1].shown.get_mut(&HERE).unwrap().pop();
    assert_eq!(judge(&lost).0.into_keys().collect::<Vec<_>>(), [1]);
}
