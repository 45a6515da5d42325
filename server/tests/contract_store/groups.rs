//! Groups: who may change what, and what it writes.

use crate::harness::{Database, NOW, Person, account, assert_refused, bodies, join_all};
use trunkline_protocol::limits::GROUP_MEMBERS;
use trunkline_protocol::{ChangeBody, ConversationId, Seq, UserId};
use trunkline_server::store::{Amendment, StoreError};

contract!(
    a_group_begins_with_its_name_and_members,
    any_member_may_add_people,
    adding_who_is_there_writes_nothing,
    the_owner_removes_and_anyone_leaves,
    it_is_told_since_when_people_are_in_a_group_and_who_was,
    an_owner_who_leaves_hands_over_to_who_was_there_longest,
    the_last_one_to_leave_leaves_an_empty_group,
    only_the_owner_renames_and_hands_over,
    a_new_name_and_a_new_owner_are_one_commit_or_none,
    what_is_so_already_is_not_written,
    a_group_has_room_for_so_many,
    a_race_into_a_full_group_is_won_by_one,
    a_direct_conversation_is_not_amended,
    strangers_and_strange_groups_are_refused,
);

async fn a_group_begins_with_its_name_and_members(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let (group, changes) = db.a.create_group(bob.id, "Pier", &[ann.id, ann.id], NOW + 5).await.unwrap();
    assert_eq!(changes, db.log(group).await);
    let members = vec![ann.user, bob.user];
    let expected = [ChangeBody::Created { name: "Pier".into() }, ChangeBody::MembersAdded { members }];
    assert_eq!(bodies(&changes), expected);
    assert!(changes.iter().all(|change| change.author == bob.id && change.at == NOW + 5 && change.key.is_none()));
    assert_refused!(db.a.create_group(bob.id, "Pier", &[UserId(4711)], NOW).await, StoreError::UnknownUser);
    assert_refused!(db.a.create_group(UserId(4711), "Pier", &[], NOW).await, StoreError::UnknownUser);
    assert_eq!(db.b.conversations(bob.id).await.unwrap().len(), 1, "what was refused left nothing behind");
}

async fn any_member_may_add_people(db: Database) {
    let [ann, bob, cat, dan] = db.people(["ann", "bob", "cat", "dan"]).await;
    let group = db.group(&[&ann, &bob]).await;
    let users = vec![dan.id, cat.id, bob.id, cat.id];
    let changes = db.amend(&bob, group, Amendment::AddMembers(users)).await;
    assert_eq!(bodies(&changes), [ChangeBody::MembersAdded { members: vec![cat.user.clone(), dan.user] }]);
    let conversation = db.b.conversation(cat.id, group).await.unwrap();
    assert_eq!((conversation.since, conversation.members.len()), (changes[0].seq, 4));
    let before = conversation.since.previous();
    let member = conversation.member(cat.id).unwrap();
    assert_eq!((member.delivered, member.read), (before, before), "what was before is not theirs to receive");
    let mixed = Amendment::AddMembers(vec![UserId(4711)]);
    assert_refused!(db.a.amend(ann.id, group, mixed, NOW).await, StoreError::UnknownUser);
}

async fn adding_who_is_there_writes_nothing(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let group = db.group(&[&ann, &bob]).await;
    for users in [vec![], vec![bob.id], vec![bob.id, ann.id]] {
        assert!(db.amend(&ann, group, Amendment::AddMembers(users)).await.is_empty());
    }
    assert_eq!(db.log(group).await.len(), 2);
}

async fn the_owner_removes_and_anyone_leaves(db: Database) {
    let [ann, bob, cat] = db.people(["ann", "bob", "cat"]).await;
    let group = db.group(&[&ann, &bob, &cat]).await;
    let remove = |user: UserId| Amendment::RemoveMember(user);
    assert_refused!(db.a.amend(bob.id, group, remove(cat.id), NOW).await, StoreError::Forbidden);
    let left = db.amend(&cat, group, remove(cat.id)).await;
    assert_eq!(bodies(&left), [ChangeBody::MemberRemoved { member: cat.id }]);
    assert_eq!(left[0].author, cat.id);
    let removed = db.amend(&ann, group, remove(bob.id)).await;
    assert_eq!((bodies(&removed), removed[0].author), (vec![ChangeBody::MemberRemoved { member: bob.id }], ann.id));
    assert!(db.amend(&ann, group, remove(bob.id)).await.is_empty(), "who is gone is gone");
    assert_eq!(db.b.membership(group).await.unwrap().users, [ann.id].into());
    assert_refused!(db.a.amend(bob.id, group, remove(ann.id), NOW).await, StoreError::NotAMember);
}

