//! Cursors move forward only, and what is unread is counted exactly.

use crate::harness::{Database, Dice, Person, assert_refused, join_all};
use trunkline_protocol::{ConversationId, Seq};
use trunkline_server::store::{Amendment, StoreError};

contract!(
    cursors_move_forward_only,
    cursors_end_at_the_highest_of_what_two_nodes_say_at_once,
    reading_implies_having_received,
    a_cursor_can_not_be_beyond_the_head,
    only_members_have_cursors,
    posting_moves_no_cursor,
    own_messages_and_other_changes_are_never_unread,
    unread_is_exact_whatever_happens,
);

async fn cursors_move_forward_only(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let direct = db.direct(&ann, &bob).await;
    db.a.append((0..9).map(|_| ann.says(direct, "x")).collect()).await.unwrap();
    let state = db.a.advance(bob.id, direct, Seq(6), Seq(4)).await.unwrap();
    assert!(state.moved);
    assert_eq!((state.cursor.delivered, state.cursor.read, state.unread, state.head), (Seq(6), Seq(4), 5, Seq(9)));
    let back = db.b.advance(bob.id, direct, Seq(5), Seq(2)).await.unwrap();
    assert!(!back.moved);
    assert_eq!((back.cursor, back.unread), (state.cursor, 5));
    let on = db.b.advance(bob.id, direct, Seq(9), Seq(0)).await.unwrap();
    assert!(on.moved);
    assert_eq!((on.cursor.delivered, on.cursor.read, on.unread), (Seq(9), Seq(4), 5));
}

async fn cursors_end_at_the_highest_of_what_two_nodes_say_at_once(db: Database) {
    const HEAD: u64 = 200;
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let direct = db.direct(&ann, &bob).await;
    db.a.append((0..HEAD).map(|_| ann.says(direct, "x")).collect()).await.unwrap();
    let tasks = (0..4).map(|task| {
        let (store, mut dice, bob) = (db.handle(task), Dice(task as u64), bob.id);
        tokio::spawn(async move {
            let (mut highest, mut last) = (Seq(0), Seq(0));
            for _ in 0..60 {
                let read = Seq(dice.below(HEAD + 1));
                let state = store.advance(bob, direct, Seq(0), read).await.unwrap();
                assert!(state.cursor.read >= read.max(last), "a cursor went back");
                assert_eq!(state.unread, HEAD - state.cursor.read.0);
                (highest, last) = (highest.max(read), state.cursor.read);
            }
            highest
        })
    });
    let highest = join_all(tasks.collect()).await.into_iter().max().unwrap();
    let conversation = db.b.conversation(bob.id, direct).await.unwrap();
    let member = conversation.member(bob.id).unwrap();
    assert_eq!((member.read, member.delivered), (highest, highest));
}

async fn reading_implies_having_received(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let direct = db.direct(&ann, &bob).await;
    db.post(&ann, direct, "x").await;
    let state = db.a.advance(bob.id, direct, Seq(0), Seq(1)).await.unwrap();
    assert_eq!((state.cursor.delivered, state.cursor.read), (Seq(1), Seq(1)));
}

async fn a_cursor_can_not_be_beyond_the_head(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let direct = db.direct(&ann, &bob).await;
    db.post(&ann, direct, "x").await;
    for (delivered, read) in [(2, 0), (0, 2), (u64::MAX, 1)] {
        let refused = db.a.advance(bob.id, direct, Seq(delivered), Seq(read)).await;
        assert_refused!(refused, StoreError::CursorBeyondHead);
    }
    assert_eq!(db.b.conversation(bob.id, direct).await.unwrap().unread, 1);
}

async fn only_members_have_cursors(db: Database) {
    let [ann, bob, eve] = db.people(["ann", "bob", "eve"]).await;
    let group = db.group(&[&ann, &bob]).await;
    db.amend(&ann, group, Amendment::RemoveMember(bob.id)).await;
    for stranger in [&bob, &eve] {
        assert_refused!(db.a.advance(stranger.id, group, Seq(1), Seq(1)).await, StoreError::NotAMember);
    }
    let unknown = db.a.advance(ann.id, ConversationId(4711), Seq(0), Seq(0)).await;
    assert_refused!(unknown, StoreError::UnknownConversation);
}

async fn posting_moves_no_cursor(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let direct = db.direct(&ann, &bob).await;
    db.post(&ann, direct, "x").await;
    let conversation = db.b.conversation(ann.id, direct).await.unwrap();
    assert!(conversation.members.iter().all(|member| (member.delivered, member.read) == (Seq(0), Seq(0))));
}

async fn own_messages_and_other_changes_are_never_unread(db: Database) {
    let [ann, bob, cat] = db.people(["ann", "bob", "cat"]).await;
    let group = db.group(&[&ann, &bob]).await;
    db.post(&ann, group, "mine").await;
    db.amend(&ann, group, Amendment::Rename("Pier".into())).await;
    db.post(&bob, group, "theirs").await;
    db.amend(&ann, group, Amendment::AddMembers(vec![cat.id])).await;
    let mut unread = Vec::new();
    for person in [&ann, &bob, &cat] {
        unread.push(db.b.conversation(person.id, group).await.unwrap().unread);
    }
    assert_eq!(unread, [1, 1, 0]);
}

/// What is unread, counted from the log.
async fn count(db: &Database, viewer: &Person, group: ConversationId) -> u64 {
    let conversation = db.b.conversation(viewer.id, group).await.unwrap();
    let read = conversation.member(viewer.id).unwrap().read;
    let log = db.log(group).await;
    let unread = log.iter().filter(|change| {
        change.body.text().is_some()
            && change.author != viewer.id
            && change.seq > read
            && change.seq >= conversation.since
    });
    unread.count() as u64
}

async fn unread_is_exact_whatever_happens(db: Database) {
    let people = db.people(["ann", "bob", "cat", "dan"]).await;
    let group = db.group(&people.each_ref()).await;
    let (owner, mut dice) = (&people[0], Dice(7));
    for _ in 0..300 {
        let person = &people[dice.below(4) as usize];
        let store = db.handle(dice.below(2) as usize);
        match dice.below(10) {
            0 if person.id != owner.id => {
                db.amend(owner, group, Amendment::RemoveMember(person.id)).await;
            }
            1 => {
                db.amend(owner, group, Amendment::AddMembers(vec![person.id])).await;
            }
            2..=4 => {
                let head = db.b.membership(group).await.unwrap().head;
                let to = Seq(dice.below(head.0 + 1));
                // Whoever was removed is refused.
                let _refused = store.advance(person.id, group, to, Seq(to.0 - dice.below(to.0 + 1))).await;
            }
            _ => {
                let batch = (0..=dice.below(4)).map(|_| person.says(group, "x")).collect();
                store.append(batch).await.unwrap();
            }
        }
        let Ok(conversation) = db.b.conversation(person.id, group).await else { continue };
        assert_eq!(conversation.unread, count(&db, person, group).await);
    }
    for person in &people {
        let head = db.b.membership(group).await.unwrap().head;
        db.amend(owner, group, Amendment::AddMembers(vec![person.id])).await;
        assert_eq!(db.a.advance(person.id, group, head, head).await.unwrap().unread, count(&db, person, group).await);
    }
}
