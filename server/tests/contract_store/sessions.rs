//! Logins and access tokens: from their making to their end.

use crate::harness::{Database, LATER, NOW, Person, assert_refused, secret};
use trunkline_protocol::{Millis, SessionId, UserId, limits};
use trunkline_server::store::{Credential, NewSession, StoreError};

contract!(
    a_session_opens_until_it_expires,
    an_ended_session_opens_nothing_on_any_node,
    only_the_owner_ends_a_session,
    all_sessions_but_one_are_ended,
    a_new_password_ends_all_sessions_and_tokens,
    there_are_only_so_many_tokens_at_a_time,
    sessions_are_listed_last_used_first,
    a_token_opens_until_it_is_revoked,
    uses_of_tokens_are_noted,
    only_users_have_sessions_and_tokens,
);

const MINUTE: Millis = 60_000;

impl Database {
    async fn login(&self, person: &Person, device: &str, at: Millis) -> NewSession {
        let new = NewSession {
            id: SessionId::random(),
            user: person.id,
            token: secret(),
            device: device.into(),
            at,
            expires: LATER,
        };
        self.a.create_session(new.clone()).await.unwrap();
        new
    }

    async fn devices(&self, person: &Person) -> Vec<String> {
        let sessions = self.b.sessions(person.id, NOW).await.unwrap();
        sessions.into_iter().map(|session| session.device).collect()
    }

    async fn is_open(&self, session: &NewSession) -> bool {
        let valid = self.b.is_valid(Credential::Session(session.id), NOW).await.unwrap();
        assert_eq!(self.b.session(&session.token, NOW).await.unwrap().is_some(), valid);
        valid
    }
}

async fn a_session_opens_until_it_expires(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let identity = db.b.session(&ann.token, NOW).await.unwrap().unwrap();
    assert_eq!((identity.user, identity.credential), (ann.user, Credential::Session(ann.session)));
    assert!(identity.admin, "the first account");
    assert!(!db.b.session(&bob.token, NOW).await.unwrap().unwrap().admin);
    for (at, open) in [(LATER - 1, true), (LATER, false)] {
        assert_eq!(db.b.session(&ann.token, at).await.unwrap().is_some(), open);
        assert_eq!(db.b.is_valid(Credential::Session(ann.session), at).await.unwrap(), open);
        assert_eq!(db.b.sessions(ann.id, at).await.unwrap().len(), usize::from(open));
    }
    assert!(db.b.session(&secret(), NOW).await.unwrap().is_none());
    assert!(!db.b.is_valid(Credential::Session(SessionId::random()), NOW).await.unwrap());
}

async fn an_ended_session_opens_nothing_on_any_node(db: Database) {
    let ann = db.person("ann").await;
    let phone = db.login(&ann, "phone", NOW).await;
    assert!(db.is_open(&phone).await);
    assert!(db.a.end_session(ann.id, phone.id, NOW).await.unwrap());
    assert!(!db.is_open(&phone).await);
    assert_eq!(db.devices(&ann).await, ["tests"]);
    assert!(!db.a.end_session(ann.id, phone.id, NOW).await.unwrap(), "there is none such any more");
}

async fn only_the_owner_ends_a_session(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    assert!(!db.a.end_session(bob.id, ann.session, NOW).await.unwrap());
    assert!(db.b.session(&ann.token, NOW).await.unwrap().is_some());
}

async fn all_sessions_but_one_are_ended(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let (phone, tablet) = (db.login(&ann, "phone", NOW).await, db.login(&ann, "tablet", NOW).await);
    let mut ended = db.a.end_sessions(ann.id, Some(phone.id), NOW).await.unwrap();
    ended.sort_by_key(|credential| *credential == Credential::Session(tablet.id));
    assert_eq!(ended, [Credential::Session(ann.session), Credential::Session(tablet.id)]);
    assert!(db.is_open(&phone).await && !db.is_open(&tablet).await);
    assert!(db.b.session(&bob.token, NOW).await.unwrap().is_some());
    assert_eq!(db.a.end_sessions(ann.id, None, NOW).await.unwrap(), [Credential::Session(phone.id)]);
    assert!(db.a.end_sessions(ann.id, None, NOW).await.unwrap().is_empty());
}

