//! The index for searching in PostgreSQL, which all nodes keep up to date at once: beside those who write, and beside
//! each other.

use crate::harness::{Database, Postgres, join_all};
use crate::postgres::PostgresServer;
use crate::postgres_server::{name, until};
use std::time::Instant;
use trunkline_protocol::Seq;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_is_held_up_holds_no_writer_up() {
    let engine = Postgres::default();
    let database = name(&engine.url).to_owned();
    let db = Database::new(engine).await;
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let direct = db.direct(&ann, &bob).await;
    db.post(&ann, direct, "first").await;
    let server = PostgresServer::shared();
    let held = "SET search_path TO trunkline; BEGIN; LOCK TABLE search_terms IN ACCESS EXCLUSIVE MODE; \
                SELECT pg_sleep(2.5); COMMIT";
    let holding = std::thread::spawn(move || server.sql(&database, held));
    let activity = |like: &str| format!("SELECT count(*) FROM pg_stat_activity WHERE {like}");
    let sleeping = activity("wait_event = 'PgSleep' AND query LIKE '%pg_sleep(2.5)%'");
    until("the index is held", async || server.sql("postgres", &sleeping) == "1").await;
    let indexing: Vec<_> = (0..2)
        .map(|n| {
            let store = db.handle(n);
            tokio::spawn(async move { store.index().await })
        })
        .collect();
    let blocked = activity("wait_event_type = 'Lock' AND query LIKE '%INSERT INTO search_terms%'");
    until("both nodes wait for it", async || server.sql("postgres", &blocked) == "2").await;
    let begun = Instant::now();
    for n in 0..20 {
        db.post(&ann, direct, &format!("message {n}")).await;
        db.b.advance(bob.id, direct, Seq(n + 2), Seq(n + 2)).await.unwrap();
    }
    assert_eq!(server.sql("postgres", &blocked), "2", "they waited all the while, {:?}", begun.elapsed());
    holding.join().unwrap();
    join_all(indexing).await.into_iter().for_each(|indexed| indexed.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_that_index_at_once_while_others_write_leave_nothing_out_and_double_nothing() {
    let engine = Postgres::default();
    let database = name(&engine.url).to_owned();
    let db = Database::new(engine).await;
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let (direct, group) = (db.direct(&ann, &bob).await, db.group(&[&ann, &bob]).await);
    let writing: Vec<_> = [direct, group]
        .into_iter()
        .enumerate()
        .map(|(n, conversation)| {
            let (store, ann) = (db.handle(n), ann.clone());
            tokio::spawn(async move {
                for batch in 0..40 {
                    let texts = (0..50).map(|n| format!("word{} of {conversation}", batch * 50 + n));
                    let messages = texts.map(|text| ann.says(conversation, &text)).collect();
                    store.append(messages).await.unwrap().into_iter().for_each(|stored| assert!(stored.is_ok()));
                }
            })
        })
        .collect();
    while !writing.iter().all(tokio::task::JoinHandle::is_finished) {
        let (one, other) = tokio::join!(db.a.index(), db.b.index());
        one.and(other).unwrap();
    }
    join_all(writing).await;
    db.a.index().await.unwrap();
    let rows = "SELECT count(*) || ' ' || (SELECT count(*) FROM trunkline.changes WHERE text IS NOT NULL)
        FROM trunkline.search_terms t JOIN trunkline.changes c USING (conversation, seq) WHERE c.text IS NOT NULL";
    assert_eq!(PostgresServer::shared().sql(&database, rows), "4000 4000");
}
