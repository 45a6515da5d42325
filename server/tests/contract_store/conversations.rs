//! Direct conversations, and conversations as their members see them.

use crate::harness::{Database, NOW, assert_refused, join_all};
use trunkline_protocol::{ConversationKind, Seq, UserId};
use trunkline_server::store::{Amendment, StoreError};

contract!(
    a_pair_has_one_direct_conversation_whoever_asks,
    a_race_for_a_direct_conversation_makes_one,
    nobody_talks_to_themselves_or_to_nobody,
    a_conversation_is_described_as_its_viewer_sees_it,
    the_preview_is_the_last_message_the_viewer_may_see,
    conversations_are_listed_last_active_first,
);

async fn a_pair_has_one_direct_conversation_whoever_asks(db: Database) {
    let [ann, bob, cat] = db.people(["ann", "bob", "cat"]).await;
    let (direct, new) = db.a.direct(ann.id, bob.id, NOW).await.unwrap();
    assert!(new);
    assert_eq!(db.b.direct(bob.id, ann.id, NOW).await.unwrap(), (direct, false));
    assert_ne!(db.b.direct(bob.id, cat.id, NOW).await.unwrap().0, direct);
}

async fn a_race_for_a_direct_conversation_makes_one(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let tasks = (0..8).map(|task| {
        let (store, mut pair) = (db.handle(task), [ann.id, bob.id]);
        pair.rotate_left(task / 2 % 2);
        tokio::spawn(async move { store.direct(pair[0], pair[1], NOW).await.unwrap() })
    });
    let results = join_all(tasks.collect()).await;
    assert!(results.iter().all(|(conversation, _)| *conversation == results[0].0));
    assert_eq!(results.iter().filter(|(_, new)| *new).count(), 1);
}

async fn nobody_talks_to_themselves_or_to_nobody(db: Database) {
    let ann = db.person("ann").await;
    assert_refused!(db.a.direct(ann.id, ann.id, NOW).await, StoreError::Forbidden);
    for unknown in [UserId(4711), UserId(u64::MAX)] {
        assert_refused!(db.a.direct(ann.id, unknown, NOW).await, StoreError::UnknownUser);
    }
    assert!(db.a.conversations(ann.id).await.unwrap().is_empty());
}

async fn a_conversation_is_described_as_its_viewer_sees_it(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let (direct, group) = (db.direct(&ann, &bob).await, db.group(&[&bob, &ann]).await);
    let direct = db.b.conversation(ann.id, direct).await.unwrap();
    assert_eq!((direct.kind, direct.name.clone(), direct.owner), (ConversationKind::Direct, None, None));
    assert_eq!((direct.head, direct.since, direct.unread), (Seq(0), Seq(1), 0));
    assert_eq!((direct.peer(ann.id), &direct.last_message), (Some(&bob.user), &None));
    let group = db.b.conversation(ann.id, group).await.unwrap();
    assert_eq!(
        (group.kind, group.name.as_deref(), group.owner),
        (ConversationKind::Group, Some("Harbour"), Some(bob.id))
    );
    assert_eq!((group.head, group.since, group.unread), (Seq(2), Seq(1), 0));
    let members: Vec<_> = group.members.into_iter().map(|member| member.user).collect();
    assert_eq!(members, [ann.user, bob.user], "by user id");
}

async fn the_preview_is_the_last_message_the_viewer_may_see(db: Database) {
    let [ann, bob, cat] = db.people(["ann", "bob", "cat"]).await;
    let group = db.group(&[&ann, &bob]).await;
    let preview = async |viewer: UserId| {
        let last = db.b.conversation(viewer, group).await.unwrap().last_message;
        last.map(|change| change.body.text().unwrap().to_owned())
    };
    assert_eq!(preview(ann.id).await, None);
    db.post(&ann, group, "about Cat").await;
    db.amend(&ann, group, Amendment::AddMembers(vec![cat.id])).await;
    assert_eq!(preview(ann.id).await.as_deref(), Some("about Cat"), "events are no messages");
    assert_eq!(preview(cat.id).await, None);
    db.post(&bob, group, "welcome").await;
    assert_eq!(preview(cat.id).await.as_deref(), Some("welcome"));
}

async fn conversations_are_listed_last_active_first(db: Database) {
    let [ann, bob, cat] = db.people(["ann", "bob", "cat"]).await;
    let (one, two, three) = (db.direct(&ann, &bob).await, db.group(&[&ann, &bob]).await, db.direct(&ann, &cat).await);
    let order = async || {
        let conversations = db.b.conversations(ann.id).await.unwrap();
        conversations.iter().map(|conversation| conversation.id).collect::<Vec<_>>()
    };
    assert_eq!(order().await, [three, two, one]);
    db.post(&bob, one, "first again").await;
    assert_eq!(order().await, [one, three, two]);
    db.amend(&ann, two, Amendment::Rename("Pier".into())).await;
    db.a.advance(ann.id, one, Seq(1), Seq(1)).await.unwrap();
    assert_eq!(order().await, [two, one, three], "reading is no activity");
}