async fn a_new_password_ends_all_sessions_and_tokens(db: Database) {
    let ann = db.person("ann").await;
    let phone = db.login(&ann, "phone", NOW).await;
    let bob = db.person("bob").await;
    let (token, bobs) = (secret(), secret());
    let id = db.a.create_token(ann.id, "script", token, NOW).await.unwrap();
    db.a.create_token(bob.id, "script", bobs, NOW).await.unwrap();
    let ended = db.a.set_password(ann.id, "changed", NOW).await.unwrap();
    assert_eq!(ended.len(), 3);
    for credential in [Credential::Session(phone.id), Credential::Session(ann.session), Credential::Token(id)] {
        assert!(ended.contains(&credential));
    }
    assert!(!db.is_open(&phone).await);
    assert!(db.b.token(&token, NOW).await.unwrap().is_none());
    assert!(db.b.token(&bobs, NOW).await.unwrap().is_some());
    assert_eq!(db.b.account("ann").await.unwrap().unwrap().password, "changed");
    assert!(db.devices(&ann).await.is_empty());
    assert_refused!(db.a.set_password(UserId(4711), "x", NOW).await, StoreError::UnknownUser);
}

async fn there_are_only_so_many_tokens_at_a_time(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let mut last = 0;
    for _ in 0..limits::ACCESS_TOKENS {
        last = db.a.create_token(ann.id, "script", secret(), NOW).await.unwrap();
    }
    assert_refused!(db.b.create_token(ann.id, "script", secret(), NOW).await, StoreError::TooManyTokens);
    db.b.create_token(bob.id, "script", secret(), NOW).await.unwrap();
    db.a.revoke_token(ann.id, last).await.unwrap();
    db.b.create_token(ann.id, "script", secret(), NOW).await.unwrap();
}

async fn sessions_are_listed_last_used_first(db: Database) {
    let ann = db.person("ann").await;
    db.login(&ann, "phone", NOW + 1).await;
    assert_eq!(db.devices(&ann).await, ["phone", "tests"]);
    db.b.session(&ann.token, NOW + 2 * MINUTE).await.unwrap().unwrap();
    // The use is noted beside the answer: wait for the note, or for the test to be killed.
    while db.devices(&ann).await != ["tests", "phone"] {
        tokio::task::yield_now().await;
    }
    let listed = db.b.sessions(ann.id, NOW).await.unwrap();
    assert_eq!((listed[0].created, listed[0].last_used), (NOW, NOW + 2 * MINUTE));
    assert_eq!((listed[1].created, listed[1].last_used), (NOW + 1, NOW + 1));
}

async fn a_token_opens_until_it_is_revoked(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let (secret, other) = (secret(), secret());
    let token = db.a.create_token(ann.id, "script", secret, NOW).await.unwrap();
    let newer = db.a.create_token(ann.id, "newer", other, NOW + 1).await.unwrap();
    let identity = db.b.token(&secret, NOW).await.unwrap().unwrap();
    assert_eq!((identity.user, identity.credential), (ann.user.clone(), Credential::Token(token)));
    let listed: Vec<_> = db.b.tokens(ann.id).await.unwrap().into_iter().map(|row| (row.id, row.label)).collect();
    assert_eq!(listed, [(newer, "newer".to_owned()), (token, "script".to_owned())]);
    assert!(!db.a.revoke_token(bob.id, token).await.unwrap(), "it is Ann's");
    assert!(!db.a.revoke_token(ann.id, u64::MAX).await.unwrap());
    assert!(db.b.is_valid(Credential::Token(token), NOW).await.unwrap());
    assert!(db.a.revoke_token(ann.id, token).await.unwrap());
    assert!(!db.a.revoke_token(ann.id, token).await.unwrap());
    assert!(!db.b.is_valid(Credential::Token(token), NOW).await.unwrap());
    assert!(db.b.token(&secret, NOW).await.unwrap().is_none());
    assert_eq!(db.b.tokens(ann.id).await.unwrap().len(), 1);
    assert!(db.b.token(&other, NOW).await.unwrap().is_some());
    assert!(!db.b.is_valid(Credential::Token(u64::MAX), NOW).await.unwrap());
}

async fn uses_of_tokens_are_noted(db: Database) {
    let ann = db.person("ann").await;
    let secret = secret();
    db.a.create_token(ann.id, "script", secret, NOW).await.unwrap();
    assert_eq!(db.b.tokens(ann.id).await.unwrap()[0].last_used, None);
    db.a.token(&secret, NOW + 1).await.unwrap().unwrap();
    while db.b.tokens(ann.id).await.unwrap()[0].last_used != Some(NOW + 1) {
        tokio::task::yield_now().await;
    }
}

async fn only_users_have_sessions_and_tokens(db: Database) {
    let nobody = UserId(4711);
    let new = NewSession {
        id: SessionId::random(),
        user: nobody,
        token: secret(),
        device: "phone".into(),
        at: NOW,
        expires: LATER,
    };
    assert_refused!(db.a.create_session(new).await, StoreError::UnknownUser);
    assert_refused!(db.a.create_token(nobody, "script", secret(), NOW).await, StoreError::UnknownUser);
    assert!(db.a.tokens(nobody).await.unwrap().is_empty());
    assert!(db.a.sessions(nobody, NOW).await.unwrap().is_empty());
}
