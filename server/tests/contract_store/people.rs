//! Accounts, invites, the directory, and who was seen when.

use crate::harness::{Database, LATER, NOW, Person, account, assert_refused, join_all, post, secret};
use trunkline_protocol::{Presence, Seq, SessionId, UserId};
use trunkline_server::store::{AccountRow, AppendError, Credential, NewAccount, NewSession, StoreError};

contract!(
    the_first_account_of_a_race_is_the_only_administrator,
    who_is_admitted_as_the_first_is_not_admitted_as_the_second,
    a_name_is_given_once,
    names_are_found_in_any_case,
    an_invite_admits_as_many_as_it_says,
    a_refused_account_uses_up_no_invite,
    the_directory_finds_parts_of_names_in_any_case,
    the_directory_takes_queries_to_the_letter,
    a_new_display_name_shows_everywhere,
    last_seen_moves_forward_only,
    administrators_find_all_accounts_with_their_sessions,
    who_is_disabled_is_out_everywhere_and_can_not_come_back,
    who_is_enabled_again_begins_anew,
    everything_is_there_after_a_restart,
);

async fn the_first_account_of_a_race_is_the_only_administrator(db: Database) {
    assert!(!db.a.has_accounts().await.unwrap());
    let tasks = (0..8).map(|n| {
        let (store, first) = (db.handle(n), NewAccount { invite: Some(secret()), ..account(&format!("user{n}")) });
        tokio::spawn(async move { store.create_account(first).await })
    });
    let results = join_all(tasks.collect()).await;
    let admitted: Vec<_> = results.iter().flatten().collect();
    assert_eq!(admitted.len(), 1, "the first needs no invite, the others need one that exists");
    assert!(admitted[0].admin && !admitted[0].disabled);
    assert!(db.b.has_accounts().await.unwrap());
    assert!(!db.b.create_account(account("bob")).await.unwrap().admin);
}

async fn who_is_admitted_as_the_first_is_not_admitted_as_the_second(db: Database) {
    let tasks = (0..8).map(|n| {
        let (store, first) = (db.handle(n), NewAccount { first_only: true, ..account(&format!("user{n}")) });
        tokio::spawn(async move { store.create_account(first).await })
    });
    let results = join_all(tasks.collect()).await;
    assert_eq!(results.iter().flatten().count(), 1);
    for refused in results.into_iter().filter(Result::is_err) {
        assert_refused!(refused, StoreError::NotFirst);
    }
}

async fn a_name_is_given_once(db: Database) {
    let tasks = (0..6).map(|n| {
        let store = db.handle(n);
        tokio::spawn(async move { store.create_account(account("ann")).await })
    });
    let results = join_all(tasks.collect()).await;
    assert_eq!(results.iter().flatten().count(), 1);
    for refused in results.into_iter().filter(Result::is_err) {
        assert_refused!(refused, StoreError::NameTaken);
    }
}

async fn names_are_found_in_any_case(db: Database) {
    let ann = db.person("ann").await;
    assert_eq!(db.b.user_named("ANN").await.unwrap(), Some(ann.user.clone()));
    assert_eq!(db.b.user(ann.id).await.unwrap(), Some(ann.user.clone()));
    let stored = db.b.account("Ann").await.unwrap().unwrap();
    assert_eq!((stored.user, stored.password.as_str()), (ann.user, "$argon2id$"));
    assert_refused!(db.a.create_account(account("Ann")).await, StoreError::NameTaken);
    assert_eq!(db.b.user_named("nobody").await.unwrap(), None);
    assert!(db.b.account("nobody").await.unwrap().is_none());
    for unknown in [UserId(4711), UserId(u64::MAX)] {
        assert_eq!(db.b.user(unknown).await.unwrap(), None);
    }
}

async fn an_invite_admits_as_many_as_it_says(db: Database) {
    let ann = db.person("ann").await;
    let invite = secret();
    db.a.create_invite(ann.id, invite, 3, LATER).await.unwrap();
    assert!(db.b.invite_is_valid(&invite, LATER - 1).await.unwrap());
    assert!(!db.b.invite_is_valid(&invite, LATER).await.unwrap());
    assert!(!db.b.invite_is_valid(&secret(), NOW).await.unwrap());
    let late = NewAccount { invite: Some(invite), at: LATER, ..account("late") };
    assert_refused!(db.a.create_account(late).await, StoreError::InvalidInvite);
    let tasks = (0..8).map(|n| {
        let (store, guest) = (db.handle(n), NewAccount { invite: Some(invite), ..account(&format!("guest{n}")) });
        tokio::spawn(async move { store.create_account(guest).await })
    });
    let results = join_all(tasks.collect()).await;
    assert_eq!(results.iter().flatten().count(), 3);
    for refused in results.into_iter().filter(Result::is_err) {
        assert_refused!(refused, StoreError::InvalidInvite);
    }
    assert!(!db.b.invite_is_valid(&invite, NOW).await.unwrap());
}

