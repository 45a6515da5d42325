//! Moving everything from one engine to another, and copies of a SQLite file.

use crate::harness::{Database, Engine, LATER, NOW, Person, Postgres, Sqlite, account, post, secret, texts};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::mpsc;
use trunkline_protocol::{ConversationId, Seq};
use trunkline_server::store::sqlite::SqliteStore;
use trunkline_server::store::transfer::{self, TransferError};
use trunkline_server::store::{Amendment, Append, Durability, Store};

/// Something of everything.
async fn fill(db: &Database) -> ([Person; 3], ConversationId, Append) {
    let people = db.people(["ann", "bob", "cat"]).await;
    let [ann, bob, cat] = &people;
    let (direct, group) = (db.direct(ann, bob).await, db.group(&[ann, bob]).await);
    let message = ann.says(direct, "  \u{0}\u{FFFF}0 <b>你好</b> \"\\' ");
    post(&*db.a, message.clone()).await.unwrap();
    db.post(bob, direct, "two").await;
    db.a.advance(bob.id, direct, Seq(1), Seq(1)).await.unwrap();
    db.amend(ann, group, Amendment::AddMembers(vec![cat.id])).await;
    db.amend(bob, group, Amendment::RemoveMember(bob.id)).await;
    db.a.create_token(cat.id, "script", secret(), NOW).await.unwrap();
    db.a.create_invite(ann.id, secret(), 3, LATER).await.unwrap();
    db.a.end_session(cat.id, cat.session, NOW).await.unwrap();
    db.a.set_last_seen(&[ann.id], NOW).await.unwrap();
    db.a.set_display_name(cat.id, "Cät").await.unwrap();
    (people, direct, message)
}

async fn export_sqlite(path: &Path, file: &Path) {
    let (items, taken) = mpsc::channel(4);
    let (read, written) = tokio::join!(SqliteStore::export(path, items), transfer::write_file(file, taken));
    read.unwrap();
    assert!(written.unwrap() > 10);
}

async fn import_postgres(engine: &Postgres, file: &Path) -> Result<u64, TransferError> {
    let server = engine.server();
    let (items, taken) = mpsc::channel(4);
    let (read, written) = tokio::join!(transfer::read_file(file, items), server.import(taken));
    read.and(written)
}

