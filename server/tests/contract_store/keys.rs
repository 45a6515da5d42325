//! Send keys: the same key gives the same result for ever.

use crate::harness::{Database, NOW, join_all, post, texts};
use trunkline_protocol::{ChangeBody, SendKey};
use trunkline_server::store::{Amendment, Append, AppendError, Appended};

contract!(
    a_repeated_key_gives_the_first_result,
    a_key_repeated_in_one_batch_is_stored_once,
    two_nodes_that_store_the_same_keys_at_once_agree,
    a_key_used_for_something_else_conflicts,
    a_removed_author_still_gets_the_first_result,
    an_ended_session_gets_no_result_even_for_a_stored_key,
    a_refused_key_is_free_to_be_used,
);

async fn a_repeated_key_gives_the_first_result(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let direct = db.direct(&ann, &bob).await;
    let message = ann.says(direct, "once");
    let first = post(&*db.a, message.clone()).await.unwrap();
    db.post(&bob, direct, "between").await;
    let db = db.reopen().await;
    let again = post(&*db.b, Append { at: NOW + 60_000, ..message }).await.unwrap();
    assert_eq!(again, Appended { fresh: false, ..first });
    assert_eq!(texts(&db.log(direct).await), ["once", "between"]);
}

async fn a_key_repeated_in_one_batch_is_stored_once(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let direct = db.direct(&ann, &bob).await;
    let message = ann.says(direct, "once");
    let batch = vec![message.clone(), ann.says(direct, "other"), message.clone(), message];
    let answers = db.a.append(batch).await.unwrap();
    let seen: Vec<_> = answers.iter().map(|answer| answer.map(|done| (done.seq.0, done.fresh)).unwrap()).collect();
    assert_eq!(seen, [(1, true), (2, true), (1, false), (1, false)]);
    assert_eq!(texts(&db.log(direct).await), ["once", "other"]);
}

async fn two_nodes_that_store_the_same_keys_at_once_agree(db: Database) {
    const KEYS: usize = 60;
    const TASKS: usize = 6;
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let direct = db.direct(&ann, &bob).await;
    let messages: Vec<_> = (0..KEYS).map(|n| ann.says(direct, &n.to_string())).collect();
    let tasks = (0..TASKS).map(|task| {
        let (store, mut messages) = (db.handle(task), messages.clone());
        messages.rotate_left(task * KEYS / TASKS);
        tokio::spawn(async move {
            let mut results = Vec::new();
            for message in messages {
                let appended = post(&*store, message.clone()).await.unwrap();
                results.push((message.key, appended.seq, appended.fresh));
            }
            results.sort();
            results
        })
    });
    let results = join_all(tasks.collect()).await;
    let seqs = |results: &[(SendKey, _, bool)]| results.iter().map(|(key, seq, _)| (*key, *seq)).collect::<Vec<_>>();
    for other in &results[1..] {
        assert_eq!(seqs(other), seqs(&results[0]));
    }
    let fresh = results.concat().iter().filter(|(_, _, fresh)| *fresh).count();
    assert_eq!((fresh, db.log(direct).await.len()), (KEYS, KEYS));
}

async fn a_key_used_for_something_else_conflicts(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let (direct, group) = (db.direct(&ann, &bob).await, db.group(&[&ann, &bob]).await);
    let first = ann.says(direct, "once");
    post(&*db.a, first.clone()).await.unwrap();
    for other in [
        Append { text: "Once".into(), ..first.clone() },
        Append { conversation: group, ..first.clone() },
        Append { key: first.key, ..bob.says(direct, "once") },
    ] {
        assert_eq!(post(&*db.b, other).await, Err(AppendError::KeyConflict));
    }
    assert_eq!(db.log(direct).await.len(), 1);
}

async fn a_removed_author_still_gets_the_first_result(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let group = db.group(&[&ann, &bob]).await;
    let message = bob.says(group, "bye");
    let first = post(&*db.a, message.clone()).await.unwrap();
    db.amend(&ann, group, Amendment::RemoveMember(bob.id)).await;
    let again = post(&*db.b, message.clone()).await.unwrap();
    assert_eq!((again.seq, again.fresh), (first.seq, false));
    let other = Append { text: "wait".into(), ..message };
    assert_eq!(post(&*db.b, other).await, Err(AppendError::KeyConflict));
    assert_eq!(post(&*db.b, bob.says(group, "wait")).await, Err(AppendError::NotAMember));
    let log = db.log(group).await;
    assert!(matches!(log.last().unwrap().body, ChangeBody::MemberRemoved { .. }));
}

async fn an_ended_session_gets_no_result_even_for_a_stored_key(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let direct = db.direct(&ann, &bob).await;
    let message = ann.says(direct, "once");
    post(&*db.a, message.clone()).await.unwrap();
    db.a.end_sessions(ann.id, None, NOW).await.unwrap();
    assert_eq!(post(&*db.a, message).await, Err(AppendError::SessionEnded));
}

async fn a_refused_key_is_free_to_be_used(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let group = db.group(&[&ann]).await;
    let message = bob.says(group, "hello");
    assert_eq!(post(&*db.a, message.clone()).await, Err(AppendError::NotAMember));
    db.amend(&ann, group, Amendment::AddMembers(vec![bob.id])).await;
    assert!(post(&*db.a, message).await.unwrap().fresh);
}
