//! What only the SQLite store promises: about its file.

use crate::harness::{Database, Engine, IDS_LEFT_OUT, NOW, Sqlite, account, assert_refused, join_all, texts};
use std::fs;
use std::sync::Arc;
use trunkline_server::search::{Query, Search};
use trunkline_server::store::sqlite::SqliteStore;
use trunkline_server::store::{Durability, Store, StoreError};

#[tokio::test]
async fn a_file_of_a_later_version_is_refused_and_left_alone() {
    let file = Sqlite::default();
    file.try_open(Durability::Fsync).await.unwrap().close().await.unwrap();
    rusqlite::Connection::open(file.path()).unwrap().pragma_update(None, "user_version", 4711).unwrap();
    let before = fs::read(file.path()).unwrap();
    assert_refused!(
        file.try_open(Durability::Fsync).await.map(drop),
        StoreError::NewerSchema { found: 4711, known: 3 }
    );
    assert_eq!(fs::read(file.path()).unwrap(), before);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let file = Sqlite::default();
    fs::write(file.path(), "Dear diary, ".repeat(1000)).unwrap();
    assert_refused!(file.try_open(Durability::Fsync).await.map(drop), StoreError::Unavailable { .. });
    assert!(fs::read_to_string(file.path()).unwrap().starts_with("Dear diary"));
}

#[tokio::test]
async fn a_directory_that_does_not_exist_is_refused() {
    let file = Sqlite::default();
    let opened = SqliteStore::open(file.path().join("nowhere"), Durability::Fsync).await;
    assert_refused!(opened.map(drop), StoreError::Unavailable { .. });
}

