//! What a batch of messages costs the server: one statement, which is one round trip and one transaction, and no more of
//! the log than it adds to it.

use crate::harness::{Database, Postgres};
use crate::postgres::PostgresServer;
use trunkline_protocol::Seq;
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

/// A plan that was made while the log was short must not read all of it once it is long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_a_batch_nor_following_reads_the_log_that_is_there_already() {
    const BATCH: usize = 100;
    const BATCHES: usize = 15;
    // Its log says how each statement was carried out. Nothing else has it think again about how.
    let server = PostgresServer::start(&[
        "autovacuum=off",
        "session_preload_libraries=auto_explain",
        "auto_explain.log_min_duration=0",
        "auto_explain.log_analyze=on",
        "auto_explain.log_nested_statements=on",
    ]);
    let db = Database::new(Postgres::on(&server, Durability::Os)).await;
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let direct = db.direct(&ann, &bob).await;
    let mut before = 0;
    for round in 1..=BATCHES {
        before = server.log().len();
        let position = db.b.follow(None).await.unwrap().position;
        let batch = (0..BATCH).map(|n| ann.says(direct, &format!("message {n}"))).collect();
        let answers = db.a.append(batch).await.unwrap();
        assert_eq!(answers.last().unwrap().unwrap().seq, Seq((round * BATCH) as u64));
        assert_eq!(db.b.follow(Some(position)).await.unwrap().changed.len(), 1);
    }
    let said = server.log()[before..].to_owned();
    let scans = said.lines().filter(|line| line.contains("Scan") && line.contains("changes"));
    let scans: Vec<_> = scans.filter(|scan| !scan.contains("never executed")).collect();
    assert!(scans.iter().any(|scan| scan.contains("changes_by_key")), "{said}");
    for scan in scans {
        // Following walks back over what is new.
        assert!(rows(scan) <= 2 * BATCH, "{scan}");
    }
}

/// How many rows a line of a plan found, in all: `(cost=… rows=1 …) (actual … rows=3 loops=2)`.
fn rows(scan: &str) -> usize {
    let actual = scan.rsplit("(actual").next().unwrap();
    let number = |name: &str| {
        let digits = actual.split(name).nth(1).unwrap().chars().take_while(char::is_ascii_digit);
        digits.collect::<String>().parse::<usize>().unwrap()
    };
    number("rows=") * number("loops=")
}
