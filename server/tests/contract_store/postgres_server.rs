//! What only the PostgreSQL store promises: about its server.

use crate::harness::{Database, Engine, IDS_LEFT_OUT, NOW, Postgres, account, assert_refused, join_all, post, texts};
use crate::postgres::PostgresServer;
use std::sync::Arc;
use std::time::{Duration, Instant};
use trunkline_protocol::{Position, Seq};
use trunkline_server::store::postgres::guard::{Guard, GuardError};
use trunkline_server::store::{Append, Durability, Store, StoreError};

/// The database's name, for those who talk to the server without the store.
pub(crate) fn name(url: &str) -> &str {
    url.rsplit('/').next().unwrap()
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, mut look: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !look().await {
        assert!(start.elapsed() < Duration::from_secs(20), "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_commits_late_is_not_skipped() {
    let engine = Postgres::default();
    let database = name(&engine.url).to_owned();
    let db = Database::new(engine).await;
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let (one, other) = (db.direct(&ann, &bob).await, db.group(&[&ann, &bob]).await);
    let start = db.b.follow(None).await.unwrap().position;
    // A node that has written and does not come to its commit: its connection is slow, or it was stopped.
    let server = PostgresServer::shared();
    let append = format!(
        "SET search_path TO trunkline; BEGIN; SELECT * FROM append_batch(ARRAY[{}::bigint], ARRAY[{}::bigint], \
         ARRAY['{}'::uuid], ARRAY[NULL::bigint], ARRAY[gen_random_uuid()], ARRAY['late'], ARRAY[{NOW}::bigint]); \
         SELECT pg_sleep(1.5); COMMIT",
        one.0, ann.id.0, ann.session
    );
    let late = std::thread::spawn(move || server.sql(&database, &append));
    let waiting = async || {
        server.sql("postgres", "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(1.5)%'") == "2"
    };
    until("the transaction is open", waiting).await;
    let (store, message) = (db.handle(0), ann.says(other, "in time"));
    let begun = Instant::now();
    let posting = tokio::spawn(async move { post(&*store, message).await });
    // Reading goes on, and nothing of what is not there yet is passed by.
    let mut position = start;
    let mut seen = Vec::new();
    while seen.len() < 2 {
        let followed = db.b.follow(Some(position)).await.unwrap();
        assert!(followed.position >= position && begun.elapsed() < Duration::from_secs(10));
        seen.extend(followed.changed.iter().map(|grown| (grown.conversation, grown.from, grown.to)));
        position = followed.position;
    }
    assert_eq!(seen, [(one, Seq(1), Seq(1)), (other, Seq(3), Seq(3))]);
    assert!(posting.await.unwrap().is_ok());
    late.join().unwrap();
    assert_eq!(texts(&db.log(one).await), ["late"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_transaction_that_stays_open_holds_nobody_up() {
    let engine = Postgres::default();
    let database = name(&engine.url).to_owned();
    let db = Database::new(engine).await;
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let direct = db.direct(&ann, &bob).await;
    let server = PostgresServer::shared();
    let sql = "CREATE TABLE theirs (n integer); BEGIN; INSERT INTO theirs VALUES (1); SELECT pg_sleep(3); COMMIT";
    let foreign = std::thread::spawn(move || server.sql(&database, sql));
    let waiting = async || {
        server.sql("postgres", "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(3)%'") == "2"
    };
    until("the transaction is open", waiting).await;
    let start = db.b.follow(None).await.unwrap().position;
    db.post(&ann, direct, "hello").await;
    assert_eq!(db.b.follow(Some(start)).await.unwrap().changed.len(), 1);
    assert!(!foreign.is_finished(), "it is still open");
    foreign.join().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_slept_longer_than_commits_are_remembered_is_told_all_the_same() {
    let engine = Postgres::default();
    let database = name(&engine.url).to_owned();
    let db = Database::new(engine).await;
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let (direct, group) = (db.direct(&ann, &bob).await, db.group(&[&ann, &bob]).await);
    db.post(&ann, direct, "old").await;
    let start = db.b.follow(None).await.unwrap().position;
    db.post(&ann, direct, "new").await;
    db.a.advance(bob.id, direct, Seq(2), Seq(1)).await.unwrap();
    db.a.set_display_name(ann.id, "Anna").await.unwrap();
    db.a.end_sessions(bob.id, None, NOW).await.unwrap();
    db.post(&ann, group, "last").await;
    let recent = db.b.follow(Some(start)).await.unwrap();
    let forget = "DELETE FROM trunkline.commits WHERE position < (SELECT max(position) FROM trunkline.commits)";
    PostgresServer::shared().sql(&database, forget);
    assert_eq!(db.b.follow(Some(start)).await.unwrap(), recent);
    assert!(recent.changed.len() == 2 && recent.cursors.len() == 1 && recent.ended.len() == 1, "{recent:?}");
    assert_eq!(db.b.follow(Some(Position(0))).await.unwrap().changed.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_of_two_nodes_over_the_same_conversations_do_not_block_each_other() {
    const ROUNDS: usize = 15;
    let db = Database::new(Postgres::default()).await;
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let mut groups = Vec::new();
    for _ in 0..6 {
        groups.push(db.group(&[&ann, &bob]).await);
    }
    let tasks = (0..4).map(|task| {
        let (store, author, mut groups) = (db.handle(task), [&ann, &bob][task / 2 % 2].clone(), groups.clone());
        // Each in an order of its own.
        groups.rotate_left(task);
        if task % 2 == 1 {
            groups.reverse();
        }
        tokio::spawn(async move {
            for round in 0..ROUNDS {
                let batch = groups.iter().flat_map(|group| [author.says(*group, "x"), author.says(*group, "y")]);
                let answers = store.append(batch.collect()).await.unwrap();
                assert!(answers.iter().all(|answer| answer.is_ok_and(|appended| appended.fresh)), "round {round}");
                let read = answers[0].unwrap().seq;
                store.advance(author.id, groups[0], read, read).await.unwrap();
            }
        })
    });
    join_all(tasks.collect()).await;
    for group in groups {
        let expected: Vec<u64> = (1..=2 + 4 * 2 * ROUNDS as u64).collect();
        assert_eq!(crate::harness::seqs(&db.log(group).await), expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_under_load_loses_nothing_and_doubles_nothing() {
    const WRITERS: usize = 3;
    const MESSAGES: usize = 40;
    let mut server = PostgresServer::start(&[]);
    let db = Database::new(Postgres::on(&server, Durability::Fsync)).await;
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let direct = db.direct(&ann, &bob).await;
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (store, ann) = (db.handle(writer), ann.clone());
            tokio::spawn(async move {
                let mut acked = Vec::new();
                for n in 0..MESSAGES {
                    let message = ann.says(direct, &format!("{writer}/{n}"));
                    acked.push((message.key, until_stored(&*store, message).await));
                }
                acked
            })
        })
        .collect();
    for round in 1..=2 {
        let far = async || {
            let known = db.b.membership(direct).await;
            known.is_ok_and(|known| known.head.0 >= round * 20)
        };
        until("messages flow", far).await;
        server.kill();
        assert_refused!(db.a.epoch().await, StoreError::Unavailable { .. });
        let works = db.a.writable();
        until("it is known", async || !*works.borrow()).await;
        server.start_again();
    }
    let acked = join_all(writers).await.concat();
    let log = db.log(direct).await;
    assert_eq!(log.len(), WRITERS * MESSAGES, "nothing lost, nothing doubled");
    for (key, seq) in acked {
        assert_eq!(log[seq.0 as usize - 1].key, Some(key));
    }
    db.a.probe().await.unwrap();
    assert!(*db.a.writable().borrow());
}

/// As a client does: the same key until there is an answer.
async fn until_stored(store: &dyn Store, message: Append) -> Seq {
    loop {
        match store.append(vec![message.clone()]).await {
            Ok(answers) => return answers[0].unwrap().seq,
            Err(StoreError::Unavailable { .. }) => tokio::time::sleep(Duration::from_millis(50)).await,
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_is_told_in_time_and_used_again() {
    let server = PostgresServer::start(&["fsync=off"]);
    let db = Database::new(Postgres::on(&server, Durability::Os)).await;
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let direct = db.direct(&ann, &bob).await;
    server.freeze();
    let begun = Instant::now();
    let message = ann.says(direct, "hello?");
    let (read, written) = tokio::join!(db.b.epoch(), db.a.append(vec![message.clone()]));
    assert_refused!(read, StoreError::Unavailable { .. });
    assert_refused!(written, StoreError::Unavailable { .. });
    assert!(begun.elapsed() < Duration::from_secs(8), "it took {:?}", begun.elapsed());
    assert!(!*db.a.writable().borrow());
    server.thaw();
    until_stored(&*db.a, message).await;
    assert_eq!(texts(&db.log(direct).await), ["hello?"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_start_together_make_one_database() {
    let engine = Arc::new(Postgres::default());
    let tasks = (0..6).map(|_| {
        let engine = Arc::clone(&engine);
        tokio::spawn(async move { engine.open().await.epoch().await.unwrap() })
    });
    let epochs = join_all(tasks.collect()).await;
    assert!(epochs.iter().all(|epoch| *epoch == epochs[0]));
    assert_ne!(Postgres::default().open().await.epoch().await.unwrap(), epochs[0]);
}

#[tokio::test]
async fn a_database_of_a_later_version_is_refused_and_left_alone() {
    let engine = Postgres::default();
    drop(engine.open().await);
    let sql = |sql: &str| PostgresServer::shared().sql(name(&engine.url), sql);
    sql("UPDATE trunkline.meta SET schema = 4711");
    let opened = engine.try_open(Durability::Os).await.map(drop);
    assert_refused!(opened, StoreError::NewerSchema { found: 4711, .. });
    assert_eq!(sql("SELECT schema FROM trunkline.meta"), "4711");
}

#[tokio::test]
async fn a_database_that_is_not_there_is_refused_without_its_password() {
    let url = PostgresServer::shared().url("nowhere").replace("trunkline@", "trunkline:open-sesame@");
    let server = trunkline_server::store::postgres::Server::new(&url).unwrap();
    let opened = trunkline_server::store::postgres::PostgresStore::open(&server, Durability::Os).await;
    let Err(error) = opened else { panic!("there is no such database") };
    let said = format!("{error} {error:?}");
    assert!(said.contains("nowhere") && !said.contains("open-sesame"), "{said}");
}

#[tokio::test]
async fn answers_are_worth_what_the_server_does() {
    let mut server = PostgresServer::start(&["fsync=off"]);
    let engine = Postgres::on(&server, Durability::Fsync);
    assert_refused!(engine.try_open(Durability::Fsync).await.map(drop), StoreError::NotDurable);
    assert_eq!(engine.try_open(Durability::Os).await.unwrap().durability(), Durability::Os);
    server.stop();
    server.set(&["fsync=on", "synchronous_commit=off"]);
    server.start_again();
    for asked in [Durability::Fsync, Durability::Os] {
        let store = engine.try_open(asked).await.unwrap();
        assert_eq!(store.durability(), Durability::Fsync);
        store.probe().await.unwrap();
    }
    // What was told to answer too early is told otherwise on every connection of ours.
    let store = engine.try_open(Durability::Os).await.unwrap();
    store.probe().await.unwrap();
}

#[tokio::test]
async fn another_start_without_fsync_or_another_place_begins_a_new_history() {
    let engine = Postgres::default();
    let (mut epochs, mut ids, server) = (Vec::new(), Vec::new(), PostgresServer::shared());
    let alter = |sql: &str| drop(server.sql(name(&engine.url), sql));
    for sql in [
        "SELECT 1",
        // What a test can do to start the machine anew.
        "UPDATE trunkline.meta SET boot = 'another'",
        "SELECT 1",
        "UPDATE trunkline.meta SET place = 'elsewhere'",
    ] {
        let store = engine.open().await;
        epochs.push(store.epoch().await.unwrap());
        ids.push(store.create_account(account(&format!("user{}", ids.len()))).await.unwrap().user.id.0);
        alter(sql);
    }
    let store = engine.open().await;
    epochs.push(store.epoch().await.unwrap());
    ids.push(store.create_account(account("last")).await.unwrap().user.id.0);
    let changed: Vec<_> = epochs.windows(2).map(|pair| pair[0] != pair[1]).collect();
    assert_eq!(changed, [false, true, false, true]);
    let left_out: Vec<_> = ids.windows(2).map(|pair| pair[1] - pair[0] > IDS_LEFT_OUT).collect();
    assert_eq!(left_out, changed, "an id that another history may have given is never given again: {ids:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_another_history_that_comes_under_it_a_store_tells_nothing_and_writes_nothing_into_it() {
    let engine = Postgres::default();
    let store = engine.open().await;
    let ann = store.create_account(account("ann")).await.unwrap().user.id;
    // What a test can do to let a standby take over.
    let sql = |sql: &str| PostgresServer::shared().sql(name(&engine.url), sql);
    sql("UPDATE trunkline.meta SET place = 'elsewhere'");
    sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()");
    until("it is noticed", async || matches!(store.follow(None).await, Err(StoreError::AnotherHistory))).await;
    assert_refused!(store.user(ann).await, StoreError::AnotherHistory);
    assert_refused!(store.epoch().await, StoreError::AnotherHistory);
    assert_refused!(store.set_display_name(ann, "Queen Ann").await, StoreError::AnotherHistory);
    let anew = engine.open().await.user(ann).await.unwrap();
    assert_eq!(anew.map(|user| user.display_name), Some("Ann".to_owned()));
}

#[tokio::test]
async fn a_server_without_fsync_that_was_started_anew_has_lost_nothing_if_its_machine_was_not() {
    let mut server = PostgresServer::start(&["fsync=off"]);
    let owned = Postgres::on(&server, Durability::Os);
    let administered = Postgres::on(&server, Durability::Os);
    let url = server.url(name(&administered.url));
    // Only who may read the machine's files learns which boot of it this is.
    for (engine, stays) in [(owned, false), (administered.by(url), true)] {
        let before = engine.open().await.epoch().await.unwrap();
        server.stop();
        server.start_again();
        let after = engine.open().await.epoch().await.unwrap();
        assert_eq!(after == before, stays);
        assert_eq!(engine.open().await.epoch().await.unwrap(), after);
    }
}

#[tokio::test]
async fn a_dump_that_is_put_back_is_another_history_with_everything_in_it() {
    let engine = Postgres::default();
    let store = engine.open().await;
    let user = store.create_account(account("ann")).await.unwrap().user;
    let before = store.epoch().await.unwrap();
    drop(store);
    let server = PostgresServer::shared();
    let dump = server.program("pg_dump").args(["--format=custom", "--file=dump"]).arg(name(&engine.url)).status();
    assert!(dump.unwrap().success());
    let restored = Postgres::default();
    let put_back = |url: &str| {
        let mut restore = server.program("pg_restore");
        let status = restore.args(["--clean", "--if-exists", "--dbname", name(url), "dump"]).status();
        assert!(status.unwrap().success());
    };
    // Into another database, and into the one that it was made of.
    for target in [&restored, &engine] {
        put_back(&target.url);
        let store = target.open().await;
        assert_ne!(store.epoch().await.unwrap(), before);
        assert_eq!(store.user_named("ann").await.unwrap(), Some(user.clone()));
        let bob = store.create_account(account("bob")).await.unwrap().user;
        assert!(bob.id > user.id, "numbers go on");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_share_a_database_if_they_hear_each_other() {
    let engine = Postgres::default();
    drop(engine.open().await);
    let server = engine.server();
    let refused = |guard: Result<Guard, GuardError>| match guard {
        Err(GuardError::Used { bus }) => bus,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("not refused"),
    };
    let one = Guard::alone(&server, "memory").await.unwrap();
    assert_eq!(refused(Guard::alone(&server, "memory").await), "memory");
    assert_eq!(refused(Guard::shared(&server, "here").await), "memory");
    drop(one);
    let (first, second) = tokio::join!(Guard::shared(&server, "here"), Guard::shared(&server, "here"));
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(refused(Guard::alone(&server, "memory").await), "here");
    assert_eq!(refused(Guard::shared(&server, "there").await), "here");
    drop(first);
    assert_eq!(refused(Guard::shared(&server, "there").await), "here");
    // A connection that is lost is made again, and holds the lock again.
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE locktype = 'advisory' AND granted \
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    assert_eq!(PostgresServer::shared().sql(name(&engine.url), cut), "1");
    let held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted \
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    until("it holds it again", async || PostgresServer::shared().sql(name(&engine.url), held) == "1").await;
    assert_eq!(refused(Guard::shared(&server, "there").await), "here");
    drop(second);
    Guard::shared(&server, "there").await.unwrap();
}
