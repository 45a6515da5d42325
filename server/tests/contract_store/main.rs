//! The store's contract: one suite, run over every implementation, each on the real engine.
//!
//! Each test takes a [`harness::Database`] with two handles on it, as two nodes have. A new implementation
//! adds an engine to the harness and a module to `contract!`; what only one engine promises has a module of
//! its own.
#![expect(clippy::unwrap_used, reason = "a test that can not go on should stop, and say where")]

mod harness;
#[path = "../support/postgres.rs"]
#[expect(clippy::expect_used, dead_code, reason = "shared with the tests of whole nodes, which use other parts of it")]
mod postgres;

/// Makes each of these functions a test, for every engine.
macro_rules! contract {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            use crate::harness::{Database, Sqlite};
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    super::$test(Database::new(Sqlite::default()).await).await;
                }
            )+
        }

        mod sqlite_in_memory {
            use crate::harness::{Database, InMemory};
            $(
                #[tokio::test]
                async fn $test() {
                    super::$test(Database::new(InMemory::default()).await).await;
                }
            )+
        }

        mod postgres {
            use crate::harness::{Database, Postgres};
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    super::$test(Database::new(Postgres::default()).await).await;
                }
            )+
        }
    };
}

mod append;
mod conversations;
mod cursors;
mod follow;
mod groups;
mod keys;
mod migrations;
mod people;
mod postgres_batches;
mod postgres_index;
mod postgres_server;
mod ranges;
mod resume;
mod search;
mod sessions;
mod sqlite_file;
mod transfer;