async fn a_refused_account_uses_up_no_invite(db: Database) {
    let ann = db.person("ann").await;
    let invite = secret();
    db.a.create_invite(ann.id, invite, 1, LATER).await.unwrap();
    let with_invite = |name| NewAccount { invite: Some(invite), ..account(name) };
    assert_refused!(db.a.create_account(with_invite("ann")).await, StoreError::NameTaken);
    assert!(db.b.invite_is_valid(&invite, NOW).await.unwrap());
    let bob = db.b.create_account(with_invite("bob")).await.unwrap();
    assert!(!bob.admin);
    let unknown = db.a.create_invite(UserId(4711), secret(), 1, LATER).await;
    assert_refused!(unknown, StoreError::UnknownUser);
}

impl Database {
    async fn found(&self, query: &str, limit: u32) -> Vec<String> {
        let users = self.b.directory(query, limit).await.unwrap();
        users.into_iter().map(|user| user.name).collect()
    }
}

async fn the_directory_finds_parts_of_names_in_any_case(db: Database) {
    let [zoe, ann, _bob] = db.people(["zoe", "ann", "bob"]).await;
    db.a.set_display_name(zoe.id, "Élodie Ånn").await.unwrap();
    db.a.set_display_name(ann.id, "Wanda").await.unwrap();
    assert_eq!(db.found("", 10).await, ["bob", "ann", "zoe"], "by shown name");
    assert_eq!(db.found("", 2).await, ["bob", "ann"]);
    assert_eq!(db.found("AN", 10).await, ["ann"], "in the login name");
    assert_eq!(db.found("wAN", 10).await, ["ann"], "in the shown name");
    assert_eq!(db.found("éLO", 10).await, ["zoe"]);
    assert_eq!(db.found("e å", 10).await, ["zoe"]);
    assert!(db.found("nobody", 10).await.is_empty());
}

async fn the_directory_takes_queries_to_the_letter(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    db.a.set_display_name(ann.id, "100 % Ann_").await.unwrap();
    for query in ["%", "_", "0 %"] {
        assert_eq!(db.found(query, 10).await, ["ann"], "{query}");
    }
    for query in ["a%n", "b_b", "\\", "'", "*"] {
        assert!(db.found(query, 10).await.is_empty(), "{query}");
    }
    assert_eq!(db.a.user(bob.id).await.unwrap(), Some(bob.user));
}

async fn a_new_display_name_shows_everywhere(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let group = db.group(&[&ann, &bob]).await;
    db.a.set_display_name(bob.id, "Robert").await.unwrap();
    assert_eq!(db.b.user(bob.id).await.unwrap().unwrap().display_name, "Robert");
    let conversation = db.b.conversation(ann.id, group).await.unwrap();
    assert_eq!(conversation.member(bob.id).unwrap().user.display_name, "Robert");
    let identity = db.b.session(&bob.token, NOW).await.unwrap().unwrap();
    assert_eq!(identity.user.display_name, "Robert");
    assert_refused!(db.a.set_display_name(UserId(4711), "Nobody").await, StoreError::UnknownUser);
}

async fn last_seen_moves_forward_only(db: Database) {
    let [ann, bob, cat] = db.people(["ann", "bob", "cat"]).await;
    db.a.set_last_seen(&[ann.id, bob.id], NOW).await.unwrap();
    db.b.set_last_seen(&[ann.id], NOW - 5).await.unwrap();
    db.b.set_last_seen(&[bob.id, UserId(4711)], NOW + 5).await.unwrap();
    let seen = db.a.last_seen(&[bob.id, ann.id, cat.id, UserId(4711)]).await.unwrap();
    let at = |user, at| Presence { user, online: false, last_seen: Some(at) };
    assert_eq!(seen, [at(bob.id, NOW + 5), at(ann.id, NOW)]);
}

