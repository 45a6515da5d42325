use super::*;
use crate::connection::handle::Outgoing;
use crate::store::MovedCursor;
use std::collections::BTreeSet;
use trunkline_protocol::SessionId;

const HERE: ConversationId = ConversationId(7);
const ANN: UserId = UserId(1);
const BEN: UserId = UserId(2);

fn connection(hub: &Hub, user: UserId) -> Arc<Handle> {
    let handle = Handle::new(hub.next_connection(), user, Credential::Session(SessionId(uuid::Uuid::nil())));
    hub.register(&handle).expect("room");
    handle
}

fn joined(head: u64) -> Joined {
    Joined { conversation: HERE, head: Seq(head) }
}

fn frame(text: &str) -> Frame {
    Frame::from(text)
}

fn change(hub: &Hub, seq: u64, removed: Option<UserId>) {
    let delivery =
        Delivery { conversation: HERE, seq: Seq(seq), frame: frame(&seq.to_string()), origin: None, removed };
    hub.deliver(delivery, || frame("left"));
}

/// What a connection was given since it was asked last.
async fn given(handle: &Handle) -> Vec<String> {
    // A mark at the end, since waiting for more would never end.
    handle.outbound.push(frame("end"));
    let mut given = Vec::new();
    loop {
        let Outgoing::Frames(frames) = handle.outbound.next(usize::MAX).await else { return given };
        for frame in frames {
            match frame.as_str() {
                "end" => return given,
                text => given.push(text.to_owned()),
            }
        }
    }
}

fn members(head: u64, users: &[UserId]) -> Membership {
    Membership { members_at: Seq(head), head: Seq(head), users: users.iter().copied().collect::<BTreeSet<_>>() }
}

#[tokio::test]
async fn what_a_second_connection_brings_is_described_to_the_first_before_it_is_heard() {
    let hub = Hub::default();
    let first = connection(&hub, ANN);
    hub.admit(&first, &[], frame("welcome"));
    let second = connection(&hub, ANN);
    let admission = hub.admit(&second, &[joined(4)], frame("welcome with it"));
    assert_eq!(admission.unheard, [HERE]);
    assert_eq!(hub.strangers(HERE, [ANN]), [ANN], "whoever reconciles finds that they do not know it");
    assert_eq!(hub.listen_to(ANN, joined(4), &frame("description")), Entry::default());
    change(&hub, 5, None);
    assert_eq!(given(&first).await, ["welcome", "description", "5"]);
    assert_eq!(given(&second).await, ["welcome with it", "description", "5"]);
}

#[tokio::test]
async fn of_two_that_come_at_once_the_one_that_read_earlier_is_told_what_the_other_knows() {
    let hub = Hub::default();
    let (early, late) = (connection(&hub, ANN), connection(&hub, ANN));
    let admission = hub.admit(&late, &[joined(4)], frame("welcome with it"));
    assert!(admission.unheard.is_empty(), "nobody else was told of anything yet");
    change(&hub, 5, None);
    let admission = hub.admit(&early, &[], frame("welcome"));
    assert_eq!(admission.unnamed, [HERE]);
    // Described as of before the change, which therefore has to come again.
    let missed = hub.describe_to(&early, joined(4), &frame("description"));
    assert_eq!(missed, Some(Missed { conversation: HERE, from: Seq(5), to: Seq(5) }));
    assert_eq!(given(&early).await, ["welcome", "5", "description"]);
}

#[tokio::test]
async fn a_newcomer_is_handed_nothing_from_before_their_time() {
    let hub = Hub::default();
    let (ann, ben) = (connection(&hub, ANN), connection(&hub, BEN));
    hub.admit(&ann, &[joined(4)], frame("welcome"));
    hub.admit(&ben, &[], frame("welcome"));
    // Ben came with 7, and what is before it has not come here.
    hub.listen_to(BEN, joined(7), &frame("description"));
    for seq in 5..=8 {
        change(&hub, seq, None);
    }
    assert_eq!(given(&ann).await, ["welcome", "5", "6", "7", "8"]);
    assert_eq!(given(&ben).await, ["welcome", "description", "8"]);
}

#[tokio::test]
async fn an_old_list_of_members_does_not_throw_out_who_came_since() {
    let hub = Hub::default();
    let (ann, ben) = (connection(&hub, ANN), connection(&hub, BEN));
    hub.admit(&ann, &[joined(4)], frame("welcome"));
    hub.admit(&ben, &[], frame("welcome"));
    hub.listen_to(BEN, joined(5), &frame("description"));
    hub.retain_members(HERE, &members(4, &[ANN]), &frame("left"));
    assert!(hub.user_hears(BEN, HERE));
    change(&hub, 5, None);
    change(&hub, 6, None);
    hub.retain_members(HERE, &members(5, &[ANN]), &frame("left"));
    assert!(hub.user_hears(BEN, HERE), "the log has gone on behind the list");
    hub.retain_members(HERE, &members(6, &[ANN]), &frame("left"));
    assert!(!hub.user_hears(BEN, HERE));
    assert_eq!(given(&ben).await, ["welcome", "description", "6", "left"]);
}

#[tokio::test]
async fn a_late_removal_does_not_throw_out_who_came_back() {
    let hub = Hub::default();
    let (ann, ben) = (connection(&hub, ANN), connection(&hub, BEN));
    hub.admit(&ann, &[joined(4)], frame("welcome"));
    // Removed with 5, back with 6, welcomed after it.
    hub.admit(&ben, &[joined(6)], frame("welcome"));
    change(&hub, 5, Some(BEN));
    change(&hub, 6, None);
    change(&hub, 7, None);
    assert_eq!(given(&ben).await, ["welcome", "7"]);
    change(&hub, 8, Some(BEN));
    assert_eq!(given(&ben).await, ["8", "left"]);
}

fn moved(user: UserId, read: u64) -> CursorState {
    let cursor = MovedCursor { conversation: HERE, user, delivered: Seq(read), read: Seq(read) };
    CursorState { cursor, moved: true, unread: 0, head: Seq(read) }
}

#[tokio::test]
async fn who_comes_learns_of_cursors_that_moved_while_the_store_was_read() {
    let hub = Hub::default();
    let ann = connection(&hub, ANN);
    hub.is_news(&moved(BEN, 2));
    let listening = hub.listening();
    for read in [3, 4] {
        hub.is_news(&moved(BEN, read));
    }
    // A nudge that was overtaken by a later one.
    hub.is_news(&moved(BEN, 3));
    assert_eq!(hub.admit(&ann, &[joined(4)], frame("welcome")).cursors, [moved(BEN, 4)]);
    drop(listening);
    let again = connection(&hub, ANN);
    let _listening = hub.listening();
    assert_eq!(hub.admit(&again, &[joined(4)], frame("welcome")).cursors, [], "nothing moved since");
}

#[tokio::test]
async fn who_is_let_in_learns_of_cursors_that_moved_while_the_description_was_read() {
    let hub = Hub::default();
    let ann = connection(&hub, ANN);
    hub.admit(&ann, &[], frame("welcome"));
    hub.is_news(&moved(BEN, 2));
    let _listening = hub.listening();
    hub.is_news(&moved(BEN, 3));
    let entry = hub.listen_to(ANN, joined(4), &frame("description"));
    assert_eq!(entry, Entry { missed: None, cursors: vec![moved(BEN, 3)] });
    hub.is_news(&moved(BEN, 4));
    assert_eq!(hub.listen_to(ANN, joined(4), &frame("description")), Entry::default(), "they hear by themselves");
}
