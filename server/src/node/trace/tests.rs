use super::*;
use crate::store::Credential;
use std::sync::Arc;

const HERE: ConversationId = ConversationId(12);
const BOB: UserId = UserId(2);

fn device(number: u64, user: UserId) -> Arc<Handle> {
    Handle::new(ConnectionId::numbered(number), user, Credential::Token(1))
}

fn hand(trace: &Trace, seq: u64, handle: &Handle, number: u64) {
    trace.hand_out(HERE, Seq(seq)).to(handle, number);
}

/// A moment that the trace remembers everything from.
fn now() -> Millis {
    crate::clock::now() + 1
}

#[test]
fn a_message_is_followed_to_the_device_that_says_it_has_it() {
    let trace = Trace::with_capacity(16);
    let (bobs, other) = (device(1, BOB), device(2, BOB));
    let node = NodeId::random();
    trace.stored(HERE, Seq(1), 5, 7_000);
    trace.told(HERE, Seq(1), Some([node].into()));
    hand(&trace, 1, &bobs, 2);
    hand(&trace, 1, &other, 9);
    trace.written(&bobs, 1, 2);
    // Up to the frame before ours.
    trace.written(&other, 1, 8);
    trace.moved(HERE, BOB, Some(bobs.id), (Seq(1), Seq(0)));
    let found = trace.find(HERE, Seq(1), now());
    assert_eq!((found.accepted, found.stored), (Some(5_000), Some(7_000)));
    assert_eq!(found.routed.and_then(|routed| routed.to), Some(vec![node]));
    assert_eq!((found.heard, found.devices.len(), found.more), (None, 2, false));
    let [first, second] = [found.devices[0], found.devices[1]];
    assert_eq!((first.connection, second.connection), (bobs.id.number(), other.id.number()));
    assert!(first.handed <= first.written && first.written <= first.acknowledged && first.written.is_some());
    assert_eq!((first.read, second.written, second.acknowledged), (None, None, None));
    trace.moved(HERE, BOB, Some(bobs.id), (Seq(1), Seq(1)));
    assert!(trace.find(HERE, Seq(1), now()).devices[0].read.is_some());
}

#[test]
fn what_was_asked_for_as_a_range_is_found_at_each_of_its_seqs_and_no_other() {
    let trace = Trace::with_capacity(16);
    let bobs = device(3, BOB);
    trace.handed_range(HERE, (Seq(5), Seq(8)), &bobs, 3, true);
    trace.written(&bobs, 0, 3);
    for seq in 5..=8 {
        let found = trace.find(HERE, Seq(seq), now());
        assert!(found.devices[0].fetched && found.devices[0].written.is_some(), "{seq}");
    }
    for seq in [4, 9] {
        assert_eq!(trace.find(HERE, Seq(seq), now()).devices, [], "{seq}");
    }
    assert_eq!(trace.find(ConversationId(13), Seq(5), now()).devices, []);
}

#[test]
fn a_device_that_has_it_from_a_page_is_known_by_what_it_says() {
    let trace = Trace::with_capacity(16);
    trace.came(HERE, Seq(3), By::Store);
    trace.moved(HERE, BOB, None, (Seq(2), Seq(0)));
    trace.moved(HERE, BOB, None, (Seq(4), Seq(4)));
    let found = trace.find(HERE, Seq(3), now());
    assert_eq!(found.heard.map(|heard| heard.by), Some(By::Store));
    let [device] = found.devices[..] else { panic!("one device, not {:?}", found.devices) };
    assert_eq!((device.user, device.connection, device.handed), (BOB, 0, None));
    assert!(device.acknowledged.is_some() && device.read.is_some());
}

#[test]
fn what_was_forgotten_is_said_and_nothing_later_taken_for_it() {
    let trace = Trace::with_capacity(4);
    let sent = now() - 2;
    trace.moved(HERE, BOB, None, (Seq(3), Seq(3)));
    for seq in 4..9 {
        std::thread::sleep(std::time::Duration::from_millis(1));
        trace.moved(HERE, BOB, None, (Seq(seq), Seq(seq)));
    }
    let found = trace.find(HERE, Seq(3), sent);
    assert!(found.since > sent * 1_000, "it says from when on it remembers");
    assert_eq!(found.devices, [], "the first cursor beyond it is gone, a later one would be taken for it");
}

#[test]
fn a_flush_without_changes_leaves_no_record() {
    let trace = Trace::with_capacity(4);
    let bobs = device(4, BOB);
    hand(&trace, 1, &bobs, 2);
    trace.written(&bobs, 1, 2);
    // As many as there is room for, had each left one.
    for number in 3..9 {
        trace.written(&bobs, number - 1, number);
    }
    assert!(trace.find(HERE, Seq(1), now()).devices[0].written.is_some());
}

#[test]
fn a_later_version_may_say_more() {
    let found: Found = serde_json::from_str(r#"{"since":5,"heard":{"at":1,"by":"pigeon"},"weather":"fair"}"#)
        .expect("what a later version says");
    assert_eq!((found.since, found.heard.map(|heard| heard.by)), (5, Some(By::Unknown)));
}
