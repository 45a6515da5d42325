//! Moving everything from one engine to another, and copies of a SQLite file.

use crate::harness::{
    Database, Engine, IDS_LEFT_OUT, LATER, NOW, Person, Postgres, Sqlite, account, post, secret, texts,
};
use crate::postgres::PostgresServer;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::mpsc;
use trunkline_protocol::{ConversationId, Seq};
use trunkline_server::search::{Query, Search};
use trunkline_server::store::sqlite::SqliteStore;
use trunkline_server::store::transfer::{self, TransferError};
use trunkline_server::store::{Amendment, Append, Durability, Store};

/// Something of everything.
pub(crate) async fn fill(db: &Database) -> ([Person; 3], ConversationId, Append) {
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

pub(crate) async fn export_sqlite(path: &Path, file: &Path) {
    let (items, taken) = mpsc::channel(4);
    let (read, written) = tokio::join!(SqliteStore::export(path, items), transfer::write_file(file, taken));
    read.unwrap();
    assert!(written.unwrap() > 10);
}

pub(crate) async fn export_postgres(engine: &Postgres, file: &Path) {
    let server = engine.server();
    let (items, taken) = mpsc::channel(4);
    let (read, written) = tokio::join!(server.export(items), transfer::write_file(file, taken));
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
    export_postgres(&engine, &second).await;
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
    assert!(dan.user.id.0 > cat.id.0 + IDS_LEFT_OUT && !dan.admin, "what is new has ids that no other history gave");
    let third_file = Sqlite::default();
    third_file.try_open(Durability::Os).await.unwrap().close().await.unwrap();
    import_sqlite(&third_file.path(), &second).await.unwrap();
    export_sqlite(&third_file.path(), &third).await;
    assert_eq!(fs::read_to_string(&first).unwrap(), fs::read_to_string(&third).unwrap());
    let dan = third_file.open().await.create_account(account("dan")).await.unwrap();
    assert!(dan.user.id.0 > cat.id.0 + IDS_LEFT_OUT);
}

/// `table.column` of all that a file holds. Every row names all columns of its table.
fn moved(file: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(file).unwrap();
    let rows = text.lines().map(|line| serde_json::from_str::<Map<String, Value>>(line).unwrap());
    rows.flatten()
        .filter_map(|(table, row)| Some((table, row.as_object()?.clone())))
        .flat_map(|(table, row)| row.into_iter().map(move |(column, _)| format!("{table}.{column}")))
        .collect()
}

/// Asserts that a database has what is moved and what is named here, and nothing else. A table is meant with all its
/// columns by `table.*`.
fn assert_nothing_is_forgotten(columns: BTreeSet<String>, file: &Path, stays: &[&str]) {
    let is_named = |column: &str| {
        let (table, _) = column.split_once('.').unwrap();
        stays.iter().any(|named| *named == column || named.strip_suffix(".*") == Some(table))
    };
    let rest: BTreeSet<_> = columns.into_iter().filter(|column| !is_named(column)).collect();
    assert_eq!(rest, moved(file), "on the left what the schema has, on the right what an export holds");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_column_of_a_file_is_moved_or_known_to_stay() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    let sqlite = Sqlite::default();
    let path = sqlite.path();
    let db = Database::new(sqlite).await;
    fill(&db).await;
    export_sqlite(&path, &file).await;
    let connection = rusqlite::Connection::open(&path).unwrap();
    let mut statement = connection
        .prepare(
            "SELECT t.name || '.' || c.name FROM pragma_table_list t, pragma_table_info(t.name) c
             WHERE t.schema = 'main' AND t.type IN ('table', 'virtual') AND t.name NOT LIKE 'sqlite%'",
        )
        .unwrap();
    let columns = statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    // The position travels in the first line; an import begins another history, and another index.
    let stays = ["meta.*", "search_terms.*", "search_rows.*", "search_logs.*", "search_state.*"];
    assert_nothing_is_forgotten(columns, &file, &stays);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_column_in_postgresql_is_moved_or_known_to_stay() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    let engine = Postgres::default();
    let (server, name) = (engine.server(), engine.url.rsplit_once('/').unwrap().1.to_owned());
    let db = Database::new(engine).await;
    fill(&db).await;
    let (items, taken) = mpsc::channel(4);
    let (read, written) = tokio::join!(server.export(items), transfer::write_file(&file, taken));
    read.unwrap();
    written.unwrap();
    let listed = PostgresServer::shared().sql(
        name.split('?').next().unwrap(),
        "SELECT table_name || '.' || CASE column_name WHEN 'user_id' THEN 'user' WHEN 'left_at' THEN 'left'
            ELSE column_name END FROM information_schema.columns WHERE table_schema = 'trunkline'",
    );
    let columns = listed.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect();
    // The last of these is worked out from the log.
    let stays = ["meta.*", "commits.*", "search_terms.*", "search_logs.*", "conversations.amended_at"];
    assert_nothing_is_forgotten(columns, &file, &stays);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_imported_is_found_before_it_is_indexed_and_after() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    let sqlite = Sqlite::default();
    let path = sqlite.path();
    let db = Database::new(sqlite).await;
    let [ann, bob, eve] = db.people(["ann", "bob", "eve"]).await;
    let direct = db.direct(&ann, &bob).await;
    db.post(&ann, direct, "昨日の港 at night").await;
    db.a.index().await.unwrap();
    export_sqlite(&path, &file).await;

    let (postgres, other) = (Postgres::default(), Sqlite::default());
    // The index of an empty database is there already, and knows nothing of what comes in.
    for engine in [&postgres as &dyn Engine, &other] {
        engine.open().await.index().await.unwrap();
    }
    import_postgres(&postgres, &file).await.unwrap();
    import_sqlite(&other.path(), &file).await.unwrap();
    for moved in [Database::new(postgres).await, Database::new(other).await] {
        let asks = |query| Search { query: Query::parse(query).unwrap(), conversation: None, before: None, limit: 20 };
        let finds = async |query| {
            let found = moved.b.search(bob.id, asks(query)).await.unwrap();
            found.hits.into_iter().map(|hit| hit.text).collect::<Vec<_>>()
        };
        for _ in 0..2 {
            assert_eq!(finds("港").await, ["昨日の港 at night"]);
            assert_eq!(finds("night").await, ["昨日の港 at night"]);
            assert!(moved.b.search(eve.id, asks("night")).await.unwrap().hits.is_empty());
            moved.a.index().await.unwrap();
        }
        moved.post(&ann, direct, "harbour at noon").await;
        moved.a.index().await.unwrap();
        assert_eq!(finds("at").await, ["harbour at noon", "昨日の港 at night"]);
    }
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
