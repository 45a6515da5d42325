//! Databases of every earlier schema: brought forward with everything in them, once, however many nodes come at once.
//!
//! There is a database of today's first, with something of everything. The earlier one is made by the steps up to its
//! schema, and is given the same rows, in the columns that it had.

use crate::harness::{Database, Engine, Person, Postgres, Sqlite, texts};
use crate::postgres::PostgresServer;
use crate::postgres_server::name;
use crate::transfer::{export_postgres, export_sqlite, fill};
use std::path::Path;
use std::sync::Arc;
use trunkline_protocol::{ConversationId, Seq};
use trunkline_server::search::{Query, Search};
use trunkline_server::store::Store;

/// Step n leads to schema n + 1.
const SQLITE: &[&str] = &[
    include_str!("../../src/store/sqlite/schema/1.sql"),
    include_str!("../../src/store/sqlite/schema/2.sql"),
    include_str!("../../src/store/sqlite/schema/3.sql"),
];
const POSTGRES: &[&str] = &[
    include_str!("../../src/store/postgres/schema/1.sql"),
    include_str!("../../src/store/postgres/schema/2.sql"),
    include_str!("../../src/store/postgres/schema/3.sql"),
];

/// What an earlier schema can not have held: SQLite's first did not know when somebody was called something else.
fn is_known(line: &str, has_renamed: bool) -> String {
    let Some(begin) = line.find(",\"renamed\":").filter(|_| !has_renamed) else { return line.to_owned() };
    let rest = &line[begin + 1..];
    let end = rest.find([',', '}']).unwrap();
    format!("{}{}", &line[..begin], &rest[end..])
}

fn assert_same(before: &Path, after: &Path, has_renamed: bool, schema: usize) {
    let lines = |path: &Path| {
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().map(|line| is_known(line, has_renamed)).collect::<Vec<_>>()
    };
    assert_eq!(lines(after), lines(before), "from schema {schema}");
}

/// It is searched and written on as if it had always been of today.
async fn goes_on([one, other]: [Arc<dyn Store>; 2], [ann, bob, _]: &[Person; 3], direct: ConversationId) {
    let query = Query::parse("你好").unwrap();
    let search = Search { query, conversation: None, before: None, limit: 20 };
    for _ in 0..2 {
        assert_eq!(other.search(bob.id, search.clone()).await.unwrap().hits.len(), 1);
        one.index().await.unwrap();
    }
    let stored = one.append(vec![ann.says(direct, "three")]).await.unwrap().remove(0).unwrap();
    assert_eq!(stored.seq, Seq(3));
    assert_eq!(texts(&other.changes(direct, Seq(3), Seq(3)).await.unwrap()), ["three"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_every_earlier_schema_is_brought_forward_with_everything_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let before = folder.path().join("before");
    let today = Sqlite::default();
    let path = today.path();
    let db = Database::new(today).await;
    let (people, direct, _) = fill(&db).await;
    export_sqlite(&path, &before).await;
    let known: usize =
        rusqlite::Connection::open(&path).unwrap().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(known, SQLITE.len(), "this test knows all steps");
    for schema in 1..SQLITE.len() {
        let earlier = Sqlite::default();
        make_sqlite(&earlier.path(), schema, &path);
        // Two nodes of the new version, at once.
        let (one, other) = tokio::join!(earlier.open(), earlier.open());
        assert_eq!(one.epoch().await.unwrap(), db.a.epoch().await.unwrap(), "the same history");
        let after = folder.path().join(format!("after-{schema}"));
        export_sqlite(&earlier.path(), &after).await;
        assert_same(&before, &after, schema > 1, schema);
        goes_on([one, other], &people, direct).await;
    }
}

fn make_sqlite(path: &Path, schema: usize, today: &Path) {
    let connection = rusqlite::Connection::open(path).unwrap();
    SQLITE[..schema].iter().for_each(|step| connection.execute_batch(step).unwrap());
    connection.pragma_update(None, "user_version", schema).unwrap();
    // The tables come in no order.
    connection.pragma_update(None, "foreign_keys", false).unwrap();
    connection.execute("ATTACH ?1 AS today", [today.display().to_string()]).unwrap();
    let column_list =
        "SELECT t.name, group_concat('\"' || c.name || '\"') FROM pragma_table_list t, pragma_table_info(t.name) c
        WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite%' GROUP BY t.name";
    let mut statement = connection.prepare(column_list).unwrap();
    let tables = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let tables: Vec<(String, String)> = tables.collect::<Result<_, _>>().unwrap();
    assert!(tables.len() > 5, "{tables:?}");
    for (table, columns) in tables {
        let copy = format!("INSERT OR REPLACE INTO main.{table} ({columns}) SELECT {columns} FROM today.{table}");
        connection.execute_batch(&copy).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgresql_database_of_every_earlier_schema_is_brought_forward_with_everything_in_it() {
    let folder = tempfile::tempdir().unwrap();
    for schema in 1..POSTGRES.len() {
        let [before, after] = ["before", "after"].map(|name| folder.path().join(format!("{name}-{schema}")));
        let engine = Postgres::default();
        let (database, url) = (name(&engine.url).to_owned(), engine.url.clone());
        let db = Database::new(engine).await;
        let (people, direct, _) = fill(&db).await;
        let engine = Postgres::default().by(url);
        export_postgres(&engine, &before).await;
        drop(db);
        let known = PostgresServer::shared().sql(&database, "SELECT schema FROM trunkline.meta");
        assert_eq!(known, POSTGRES.len().to_string(), "this test knows all steps");
        make_postgres(&database, schema);
        let (one, other) = tokio::join!(engine.open(), engine.open());
        assert_eq!(PostgresServer::shared().sql(&database, "SELECT schema FROM trunkline.meta"), known);
        export_postgres(&engine, &after).await;
        assert_same(&before, &after, true, schema);
        goes_on([one, other], &people, direct).await;
    }
}

/// Takes the database back to an earlier schema: what is there steps aside, and its rows are copied. As the database's
/// owner, who may not leave out the checks; so those come first to whom others refer.
fn make_postgres(database: &str, schema: usize) {
    let steps = POSTGRES[..schema].concat();
    let copy = format!(
        "BEGIN; SET LOCAL ROLE chat; ALTER SCHEMA trunkline RENAME TO today; CREATE SCHEMA trunkline;
        SET LOCAL search_path TO trunkline;
        {steps}
        DO $copy$ DECLARE it record; BEGIN
            FOR it IN SELECT table_name AS name, string_agg(quote_ident(column_name), ', ') AS columns
                FROM information_schema.columns WHERE table_schema = 'trunkline' GROUP BY table_name
                ORDER BY array_position(ARRAY['users', 'conversations'], table_name::text) NULLS LAST
            LOOP
                EXECUTE format('INSERT INTO trunkline.%I (%s) SELECT %s FROM today.%I',
                    it.name, it.columns, it.columns, it.name);
            END LOOP;
        END $copy$;
        UPDATE meta SET schema = {schema}; DROP SCHEMA today CASCADE; COMMIT"
    );
    PostgresServer::shared().sql(database, &copy);
}
