//! What an append guarantees: dense, in order, authorised, answered each by itself.

use crate::harness::{Database, LATER, NOW, join_all, post, secret, texts};
use std::sync::Arc;
use trunkline_protocol::{ConversationId, SessionId};
use trunkline_server::store::{Amendment, Append, AppendError, Credential, NewSession};

contract!(
    seqs_are_dense_under_contention_of_two_nodes,
    a_message_reads_back_to_the_letter,
    a_batch_keeps_its_order_and_may_span_conversations,
    a_refused_message_does_not_hold_back_the_others,
    an_empty_batch_has_an_empty_answer,
    an_ended_session_appends_nothing,
    an_expired_session_appends_nothing,
    a_revoked_token_appends_nothing,
    somebody_elses_session_appends_nothing,
    an_answer_names_the_member_list_it_goes_to,
);

async fn seqs_are_dense_under_contention_of_two_nodes(db: Database) {
    const TASKS: usize = 8;
    const MESSAGES: usize = 40;
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let groups = [db.group(&[&ann, &bob]).await, db.group(&[&ann, &bob]).await];
    let tasks = (0..TASKS).map(|task| {
        let (store, author) = (db.handle(task), if task % 3 == 0 { ann.clone() } else { bob.clone() });
        tokio::spawn(async move {
            let mut acked = Vec::new();
            for n in 0..MESSAGES {
                let message = author.says(groups[(task + n) % 2], &format!("{task}/{n}"));
                let appended = post(&*store, message.clone()).await.unwrap();
                assert!(appended.fresh);
                acked.push((message, appended));
            }
            acked
        })
    });
    let acked = join_all(tasks.collect()).await.concat();
    assert_eq!(acked.len(), TASKS * MESSAGES);
    for group in groups {
        let log = db.log(group).await;
        let expected: Vec<u64> = (1..=log.len() as u64).collect();
        assert_eq!(crate::harness::seqs(&log), expected);
        for (message, appended) in acked.iter().filter(|(message, _)| message.conversation == group) {
            let change = &log[appended.seq.0 as usize - 1];
            assert_eq!((change.key, change.author), (Some(message.key), message.author));
            assert_eq!(change.body.text(), Some(message.text.as_str()));
        }
    }
    let stored = db.log(groups[0]).await.len() + db.log(groups[1]).await.len();
    assert_eq!(stored, TASKS * MESSAGES + 4, "each group begins with two changes that are no messages");
}

async fn a_message_reads_back_to_the_letter(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let direct = db.direct(&ann, &bob).await;
    let text = "  <b>hi</b>\r\n\u{0}\u{1F980}'; DROP TABLE changes;-- \u{202e}ünï 你好 ";
    let message = Append { at: NOW + 7, ..ann.says(direct, text) };
    let appended = post(&*db.a, message.clone()).await.unwrap();
    let log = db.log(direct).await;
    assert_eq!(texts(&log), [text]);
    assert_eq!((log[0].seq, log[0].at, log[0].author, log[0].key), (appended.seq, NOW + 7, ann.id, Some(message.key)));
}

async fn a_batch_keeps_its_order_and_may_span_conversations(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let (direct, group) = (db.direct(&ann, &bob).await, db.group(&[&ann, &bob]).await);
    let batch = (0..100).map(|n| ann.says(if n % 2 == 0 { direct } else { group }, &n.to_string())).collect();
    let answers = db.a.append(batch).await.unwrap();
    let seqs: Vec<u64> = answers.iter().map(|answer| answer.unwrap().seq.0).collect();
    let expected: Vec<u64> = (0..100).map(|n| if n % 2 == 0 { n / 2 + 1 } else { n / 2 + 3 }).collect();
    assert_eq!(seqs, expected);
    let evens: Vec<String> = (0..100).step_by(2).map(|n| n.to_string()).collect();
    assert_eq!(texts(&db.log(direct).await), evens);
}