async fn import_sqlite(path: &Path, file: &Path) -> Result<u64, TransferError> {
    let (items, taken) = mpsc::channel(4);
    let (read, written) = tokio::join!(transfer::read_file(file, items), SqliteStore::import(path, taken));
    read.and(written)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_moves_to_postgresql_and_back_and_stays_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second, third) = (folder.path().join("1"), folder.path().join("2"), folder.path().join("3"));
    let sqlite = Sqlite::default();
    let path = sqlite.path();
    let db = Database::new(sqlite).await;
    let ([ann, bob, cat], direct, message) = fill(&db).await;
    export_sqlite(&path, &first).await;
    let engine = Postgres::default();
    drop(engine.open().await);
    import_postgres(&engine, &first).await.unwrap();
    let (items, taken) = mpsc::channel(4);
    let server = engine.server();
    let (read, written) = tokio::join!(server.export(items), transfer::write_file(&second, taken));
    read.unwrap();
    written.unwrap();
    assert_eq!(fs::read_to_string(&first).unwrap(), fs::read_to_string(&second).unwrap());
    let moved = Database::new(engine).await;
    assert_ne!(moved.a.epoch().await.unwrap(), db.a.epoch().await.unwrap(), "another history");
    assert_eq!(moved.log(direct).await, db.log(direct).await);
    assert_eq!(moved.a.conversations(bob.id).await.unwrap(), db.a.conversations(bob.id).await.unwrap());
    assert!(moved.a.session(&ann.token, NOW).await.unwrap().is_some());
    assert!(moved.a.session(&cat.token, NOW).await.unwrap().is_none());
    let again = post(&*moved.a, message.clone()).await.unwrap();
    assert_eq!((again.seq, again.fresh), (Seq(1), false), "keys are known for ever");
    // It goes on from there.
    let start = moved.a.follow(None).await.unwrap().position;
    assert_eq!(start, db.a.follow(None).await.unwrap().position);
    assert_eq!(moved.post(&bob, direct, "three").await.seq, Seq(3));
    assert_eq!(moved.a.follow(Some(start)).await.unwrap().changed.len(), 1);
    let dan = moved.a.create_account(account("dan")).await.unwrap();
    assert!(dan.user.id > cat.id && !dan.admin);
    let third_file = Sqlite::default();
    third_file.try_open(Durability::Os).await.unwrap().close().await.unwrap();
    import_sqlite(&third_file.path(), &second).await.unwrap();
    export_sqlite(&third_file.path(), &third).await;
    assert_eq!(fs::read_to_string(&first).unwrap(), fs::read_to_string(&third).unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_is_all_or_nothing_and_only_into_what_is_empty() {
    let folder = tempfile::tempdir().unwrap();
    let (file, cut) = (folder.path().join("file"), folder.path().join("cut"));
    let sqlite = Sqlite::default();
    let path = sqlite.path();
    let db = Database::new(sqlite).await;
    fill(&db).await;
    export_sqlite(&path, &file).await;
    let text = fs::read_to_string(&file).unwrap();
    let without_its_end: String = text.lines().take(text.lines().count() - 1).map(|line| format!("{line}\n")).collect();
    let later = text.replacen("\"trunkline_export\":1", "\"trunkline_export\":2", 1);
    let strange = text.replacen("{\"users\":", "{\"losers\":", 1);
    let engine = Postgres::default();
    drop(engine.open().await);
    let empty = Sqlite::default();
    empty.try_open(Durability::Os).await.unwrap().close().await.unwrap();
    for broken in [&without_its_end, &later, &strange] {
        fs::write(&cut, broken).unwrap();
        import_postgres(&engine, &cut).await.unwrap_err();
        import_sqlite(&empty.path(), &cut).await.unwrap_err();
    }
    assert!(!engine.open().await.has_accounts().await.unwrap());
    assert!(!empty.open().await.has_accounts().await.unwrap());
    import_postgres(&engine, &file).await.unwrap();
    import_sqlite(&empty.path(), &file).await.unwrap();
    for second in [import_postgres(&engine, &file).await, import_sqlite(&empty.path(), &file).await] {
        assert!(matches!(second, Err(TransferError::NotEmpty)), "{second:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_is_made_while_others_write_is_whole_and_another_history() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    let sqlite = Sqlite::default();
    let path = sqlite.path();
    let db = Database::new(sqlite).await;
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let direct = db.direct(&ann, &bob).await;
    let stop = Arc::new(AtomicBool::new(false));
    let writing = {
        let (store, ann, stop) = (db.handle(0), ann.clone(), stop.clone());
        tokio::spawn(async move {
            let mut count = 0_u64;
            while !stop.load(Ordering::SeqCst) {
                store.append((0..20).map(|_| ann.says(direct, "x")).collect()).await.unwrap();
                count += 20;
            }
            count
        })
    };
    while db.b.membership(direct).await.unwrap().head < Seq(200) {
        tokio::task::yield_now().await;
    }
    SqliteStore::backup(&path, &copy).await.unwrap();
    stop.store(true, Ordering::SeqCst);
    let written = writing.await.unwrap();
    let check: String = {
        let connection = rusqlite::Connection::open(&copy).unwrap();
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap()
    };
    assert_eq!(check, "ok");
    let restored = SqliteStore::open(&copy, Durability::Os).await.unwrap();
    let log = restored.changes(direct, Seq(1), Seq(u64::MAX)).await.unwrap();
    assert!(log.len() >= 200 && log.len() as u64 <= written && log.len() % 20 == 0, "{}", log.len());
    assert_eq!(texts(&log).len(), log.len());
    let epoch = restored.epoch().await.unwrap();
    assert_ne!(epoch, db.a.epoch().await.unwrap());
    restored.close().await.unwrap();
    let again = SqliteStore::open(&copy, Durability::Os).await.unwrap();
    assert_eq!(again.epoch().await.unwrap(), epoch, "once");
    assert!(SqliteStore::backup(&path, &copy).await.is_err(), "what is there is not overwritten");
}
