//! What a batch of messages costs the server: one statement, which is one round trip and one transaction.

use crate::harness::{Database, Postgres};
use crate::postgres::PostgresServer;
use trunkline_server::store::Durability;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_one_statement_however_many_messages_and_conversations_are_in_it() {
    // Its log says what it is asked, each time it is.
    let server = PostgresServer::start(&["log_statement=all", "log_min_messages=log"]);
    let db = Database::new(Postgres::on(&server, Durability::Os)).await;
    let [ann, bob, cat] = db.people(["ann", "bob", "cat"]).await;
    let talks = [db.direct(&ann, &bob).await, db.direct(&ann, &cat).await, db.group(&[&ann, &bob, &cat]).await];
    // What is prepared for it is prepared once.
    db.post(&ann, talks[0], "first").await;
    let before = server.log().len();
    let batch: Vec<_> = (0..90).map(|n| ann.says(talks[n % 3], &format!("message {n}"))).collect();
    let answers = db.a.append(batch).await.unwrap();
    assert!(answers.iter().all(|answer| answer.is_ok_and(|appended| appended.fresh)));
    let said = server.log()[before..].to_owned();
    let asked = |what: &str| said.lines().filter(|line| line.contains("LOG:  ") && line.contains(what)).count();
    assert_eq!((asked("append_batch"), asked("BEGIN"), asked("COMMIT")), (1, 0, 0), "{said}");
}
