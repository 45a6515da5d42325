//! Schemathesis: requests drawn from our OpenAPI document, and whether the answers are those that it promises.

use super::python;
use super::support::child::ChildNode;
use super::support::server::{Database, TestServer};
use std::time::Duration;
use tempfile::NamedTempFile;
use trunkline_server::config::Options;

/// Requests that are drawn for each route, beside those that try each bound. `SCHEMATHESIS_EXAMPLES` asks for more.
const EXAMPLES: &str = "6";
/// What is not the document's to say.
const CONFIG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/input_programs/schemathesis.toml");
const RUN: &str = "from schemathesis.cli import schemathesis\nschemathesis()";

#[tokio::test]
async fn no_request_is_answered_with_anything_that_the_document_does_not_say() {
    let database = Database::new();
    let server = TestServer::start_with(&database, Options::default()).await;
    let (ann, ben) = (server.register("ann").await, server.register("ben").await);
    let cleo = server.register("cleo").await;
    let here = server.direct(&ann, &ben).await;
    server.group(&ann, &[&ben, &cleo]).await;
    for text in ["Good morning!", "The harbour is quiet at night."] {
        server.store_message(&ben, here, text).await;
    }
    let token = server.state().accounts.create_token(ann.id(), "a test").await.expect("a token");
    server.stop().await;
    let log = NamedTempFile::new().expect("a file");
    let node = ChildNode::start_logged(&database, &["--sends-per-second", "1000"], log.reopen().expect("a file"));
    let examples = std::env::var("SCHEMATHESIS_EXAMPLES").unwrap_or_else(|_| EXAMPLES.to_owned());
    let document = format!("http://{}/api/v1/openapi.json", node.address());
    let args = [
        "--config-file",
        CONFIG,
        "run",
        "--no-color",
        "--warnings",
        "off",
        &document,
        "--checks",
        "all",
        "--continue-on-failure",
        "--seed",
        "1",
        "--max-examples",
        &examples,
    ];
    let output = python(RUN, &[("TRUNKLINE_TOKEN", token.reveal())], &args, Duration::from_secs(1_200)).await;
    println!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "Schemathesis ended with {}", output.status);
    let log = std::fs::read_to_string(log.path()).expect("a log");
    assert!(!log.contains("panicked") && !log.contains("ERROR"), "{log}");
}
