//! Reading the log: what a reader may see, and how much at once.

use crate::harness::{Database, assert_refused, seqs, texts};
use trunkline_protocol::limits::FETCH_CHANGES;
use trunkline_protocol::{ConversationId, Seq};
use trunkline_server::store::{Amendment, StoreError};

contract!(
    a_range_is_dense_and_bounded,
    a_range_beyond_the_head_is_empty,
    a_new_member_sees_nothing_from_before_their_time,
    a_removed_member_sees_nothing,
    a_stranger_sees_nothing,
    a_node_reads_without_limit,
);

async fn a_range_is_dense_and_bounded(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let direct = db.direct(&ann, &bob).await;
    let total = FETCH_CHANGES + 20;
    db.a.append((1..=total).map(|n| ann.says(direct, &n.to_string())).collect()).await.unwrap();
    let range = db.b.range(bob.id, direct, Seq(5), Seq(9)).await.unwrap();
    assert_eq!((range.from, range.head), (Seq(5), Seq(total)));
    assert_eq!(texts(&range.changes), ["5", "6", "7", "8", "9"]);
    let range = db.b.range(bob.id, direct, Seq(0), Seq(u64::MAX)).await.unwrap();
    assert_eq!(range.from, Seq(1));
    assert_eq!(seqs(&range.changes), (1..=FETCH_CHANGES).collect::<Vec<_>>());
    let range = db.b.range(bob.id, direct, Seq(FETCH_CHANGES + 1), Seq(total)).await.unwrap();
    assert_eq!(seqs(&range.changes), (FETCH_CHANGES + 1..=total).collect::<Vec<_>>());
}

async fn a_range_beyond_the_head_is_empty(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let direct = db.direct(&ann, &bob).await;
    assert!(db.a.range(ann.id, direct, Seq(1), Seq(10)).await.unwrap().changes.is_empty());
    db.post(&ann, direct, "one").await;
    for (from, to) in [(2, 9), (u64::MAX, u64::MAX), (1, 0)] {
        let range = db.a.range(ann.id, direct, Seq(from), Seq(to)).await.unwrap();
        assert_eq!((range.changes.len(), range.head), (0, Seq(1)), "{from}..={to}");
    }
}

async fn a_new_member_sees_nothing_from_before_their_time(db: Database) {
    let [ann, bob, cat] = db.people(["ann", "bob", "cat"]).await;
    let group = db.group(&[&ann, &bob]).await;
    db.post(&ann, group, "about Cat").await;
    let since = db.amend(&ann, group, Amendment::AddMembers(vec![cat.id])).await[0].seq;
    db.post(&ann, group, "welcome").await;
    let range = db.b.range(cat.id, group, Seq(1), Seq(99)).await.unwrap();
    assert_eq!((range.from, seqs(&range.changes)), (since, vec![since.0, since.0 + 1]));
    assert_eq!(texts(&range.changes), ["welcome"]);
    let before = db.b.range(cat.id, group, Seq(1), since.previous()).await.unwrap();
    assert!(before.changes.is_empty());
    assert_eq!(db.b.range(bob.id, group, Seq(1), Seq(99)).await.unwrap().changes.len(), 5);
}

async fn a_removed_member_sees_nothing(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let group = db.group(&[&ann, &bob]).await;
    db.post(&bob, group, "mine").await;
    db.amend(&ann, group, Amendment::RemoveMember(bob.id)).await;
    assert_refused!(db.b.range(bob.id, group, Seq(1), Seq(3)).await, StoreError::NotAMember);
    assert_refused!(db.b.conversation(bob.id, group).await, StoreError::NotAMember);
    assert!(db.b.conversations(bob.id).await.unwrap().is_empty());
    db.post(&ann, group, "behind their back").await;
    let since = db.amend(&ann, group, Amendment::AddMembers(vec![bob.id])).await[0].seq;
    let range = db.b.range(bob.id, group, Seq(1), Seq(99)).await.unwrap();
    assert_eq!((range.from, range.changes.len()), (since, 1), "who comes back starts anew");
}

async fn a_stranger_sees_nothing(db: Database) {
    let [ann, bob, eve] = db.people(["ann", "bob", "eve"]).await;
    let direct = db.direct(&ann, &bob).await;
    assert_refused!(db.a.range(eve.id, direct, Seq(1), Seq(9)).await, StoreError::NotAMember);
    assert_refused!(db.a.conversation(eve.id, direct).await, StoreError::NotAMember);
    for unknown in [ConversationId(4711), ConversationId(u64::MAX)] {
        assert_refused!(db.a.range(ann.id, unknown, Seq(1), Seq(9)).await, StoreError::UnknownConversation);
        assert_refused!(db.a.conversation(ann.id, unknown).await, StoreError::UnknownConversation);
    }
}

async fn a_node_reads_without_limit(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let direct = db.direct(&ann, &bob).await;
    let total = 3 * FETCH_CHANGES;
    db.a.append((1..=total).map(|n| ann.says(direct, &n.to_string())).collect()).await.unwrap();
    let changes = db.b.changes(direct, Seq(2), Seq(total)).await.unwrap();
    assert_eq!(seqs(&changes), (2..=total).collect::<Vec<_>>());
    assert!(db.b.changes(ConversationId(4711), Seq(1), Seq(9)).await.unwrap().is_empty());
}
