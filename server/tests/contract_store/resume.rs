//! What a connecting device is told: everything at first, then what it missed.

use crate::harness::{Database, LATER, Person};
use trunkline_protocol::{ConversationId, Position, Seq};
use trunkline_server::store::{Amendment, Resume};

contract!(
    a_new_device_is_told_everything,
    a_device_that_missed_nothing_is_told_nothing,
    a_device_is_told_what_it_missed_and_no_more,
    a_device_learns_of_cursors_names_and_new_conversations,
    a_device_learns_what_it_left,
    who_left_and_came_back_has_not_left,
    a_position_of_another_history_is_as_none,
    a_resume_loses_nothing_while_others_write,
);

fn ids(resume: &Resume) -> Vec<ConversationId> {
    resume.conversations.iter().map(|conversation| conversation.id).collect()
}

impl Database {
    async fn position(&self) -> Position {
        self.a.follow(None).await.unwrap().position
    }

    async fn resume(&self, person: &Person, since: Position) -> Resume {
        let resume = self.b.resume(person.id, Some(since)).await.unwrap();
        assert!(!resume.complete);
        resume
    }
}

async fn a_new_device_is_told_everything(db: Database) {
    let [ann, bob, cat] = db.people(["ann", "bob", "cat"]).await;
    let (direct, group) = (db.direct(&ann, &bob).await, db.group(&[&ann, &cat]).await);
    db.direct(&bob, &cat).await;
    db.post(&bob, direct, "hello").await;
    let resume = db.b.resume(ann.id, None).await.unwrap();
    assert!(resume.complete && resume.left.is_empty());
    assert_eq!(resume.epoch, db.a.epoch().await.unwrap());
    assert_eq!(resume.position, db.position().await);
    assert_eq!(ids(&resume), [direct, group]);
    let heads: Vec<_> = resume.joined.iter().map(|joined| (joined.conversation, joined.head)).collect();
    assert_eq!(heads, [(direct, Seq(1)), (group, Seq(2))]);
    assert_eq!(resume.conversations[0], db.a.conversation(ann.id, direct).await.unwrap());
    let nobody = db.a.resume(trunkline_protocol::UserId(4711), None).await.unwrap();
    assert!(nobody.complete && nobody.conversations.is_empty());
}

async fn a_device_that_missed_nothing_is_told_nothing(db: Database) {
    let [ann, bob, cat] = db.people(["ann", "bob", "cat"]).await;
    let (direct, others) = (db.direct(&ann, &bob).await, db.direct(&bob, &cat).await);
    db.post(&ann, direct, "hello").await;
    let since = db.position().await;
    db.post(&bob, others, "not hers").await;
    let resume = db.resume(&ann, since).await;
    assert!(ids(&resume).is_empty() && resume.left.is_empty());
    assert_eq!(resume.joined.len(), 1, "what is joined is always told whole");
}

async fn a_device_is_told_what_it_missed_and_no_more(db: Database) {
    let [ann, bob, cat] = db.people(["ann", "bob", "cat"]).await;
    let (direct, group) = (db.direct(&ann, &bob).await, db.group(&[&ann, &cat]).await);
    let start = db.position().await;
    db.post(&cat, group, "one").await;
    let first = db.resume(&ann, start).await;
    assert_eq!(ids(&first), [group]);
    assert_eq!((first.conversations[0].head, first.conversations[0].unread), (Seq(3), 1));
    db.post(&bob, direct, "two").await;
    assert_eq!(ids(&db.resume(&ann, first.position).await), [direct]);
    assert_eq!(ids(&db.resume(&ann, start).await), [direct, group]);
    assert_eq!(ids(&db.resume(&ann, Position(0)).await), [direct, group]);
}

async fn a_device_learns_of_cursors_names_and_new_conversations(db: Database) {
    let [ann, bob, cat] = db.people(["ann", "bob", "cat"]).await;
    let direct = db.direct(&ann, &bob).await;
    db.post(&ann, direct, "read me").await;
    let mut since = db.position().await;
    db.a.advance(bob.id, direct, Seq(1), Seq(1)).await.unwrap();
    let read = db.resume(&ann, since).await;
    assert_eq!(read.conversations[0].member(bob.id).unwrap().read, Seq(1));
    since = read.position;
    db.a.set_display_name(bob.id, "Robert").await.unwrap();
    let renamed = db.resume(&ann, since).await;
    assert_eq!(renamed.conversations[0].peer(ann.id).unwrap().display_name, "Robert");
    since = renamed.position;
    let new = db.direct(&cat, &ann).await;
    let found = db.resume(&ann, since).await;
    assert_eq!(ids(&found), [new], "though nothing was said in it yet");
}

async fn a_device_learns_what_it_left(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let (one, two) = (db.group(&[&ann, &bob]).await, db.group(&[&ann, &bob]).await);
    db.amend(&ann, one, Amendment::RemoveMember(bob.id)).await;
    let between = db.position().await;
    db.amend(&bob, two, Amendment::RemoveMember(bob.id)).await;
    let resume = db.resume(&bob, between).await;
    assert_eq!((resume.left.as_slice(), resume.joined.len()), ([two].as_slice(), 0));
    assert!(resume.conversations.is_empty());
    assert_eq!(db.resume(&bob, Position(0)).await.left, [one, two]);
    assert!(db.b.resume(bob.id, None).await.unwrap().left.is_empty());
}

async fn who_left_and_came_back_has_not_left(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let group = db.group(&[&ann, &bob]).await;
    db.post(&ann, group, "old").await;
    let since = db.position().await;
    db.amend(&ann, group, Amendment::RemoveMember(bob.id)).await;
    let added = db.amend(&ann, group, Amendment::AddMembers(vec![bob.id])).await;
    let resume = db.resume(&bob, since).await;
    assert_eq!((ids(&resume), resume.left.len()), (vec![group], 0));
    assert_eq!((resume.conversations[0].since, &resume.conversations[0].last_message), (added[0].seq, &None));
}

async fn a_position_of_another_history_is_as_none(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let direct = db.direct(&ann, &bob).await;
    for ahead in [Position(db.position().await.0 + 1), Position(u64::MAX)] {
        let resume = db.a.resume(ann.id, Some(ahead)).await.unwrap();
        assert!(resume.complete);
        assert_eq!(ids(&resume), [direct]);
    }
}

async fn a_resume_loses_nothing_while_others_write(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let direct = db.direct(&ann, &bob).await;
    let (store, author) = (db.handle(0), ann.clone());
    let writer = tokio::spawn(async move {
        for n in 0..200 {
            store.append(vec![author.says(direct, &n.to_string())]).await.unwrap();
        }
    });
    let (mut since, mut head) = (Position(0), Seq(0));
    while head < Seq(200) {
        let resume = db.resume(&bob, since).await;
        if let Some(conversation) = resume.conversations.first() {
            assert!(conversation.head > head || since == Position(0));
            assert_eq!(conversation.unread, conversation.head.0, "head and count are of one moment");
            head = conversation.head;
        }
        assert_eq!(resume.joined[0].head, head, "what is not told is known");
        since = resume.position;
    }
    writer.await.unwrap();
    assert!(db.a.session(&bob.token, LATER - 1).await.unwrap().is_some());
}