async fn it_is_told_since_when_people_are_in_a_group_and_who_was(db: Database) {
    let [ann, bob, cat, dan] = db.people(["ann", "bob", "cat", "dan"]).await;
    let group = db.group(&[&ann, &bob, &dan]).await;
    db.amend(&bob, group, Amendment::RemoveMember(bob.id)).await;
    db.amend(&ann, group, Amendment::RemoveMember(dan.id)).await;
    let added = db.amend(&ann, group, Amendment::AddMembers(vec![cat.id])).await;
    let before = db.b.follow(None).await.unwrap().position;
    db.a.set_display_name(bob.id, "Robert").await.unwrap();
    let told = db.b.resume(ann.id, Some(before)).await.unwrap();
    let [view] = told.conversations.as_slice() else { panic!("{told:?}") };
    assert_eq!(view.member(cat.id).unwrap().since, added[0].seq);
    assert_eq!(view.member(ann.id).unwrap().since, Seq(1));
    let former: Vec<_> = view.former.iter().map(|user| user.display_name.as_str()).collect();
    assert_eq!(former, ["Dan", "Robert"], "the last to leave first, by today's names");
    db.amend(&ann, group, Amendment::AddMembers(vec![bob.id])).await;
    assert_eq!(db.b.conversation(ann.id, group).await.unwrap().former, [dan.user]);
}

async fn an_owner_who_leaves_hands_over_to_who_was_there_longest(db: Database) {
    let [ann, bob, cat] = db.people(["ann", "bob", "cat"]).await;
    let group = db.group(&[&ann, &bob]).await;
    db.amend(&ann, group, Amendment::AddMembers(vec![cat.id])).await;
    db.amend(&ann, group, Amendment::RemoveMember(bob.id)).await;
    db.amend(&ann, group, Amendment::AddMembers(vec![bob.id])).await;
    let changes = db.amend(&ann, group, Amendment::RemoveMember(ann.id)).await;
    let expected = [ChangeBody::OwnerChanged { owner: cat.id }, ChangeBody::MemberRemoved { member: ann.id }];
    assert_eq!(bodies(&changes), expected);
    assert_eq!(changes[1].seq, changes[0].seq.next());
    assert_eq!(db.b.conversation(bob.id, group).await.unwrap().owner, Some(cat.id));
}

async fn the_last_one_to_leave_leaves_an_empty_group(db: Database) {
    let ann = db.person("ann").await;
    let group = db.group(&[&ann]).await;
    let changes = db.amend(&ann, group, Amendment::RemoveMember(ann.id)).await;
    assert_eq!(bodies(&changes), [ChangeBody::MemberRemoved { member: ann.id }]);
    let membership = db.b.membership(group).await.unwrap();
    assert_eq!((membership.users.len(), membership.head), (0, Seq(3)));
}

async fn only_the_owner_renames_and_hands_over(db: Database) {
    let [ann, bob, cat] = db.people(["ann", "bob", "cat"]).await;
    let group = db.group(&[&ann, &bob]).await;
    let rename = || Amendment::Rename("Quay".into());
    assert_refused!(db.a.amend(bob.id, group, rename(), NOW).await, StoreError::Forbidden);
    let crown = || Amendment::ChangeOwner(bob.id);
    assert_refused!(db.a.amend(bob.id, group, crown(), NOW).await, StoreError::Forbidden);
    let stranger = Amendment::ChangeOwner(cat.id);
    assert_refused!(db.a.amend(ann.id, group, stranger, NOW).await, StoreError::UnknownUser);
    assert_eq!(bodies(&db.amend(&ann, group, crown()).await), [ChangeBody::OwnerChanged { owner: bob.id }]);
    assert_refused!(db.a.amend(ann.id, group, rename(), NOW).await, StoreError::Forbidden);
    assert_eq!(bodies(&db.amend(&bob, group, rename()).await), [ChangeBody::Renamed { name: "Quay".into() }]);
    let conversation = db.b.conversation(ann.id, group).await.unwrap();
    assert_eq!((conversation.name.as_deref(), conversation.owner), (Some("Quay"), Some(bob.id)));
}

