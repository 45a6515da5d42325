//! Following the store: nothing that a node must learn of is ever skipped.

use crate::harness::{Database, NOW, join_all, post, secret};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use trunkline_protocol::{ConversationId, Position, Seq};
use trunkline_server::store::{Amendment, Credential, Followed, Store};

contract!(
    followers_on_two_nodes_miss_nothing_while_both_write,
    a_new_follower_starts_from_now,
    a_position_stays_where_nothing_happens,
    a_change_of_members_is_marked,
    a_new_conversation_is_told_before_anything_is_said_in_it,
    moved_cursors_are_told,
    ended_sessions_and_tokens_are_told,
    new_names_are_told_once_wherever_they_are_shown,
    a_position_that_was_never_given_out_tells_nothing,
);

/// Follows until both all writers are done and nothing new comes; returns how far each log was seen.
async fn follow_along(store: Arc<dyn Store>, writing: Arc<AtomicUsize>) -> HashMap<ConversationId, Seq> {
    let (mut position, mut seen) = (Position(0), HashMap::new());
    loop {
        let last_round = writing.load(Ordering::SeqCst) == 0;
        let followed = store.follow(Some(position)).await.unwrap();
        assert!(followed.position >= position);
        position = followed.position;
        for grown in followed.changed {
            let last = seen.insert(grown.conversation, grown.to).unwrap_or(Seq(0));
            assert_eq!(grown.from, last.next(), "neither a hole nor anything twice");
        }
        if last_round {
            return seen;
        }
    }
}

async fn followers_on_two_nodes_miss_nothing_while_both_write(db: Database) {
    const WRITERS: usize = 6;
    const MESSAGES: usize = 60;
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let mut groups = Vec::new();
    for _ in 0..4 {
        groups.push(db.group(&[&ann, &bob]).await);
    }
    let writing = Arc::new(AtomicUsize::new(WRITERS));
    let followers =
        (0..2).map(|node| tokio::spawn(follow_along(db.handle(node), Arc::clone(&writing)))).collect::<Vec<_>>();
    let writers = (0..WRITERS).map(|task| {
        let (store, ann, groups, writing) = (db.handle(task), ann.clone(), groups.clone(), Arc::clone(&writing));
        tokio::spawn(async move {
            for n in 0..MESSAGES {
                post(&*store, ann.says(groups[(task + n) % groups.len()], "x")).await.unwrap();
            }
            writing.fetch_sub(1, Ordering::SeqCst);
        })
    });
    join_all(writers.collect()).await;
    for seen in join_all(followers).await {
        for group in &groups {
            assert_eq!(seen[group].0, db.log(*group).await.len() as u64);
        }
    }
}

/// What is followed when nothing has happened.
async fn nothing(db: &Database, position: Position) -> Followed {
    let epoch = db.b.epoch().await.unwrap();
    Followed { epoch, position, changed: Vec::new(), cursors: Vec::new(), ended: Vec::new(), renamed: Vec::new() }
}

async fn a_new_follower_starts_from_now(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let direct = db.direct(&ann, &bob).await;
    db.post(&ann, direct, "old").await;
    let start = db.b.follow(None).await.unwrap();
    assert_eq!(start, nothing(&db, start.position).await);
    db.post(&ann, direct, "new").await;
    let followed = db.b.follow(Some(start.position)).await.unwrap();
    let grown = followed.changed[0];
    assert_eq!((followed.changed.len(), grown.conversation, grown.from, grown.to), (1, direct, Seq(2), Seq(2)));
    assert!(followed.position > start.position);
}

async fn a_position_stays_where_nothing_happens(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let direct = db.direct(&ann, &bob).await;
    let message = ann.says(direct, "one");
    post(&*db.a, message.clone()).await.unwrap();
    db.a.advance(bob.id, direct, Seq(1), Seq(1)).await.unwrap();
    let position = db.a.follow(None).await.unwrap().position;
    post(&*db.a, message).await.unwrap();
    db.a.advance(bob.id, direct, Seq(1), Seq(0)).await.unwrap();
    db.a.set_last_seen(&[ann.id], NOW).await.unwrap();
    db.a.amend(ann.id, direct, Amendment::Rename("no".into()), NOW).await.unwrap_err();
    let followed = db.b.follow(Some(position)).await.unwrap();
    assert_eq!(followed, nothing(&db, position).await);
}

