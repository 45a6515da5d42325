//! What operators are given: every metric that the dashboard and the alert rules name is there, every one that is there is
//! explained, and Prometheus takes the rules and raises what they are about.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::SOON;
use support::cluster::Cluster;
use support::eventually;
use support::raw::Raw;
use support::server::TestServer;
use trunkline_protocol::{ClientFrame, Position, ServerFrame};
use trunkline_server::node::Routing;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).expect(path)
}

/// Names of metrics in a text; those of a histogram's parts are its own.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    // The crate is named where it is said what to log.
    let ours =
        words.filter(|word| word.starts_with("trunkline_") && !["trunkline_", "trunkline_server"].contains(word));
    let whole = |name: &str| {
        let parts = ["_bucket", "_sum", "_count"];
        parts.iter().find_map(|part| name.strip_suffix(part)).unwrap_or(name).to_owned()
    };
    ours.map(whole).collect()
}

async fn metrics(server: &TestServer) -> String {
    reqwest::get(server.url("/metrics")).await.expect("an answer").text().await.expect("text")
}

fn exported(metrics: &str) -> BTreeSet<String> {
    names(&metrics.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect::<String>())
}

/// The value of a metric with its labels, as it stands there.
async fn value(server: &TestServer, name: &str) -> f64 {
    let text = metrics(server).await;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("there is no {name} in\n{text}")).parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_dashboard_and_the_rules_name_is_exported_and_what_is_exported_is_explained() {
    // A node that nothing has happened on yet.
    let exported = exported(&metrics(&TestServer::start().await).await);
    assert!(exported.len() > 25, "{exported:?}");
    for path in ["deploy/grafana/trunkline.json", "deploy/prometheus/alerts.yml", "docs/OPERATIONS.md"] {
        let named = names(&read(path));
        let unknown: Vec<_> = named.difference(&exported).collect();
        assert!(!named.is_empty() && unknown.is_empty(), "{path} names what no node exports: {unknown:?}");
    }
    let operations = read("docs/OPERATIONS.md");
    let table = names(&operations.lines().filter(|line| line.starts_with("| `trunkline_")).collect::<String>());
    assert_eq!(exported.difference(&table).collect::<Vec<_>>(), Vec::<&String>::new(), "not in the table");
    let shown = names(&read("deploy/grafana/trunkline.json"));
    assert_eq!(exported.difference(&shown).collect::<Vec<_>>(), Vec::<&String>::new(), "not on the dashboard");
    serde_json::from_str::<serde_json::Value>(&read("deploy/grafana/trunkline.json")).expect("JSON");
}

#[test]
fn prometheus_takes_the_rules_and_raises_what_they_are_about() {
    let folder = root().join("deploy/prometheus");
    for what in [["check", "rules", "alerts.yml"], ["test", "rules", "alerts.test.yml"]] {
        let ran = Command::new("promtool").args(what).current_dir(&folder).output().expect(
            "this test needs the program promtool: install the package prometheus (Debian: apt-get install prometheus)",
        );
        let said = [ran.stdout, ran.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
        assert!(ran.status.success(), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_metrics_of_a_node_are_taken_by_prometheus() {
    use std::io::Write as _;
    let text = metrics(&TestServer::start().await).await;
    let mut linter = Command::new("promtool");
    let linter = linter.args(["check", "metrics"]).stdin(std::process::Stdio::piped());
    let mut linter = linter.stderr(std::process::Stdio::piped()).spawn().expect("promtool, of the package prometheus");
    linter.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("written");
    let said = linter.wait_with_output().expect("it ends");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_counted_why_clients_connect() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    for after in [None, Some(1006), Some(4001), Some(4001), Some(12)] {
        let mut raw = Raw::connect(server.address(), &ann.cookie).await;
        raw.say(&ClientFrame::Hello { epoch: None, position: Position(0), after }).await;
        raw.expect("a welcome", |frame| matches!(frame, ServerFrame::Welcome { .. })).await;
    }
    for (after, count) in [("first", 1.0), ("lost", 1.0), ("slow", 2.0), ("other", 1.0), ("moving", 0.0)] {
        let name = format!("trunkline_connections_opened_total{{after=\"{after}\"}}");
        assert!((value(&server, &name).await - count).abs() < 0.5, "{name} is not {count}");
    }
    assert!((value(&server, "trunkline_welcome_seconds_count").await - 5.0).abs() < 0.5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_told_shows_how_late_it_was() {
    let cluster = Cluster::start_without_nudges(Routing::Broadcast).await;
    let (ann, bob) = (cluster.a.register("ann").await, cluster.a.register("bob").await);
    let here = cluster.a.direct(&ann, &bob).await;
    let (anns, bobs) = (cluster.a.device(&ann).await, cluster.b.device(&bob).await);
    anns.send(here, "late");
    bobs.shows_count(here, 1, SOON).await;
    assert!(value(&cluster.b, "trunkline_follow_lag_seconds_count").await >= 1.0);
    let lag = value(&cluster.b, "trunkline_follow_lag_seconds_sum").await;
    assert!((0.0..12.0).contains(&lag), "{lag}");
    assert!(value(&cluster.b, "trunkline_follow_age_seconds").await < 12.0);
    assert!((value(&cluster.b, "trunkline_users").await - 1.0).abs() < 0.5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_the_registry_forgot_or_can_not_renew_is_counted() {
    let mut cluster = Cluster::start(Routing::Directed).await;
    let (lost, failed) = ("trunkline_leases_lost_total", "trunkline_lease_failures_total");
    assert!(value(&cluster.a, lost).await < 0.5, "the first lease was never there before");
    cluster.redis.command(&["FLUSHALL"]);
    eventually("a lost lease", SOON, async || (value(&cluster.a, lost).await > 0.5).then_some(())).await;
    cluster.redis.kill();
    eventually("a failure", SOON, async || (value(&cluster.a, failed).await > 0.5).then_some(())).await;
}