async fn a_new_name_and_a_new_owner_are_one_commit_or_none(db: Database) {
    let [ann, bob, cat] = db.people(["ann", "bob", "cat"]).await;
    let group = db.group(&[&ann, &bob]).await;
    let both = |name: &str, owner: &Person| Amendment::RenameAndChangeOwner { name: name.into(), owner: owner.id };
    let log = db.log(group).await;
    assert_refused!(db.a.amend(bob.id, group, both("Quay", &bob), NOW).await, StoreError::Forbidden);
    assert_refused!(db.a.amend(ann.id, group, both("Quay", &cat), NOW).await, StoreError::UnknownUser);
    assert_eq!(db.log(group).await, log, "nothing was carried out by half");
    assert_eq!(db.b.conversation(ann.id, group).await.unwrap().name.as_deref(), Some("Harbour"));

    let start = db.a.follow(None).await.unwrap().position;
    let changes = db.amend(&ann, group, both("Quay", &bob)).await;
    let renamed = ChangeBody::Renamed { name: "Quay".into() };
    assert_eq!(bodies(&changes), [renamed, ChangeBody::OwnerChanged { owner: bob.id }]);
    assert_eq!(db.log(group).await[log.len()..], changes);
    let followed = db.b.follow(Some(start)).await.unwrap();
    assert_eq!(followed.position.0, start.0 + 1, "one commit");
    let conversation = db.b.conversation(ann.id, group).await.unwrap();
    assert_eq!((conversation.name.as_deref(), conversation.owner), (Some("Quay"), Some(bob.id)));

    // What is so already is left out.
    assert_eq!(bodies(&db.amend(&bob, group, both("Pier", &bob)).await), [ChangeBody::Renamed { name: "Pier".into() }]);
    let crowned = ChangeBody::OwnerChanged { owner: ann.id };
    assert_eq!(bodies(&db.amend(&bob, group, both("Pier", &ann)).await), [crowned]);
    assert!(db.amend(&ann, group, both("Pier", &ann)).await.is_empty());
}

async fn what_is_so_already_is_not_written(db: Database) {
    let ann = db.person("ann").await;
    let group = db.group(&[&ann]).await;
    assert!(db.amend(&ann, group, Amendment::Rename("Harbour".into())).await.is_empty());
    assert!(db.amend(&ann, group, Amendment::ChangeOwner(ann.id)).await.is_empty());
}

impl Database {
    /// Users without a login, many of them.
    async fn crowd(&self, size: usize) -> Vec<UserId> {
        let accounts = (0..size).map(|n| {
            let store = self.handle(0);
            tokio::spawn(async move { store.create_account(account(&format!("user{n}"))).await.unwrap().user.id })
        });
        join_all(accounts.collect()).await
    }
}

async fn a_group_has_room_for_so_many(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let crowd = db.crowd(GROUP_MEMBERS).await;
    assert_refused!(db.a.create_group(ann.id, "All", &crowd, NOW).await, StoreError::GroupFull);
    let (group, _) = db.a.create_group(ann.id, "All", &crowd[1..], NOW).await.unwrap();
    assert_eq!(db.b.membership(group).await.unwrap().users.len(), GROUP_MEMBERS);
    let add = || Amendment::AddMembers(vec![bob.id]);
    assert_refused!(db.a.amend(ann.id, group, add(), NOW).await, StoreError::GroupFull);
    db.amend(&ann, group, Amendment::RemoveMember(crowd[1])).await;
    assert_eq!(db.amend(&ann, group, add()).await.len(), 1);
}

async fn a_race_into_a_full_group_is_won_by_one(db: Database) {
    let ann = db.person("ann").await;
    let crowd = db.crowd(GROUP_MEMBERS + 5).await;
    let (first, rest) = crowd.split_at(GROUP_MEMBERS - 2);
    let (group, _) = db.a.create_group(ann.id, "All", first, NOW).await.unwrap();
    let tasks = rest.iter().enumerate().map(|(n, user)| {
        let (store, add, ann) = (db.handle(n), Amendment::AddMembers(vec![*user]), ann.id);
        tokio::spawn(async move { store.amend(ann, group, add, NOW).await.map(|changes| changes.len()) })
    });
    let results = join_all(tasks.collect()).await;
    assert_eq!(results.iter().filter(|result| matches!(result, Ok(1))).count(), 1);
    assert_eq!(results.iter().filter(|result| matches!(result, Err(StoreError::GroupFull))).count(), rest.len() - 1);
}

async fn a_direct_conversation_is_not_amended(db: Database) {
    let [ann, bob, cat] = db.people(["ann", "bob", "cat"]).await;
    let direct = db.direct(&ann, &bob).await;
    for amendment in [
        Amendment::AddMembers(vec![cat.id]),
        Amendment::RemoveMember(ann.id),
        Amendment::Rename("Us".into()),
        Amendment::ChangeOwner(ann.id),
        Amendment::RenameAndChangeOwner { name: "Us".into(), owner: bob.id },
    ] {
        assert_refused!(db.a.amend(ann.id, direct, amendment, NOW).await, StoreError::Forbidden);
    }
}

async fn strangers_and_strange_groups_are_refused(db: Database) {
    let [ann, eve] = db.people(["ann", "eve"]).await;
    let group = db.group(&[&ann]).await;
    let add = || Amendment::AddMembers(vec![eve.id]);
    assert_refused!(db.a.amend(eve.id, group, add(), NOW).await, StoreError::NotAMember);
    let unknown = db.a.amend(ann.id, ConversationId(4711), add(), NOW).await;
    assert_refused!(unknown, StoreError::UnknownConversation);
}