async fn a_change_of_members_is_marked(db: Database) {
    let [ann, bob, cat] = db.people(["ann", "bob", "cat"]).await;
    let group = db.group(&[&ann, &bob]).await;
    let start = db.b.follow(None).await.unwrap().position;
    db.post(&ann, group, "who is missing?").await;
    let talk = db.b.follow(Some(start)).await.unwrap();
    assert!(!talk.changed[0].members_changed);
    db.amend(&ann, group, Amendment::AddMembers(vec![cat.id])).await;
    db.post(&cat, group, "me").await;
    let added = db.b.follow(Some(talk.position)).await.unwrap();
    assert!(added.changed[0].members_changed);
    db.amend(&ann, group, Amendment::Rename("All".into())).await;
    let renamed = db.b.follow(Some(added.position)).await.unwrap();
    assert!(!renamed.changed[0].members_changed);
    assert!(db.b.follow(Some(start)).await.unwrap().changed[0].members_changed);
}

async fn a_new_conversation_is_told_before_anything_is_said_in_it(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let start = db.b.follow(None).await.unwrap().position;
    let direct = db.direct(&ann, &bob).await;
    let followed = db.b.follow(Some(start)).await.unwrap();
    let grown = followed.changed[0];
    assert_eq!((followed.changed.len(), grown.conversation, grown.from, grown.to), (1, direct, Seq(1), Seq(0)));
    db.direct(&bob, &ann).await;
    assert_eq!(db.b.follow(Some(followed.position)).await.unwrap(), nothing(&db, followed.position).await);
}

async fn moved_cursors_are_told(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let direct = db.direct(&ann, &bob).await;
    db.a.append((0..9).map(|_| ann.says(direct, "x")).collect()).await.unwrap();
    let start = db.b.follow(None).await.unwrap().position;
    db.a.advance(bob.id, direct, Seq(3), Seq(1)).await.unwrap();
    let state = db.b.advance(bob.id, direct, Seq(7), Seq(5)).await.unwrap();
    let followed = db.a.follow(Some(start)).await.unwrap();
    assert_eq!((followed.cursors.as_slice(), followed.changed.len()), ([state].as_slice(), 0));
    db.post(&ann, direct, "y").await;
    let next = db.a.follow(Some(followed.position)).await.unwrap();
    assert_eq!((next.cursors.len(), next.changed.len()), (0, 1), "nothing is told twice");
}

async fn ended_sessions_and_tokens_are_told(db: Database) {
    let [ann, bob, cat] = db.people(["ann", "bob", "cat"]).await;
    let token = db.a.create_token(cat.id, "script", secret(), NOW).await.unwrap();
    let bobs = db.a.create_token(bob.id, "script", secret(), NOW).await.unwrap();
    let mut position = db.b.follow(None).await.unwrap().position;
    let mut told = async |credentials: &[Credential]| {
        let followed = db.b.follow(Some(position)).await.unwrap();
        assert_eq!(followed.ended, credentials);
        position = followed.position;
    };
    db.a.end_session(ann.id, ann.session, NOW).await.unwrap();
    told(&[Credential::Session(ann.session)]).await;
    db.a.end_sessions(bob.id, None, NOW).await.unwrap();
    told(&[Credential::Session(bob.session)]).await;
    db.a.set_password(cat.id, "new", NOW).await.unwrap();
    told(&[Credential::Session(cat.session), Credential::Token(token)]).await;
    db.a.revoke_token(bob.id, bobs).await.unwrap();
    told(&[Credential::Token(bobs)]).await;
}

async fn new_names_are_told_once_wherever_they_are_shown(db: Database) {
    let [ann, bob, cat] = db.people(["ann", "bob", "cat"]).await;
    let (direct, group) = (db.direct(&ann, &bob).await, db.group(&[&ann, &bob]).await);
    db.direct(&ann, &cat).await;
    db.amend(&bob, group, Amendment::RemoveMember(bob.id)).await;
    let start = db.b.follow(None).await.unwrap().position;
    db.a.set_display_name(bob.id, "Robert").await.unwrap();
    let followed = db.b.follow(Some(start)).await.unwrap();
    assert_eq!(followed.renamed, [direct, group]);
    assert!(db.b.follow(Some(followed.position)).await.unwrap().renamed.is_empty());
}

async fn a_position_that_was_never_given_out_tells_nothing(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    db.direct(&ann, &bob).await;
    let position = db.a.follow(None).await.unwrap().position;
    for ahead in [Position(position.0 + 1), Position(u64::MAX)] {
        let followed = db.a.follow(Some(ahead)).await.unwrap();
        assert_eq!(followed, nothing(&db, position).await);
    }
}