async fn everything_is_there_after_a_restart(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let group = db.group(&[&ann, &bob]).await;
    db.post(&ann, group, "remember").await;
    db.a.advance(bob.id, group, Seq(3), Seq(2)).await.unwrap();
    let before = (db.a.epoch().await.unwrap(), db.a.resume(bob.id, None).await.unwrap(), db.log(group).await);
    let db = db.reopen().await;
    let after = (db.a.epoch().await.unwrap(), db.a.resume(bob.id, None).await.unwrap(), db.log(group).await);
    assert_eq!((before.0, before.2), (after.0, after.2));
    assert_eq!((before.1.conversations, before.1.position), (after.1.conversations, after.1.position));
    assert!(db.b.session(&ann.token, NOW).await.unwrap().is_some());
    db.post(&bob, group, "go on").await;
    assert!(db.a.follow(None).await.unwrap().position > after.1.position);
}

async fn administrators_find_all_accounts_with_their_sessions(db: Database) {
    let [ann, bob, zoe] = db.people(["ann", "bob", "zoe"]).await;
    db.a.set_last_seen(&[bob.id], NOW + 5).await.unwrap();
    let device = "tests".to_owned();
    let (id, token) = (SessionId::random(), secret());
    let expired = NewSession { id, user: bob.id, token, device, at: NOW - 9, expires: NOW };
    db.a.create_session(expired).await.unwrap();
    db.a.set_disabled(zoe.id, true, NOW).await.unwrap();
    let rows = db.b.accounts("", 10, NOW).await.unwrap();
    let row = |user: &Person, admin, disabled, last_seen, sessions| AccountRow {
        user: user.user.clone(),
        admin,
        disabled,
        created: NOW,
        last_seen,
        sessions,
    };
    let all =
        [row(&ann, true, false, None, 1), row(&bob, false, false, Some(NOW + 5), 1), row(&zoe, false, true, None, 0)];
    assert_eq!(rows, all, "by shown name, the expired session left out");
    assert_eq!(db.b.accounts("OB", 10, NOW).await.unwrap(), all[1..2]);
    assert_eq!(db.b.accounts("", 2, NOW).await.unwrap(), all[..2]);
    assert_eq!(db.b.accounts("%", 10, NOW).await.unwrap(), []);
}

async fn who_is_disabled_is_out_everywhere_and_can_not_come_back(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let here = db.direct(&ann, &bob).await;
    let (secret_token, position) = (secret(), db.b.follow(None).await.unwrap().position);
    let token = db.a.create_token(bob.id, "script", secret_token, NOW).await.unwrap();
    let credentials = [Credential::Session(bob.session), Credential::Token(token)];
    assert_eq!(db.a.set_disabled(bob.id, true, NOW).await.unwrap(), credentials);
    assert_eq!(db.a.set_disabled(bob.id, true, NOW).await.unwrap(), [], "so already");
    // Who follows learns of it.
    let followed = db.b.follow(Some(position)).await.unwrap();
    assert!(credentials.iter().all(|ended| followed.ended.contains(ended)), "{:?}", followed.ended);
    for credential in credentials {
        assert!(!db.b.is_valid(credential, NOW).await.unwrap());
    }
    assert!(db.b.session(&bob.token, NOW).await.unwrap().is_none());
    assert!(db.b.token(&secret_token, NOW).await.unwrap().is_none());
    assert_eq!(post(&*db.b, bob.says(here, "late")).await, Err(AppendError::SessionEnded));
    let id = SessionId::random();
    let again = NewSession { id, user: bob.id, token: secret(), device: String::new(), at: NOW, expires: LATER };
    assert_refused!(db.b.create_session(again).await, StoreError::UnknownUser);
    assert_refused!(db.b.create_token(bob.id, "x", secret(), NOW).await, StoreError::UnknownUser);
    assert!(db.b.account("bob").await.unwrap().unwrap().disabled);
    assert!(db.found("bob", 10).await.is_empty(), "not in the directory");
    assert_refused!(db.a.set_disabled(UserId(4711), true, NOW).await, StoreError::UnknownUser);
    assert!(db.b.session(&ann.token, NOW).await.unwrap().is_some(), "nobody else");
}

async fn who_is_enabled_again_begins_anew(db: Database) {
    let [_ann, bob] = db.people(["ann", "bob"]).await;
    db.a.set_disabled(bob.id, true, NOW).await.unwrap();
    assert_eq!(db.a.set_disabled(bob.id, false, NOW).await.unwrap(), []);
    assert!(!db.b.account("bob").await.unwrap().unwrap().disabled);
    assert!(db.b.session(&bob.token, NOW).await.unwrap().is_none(), "what was ended stays so");
    let (id, token) = (SessionId::random(), secret());
    let session = NewSession { id, user: bob.id, token, device: String::new(), at: NOW, expires: LATER };
    db.b.create_session(session).await.unwrap();
    assert!(db.a.session(&token, NOW).await.unwrap().is_some());
    assert_eq!(db.found("bob", 10).await, ["bob"]);
}