#[tokio::test]
async fn a_damaged_page_fails_the_call_and_not_the_store() {
    let file = Sqlite::default();
    file.try_open(Durability::Fsync).await.unwrap().close().await.unwrap();
    let mut bytes = fs::read(file.path()).unwrap();
    // All but the first page, which holds the schema.
    bytes[4096..].fill(0xee);
    fs::write(file.path(), bytes).unwrap();
    let opened = file.try_open(Durability::Fsync).await;
    let Ok(store) = opened else {
        assert_refused!(opened.map(drop), StoreError::Unavailable { .. });
        return;
    };
    for _ in 0..2 {
        assert_refused!(store.create_account(account("ann")).await, StoreError::Unavailable { .. });
        assert_refused!(store.user_named("ann").await, StoreError::Unavailable { .. });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_start_together_make_one_database() {
    let file = Arc::new(Sqlite::default());
    let tasks = (0..6).map(|_| {
        let file = Arc::clone(&file);
        tokio::spawn(async move { file.open().await.epoch().await.unwrap() })
    });
    let epochs = join_all(tasks.collect()).await;
    assert!(epochs.iter().all(|epoch| *epoch == epochs[0]));
}

#[tokio::test]
async fn two_files_are_two_histories() {
    let (one, two) = (Sqlite::default(), Sqlite::default());
    assert_ne!(one.open().await.epoch().await.unwrap(), two.open().await.epoch().await.unwrap());
}

#[tokio::test]
async fn a_boot_after_commits_without_fsync_begins_a_new_history() {
    // What a test can do to start the machine anew.
    let restart = |file: &Sqlite| {
        let other = rusqlite::Connection::open(file.path()).unwrap();
        other.execute("UPDATE meta SET boot = 'another' WHERE boot IS NOT NULL", []).unwrap();
    };
    let (file, mut epochs) = (Sqlite::default(), Vec::new());
    for durability in [Durability::Fsync, Durability::Os, Durability::Os, Durability::Fsync, Durability::Fsync] {
        let store = file.try_open(durability).await.unwrap();
        epochs.push(store.epoch().await.unwrap());
        store.close().await.unwrap();
        restart(&file);
    }
    let changed: Vec<_> = epochs.windows(2).map(|pair| pair[0] != pair[1]).collect();
    assert_eq!(changed, [false, true, true, false]);
}

#[tokio::test]
async fn a_new_history_is_begun_on_request_and_stays() {
    let file = Sqlite::default();
    let store = file.try_open(Durability::Fsync).await.unwrap();
    let (before, ann) = (store.epoch().await.unwrap(), store.create_account(account("ann")).await.unwrap());
    store.begin_new_history().await.unwrap();
    store.close().await.unwrap();
    let store = file.open().await;
    let after = store.epoch().await.unwrap();
    assert_ne!(after, before);
    assert_eq!(store.user_named("ann").await.unwrap().as_ref(), Some(&ann.user));
    let ben = store.create_account(account("ben")).await.unwrap();
    assert!(ben.user.id.0 > ann.user.id.0 + IDS_LEFT_OUT, "the old one may have given the ids that came next");
    assert_eq!(file.open().await.epoch().await.unwrap(), after);
}

#[tokio::test]
async fn a_store_that_can_not_write_says_so_until_it_can() {
    let file = Sqlite::default();
    let store = file.open().await;
    store.probe().await.unwrap();
    assert!(*store.writable().borrow());
    let other = rusqlite::Connection::open(file.path()).unwrap();
    // Fails at once, where a lock would be waited for.
    let damage = |sql: &str| other.execute_batch(sql).unwrap();
    damage("CREATE TRIGGER full BEFORE UPDATE ON meta BEGIN SELECT raise(ROLLBACK, 'the disk is full'); END");
    assert_refused!(store.probe().await, StoreError::Unavailable { .. });
    assert!(!*store.writable().borrow());
    damage("DROP TRIGGER full");
    store.probe().await.unwrap();
    assert!(*store.writable().borrow());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_finishes_what_is_queued_and_leaves_one_file() {
    let file = Sqlite::default();
    let store = file.try_open(Durability::Fsync).await.unwrap();
    // Polled once each, so that they are in the queue, and then forgotten by their callers.
    for n in 0..50 {
        let name = format!("user{n}");
        let mut write = Box::pin(store.create_account(account(&name)));
        let _pending = futures_util::poll!(&mut write);
    }
    store.close().await.unwrap();
    let left: Vec<_> =
        fs::read_dir(file.path().parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["trunkline.db"]);
    let store = file.open().await;
    assert_eq!(store.directory("user", 100).await.unwrap().len(), 50);
}

#[tokio::test]
async fn messages_survive_with_either_durability() {
    for durability in [Durability::Fsync, Durability::Os] {
        let db = Database::new(Sqlite::with(durability)).await;
        let [ann, bob] = db.people(["ann", "bob"]).await;
        let (direct, _) = db.b.direct(ann.id, bob.id, NOW).await.unwrap();
        db.post(&ann, direct, "kept").await;
        let db = db.reopen().await;
        assert_eq!(texts(&db.log(direct).await), ["kept"]);
    }
}

#[tokio::test]
async fn what_was_said_before_there_was_an_index_is_found_at_once_and_indexed() {
    let file = Sqlite::default();
    let path = file.path();
    let db = Database::new(file).await;
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let direct = db.direct(&ann, &bob).await;
    db.a.append((0..600).map(|n| ann.says(direct, &format!("word {n}"))).collect()).await.unwrap();
    // As the version before has left it.
    let former = "DROP TABLE search_terms; DROP TABLE search_rows; DROP TABLE search_logs; DROP TABLE search_state;
        PRAGMA user_version = 2;";
    rusqlite::Connection::open(path).unwrap().execute_batch(former).unwrap();
    let db = db.reopen().await;
    let search = |text| Search { query: Query::parse(text).unwrap(), conversation: None, before: None, limit: 20 };
    for _ in 0..2 {
        assert_eq!(db.b.search(bob.id, search("word 123")).await.unwrap().hits.len(), 1);
        assert_eq!(db.b.search(bob.id, search("word")).await.unwrap().hits.len(), 20);
        db.a.index().await.unwrap();
    }
}