async fn a_refused_message_does_not_hold_back_the_others(db: Database) {
    let [ann, bob, eve] = db.people(["ann", "bob", "eve"]).await;
    let direct = db.direct(&ann, &bob).await;
    let first = ann.says(direct, "one");
    let batch = vec![
        first.clone(),
        eve.says(direct, "let me in"),
        ann.says(ConversationId(4711), "nowhere"),
        ann.says(ConversationId(u64::MAX), "nowhere at all"),
        Append { text: "another".into(), ..first },
        Append { credential: Credential::Session(SessionId::random()), ..ann.says(direct, "no session") },
        Append { credential: Credential::Token(u64::MAX), ..ann.says(direct, "no token") },
        bob.says(direct, "two"),
    ];
    let answers = db.a.append(batch).await.unwrap();
    let reasons: Vec<_> = answers.iter().map(|answer| answer.map(|appended| appended.seq.0)).collect();
    let expected = [
        Ok(1),
        Err(AppendError::NotAMember),
        Err(AppendError::UnknownConversation),
        Err(AppendError::UnknownConversation),
        Err(AppendError::KeyConflict),
        Err(AppendError::SessionEnded),
        Err(AppendError::SessionEnded),
        Ok(2),
    ];
    assert_eq!(reasons, expected);
    assert_eq!(texts(&db.log(direct).await), ["one", "two"]);
}

async fn an_empty_batch_has_an_empty_answer(db: Database) {
    assert!(db.a.append(Vec::new()).await.unwrap().is_empty());
}

async fn an_ended_session_appends_nothing(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let direct = db.direct(&ann, &bob).await;
    assert!(db.b.end_session(ann.id, ann.session, NOW).await.unwrap());
    assert_eq!(post(&*db.a, ann.says(direct, "late")).await, Err(AppendError::SessionEnded));
    assert!(db.log(direct).await.is_empty());
    db.post(&bob, direct, "still here").await;
}

async fn an_expired_session_appends_nothing(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let direct = db.direct(&ann, &bob).await;
    let at = |at| Append { at, ..ann.says(direct, "tick") };
    assert!(post(&*db.a, at(LATER - 1)).await.is_ok());
    assert_eq!(post(&*db.a, at(LATER)).await, Err(AppendError::SessionEnded));
}

async fn a_revoked_token_appends_nothing(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let direct = db.direct(&ann, &bob).await;
    let token = db.a.create_token(ann.id, "script", secret(), NOW).await.unwrap();
    let message = || Append { credential: Credential::Token(token), ..ann.says(direct, "beep") };
    assert!(post(&*db.a, message()).await.is_ok());
    assert!(db.b.revoke_token(ann.id, token).await.unwrap());
    assert_eq!(post(&*db.a, message()).await, Err(AppendError::SessionEnded));
}

async fn somebody_elses_session_appends_nothing(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let direct = db.direct(&ann, &bob).await;
    let stolen = Append { credential: Credential::Session(bob.session), ..ann.says(direct, "it was Ann") };
    assert_eq!(post(&*db.a, stolen).await, Err(AppendError::SessionEnded));
    let second = NewSession {
        id: SessionId::random(),
        user: ann.id,
        token: secret(),
        device: "phone".into(),
        at: NOW,
        expires: LATER,
    };
    db.a.create_session(second.clone()).await.unwrap();
    let own = Append { credential: Credential::Session(second.id), ..ann.says(direct, "it was Ann") };
    assert!(post(&*db.a, own).await.is_ok());
}

async fn an_answer_names_the_member_list_it_goes_to(db: Database) {
    let [ann, bob, cat] = db.people(["ann", "bob", "cat"]).await;
    let (direct, group) = (db.direct(&ann, &bob).await, db.group(&[&ann, &bob]).await);
    assert_eq!(db.post(&ann, direct, "to two").await.members_at.0, 0);
    assert_eq!(db.post(&ann, group, "to two").await.members_at.0, 2);
    let added = db.amend(&ann, group, Amendment::AddMembers(vec![cat.id])).await;
    db.amend(&ann, group, Amendment::Rename("Pier".into())).await;
    let message = ann.says(group, "to three");
    let appended = post(&*db.b, message).await.unwrap();
    assert_eq!(appended.members_at, added[0].seq);
    let membership = db.b.membership(group).await.unwrap();
    assert_eq!((membership.members_at, membership.head), (appended.members_at, appended.seq));
    assert_eq!(membership.users, [ann.id, bob.id, cat.id].into());
    let nobody = Arc::clone(&db.a).membership(ConversationId(4711)).await.unwrap();
    assert!(nobody.users.is_empty());
}
