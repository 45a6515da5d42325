//! What stands in `deploy/` for machines without containers, with the real programs: nodes behind nginx and behind Caddy
//! are replaced and killed while people talk, and systemd understands its unit.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use std::path::Path;
use std::process::Command;
use std::time::Duration;
use support::balancer::{Balancer, Program};
use support::child::ChildNode;
use support::device::{Device, View};
use support::redis::RedisServer;
use support::server::{Database, Login, PASSWORD, TestServer};
use support::{SOON, eventually};
use trunkline_protocol::client::Link;
use trunkline_server::config::Options;

/// Within this everybody who was on a node that died is served again.
const BACK: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_nginx_nodes_are_replaced_unnoticed_and_a_dead_one_is_passed_over() {
    nodes_come_and_go_behind(Program::Nginx).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_caddy_nodes_are_replaced_unnoticed_and_a_dead_one_is_passed_over() {
    nodes_come_and_go_behind(Program::Caddy).await;
}

/// How many connections a node has.
async fn connections(node: &ChildNode) -> u64 {
    let metrics = reqwest::get(format!("http://{}/metrics", node.address())).await.expect("an answer");
    let metrics = metrics.text().await.expect("text");
    let count = metrics.lines().find_map(|line| line.strip_prefix("trunkline_connections ")).expect("the metric");
    count.parse().expect("a number")
}

/// Logs in as a browser does, by the form of a page that came through the balancer.
async fn logs_in_by_form(balancer: &Balancer, name: &str) {
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let form = http.post(balancer.url("/api/fn/log_in")).header("origin", balancer.url(""));
    let form = form.header("content-type", "application/x-www-form-urlencoded").header("accept", "text/html");
    let body = format!("name={name}&password={}", PASSWORD.replace(' ', "+"));
    let answer = form.body(body).send().await.expect("an answer");
    let to = answer.headers().get("location").map(|to| to.to_str().expect("an address").to_owned());
    assert_eq!((answer.status().as_u16(), to.as_deref()), (303, Some("/")));
    let other = http.post(balancer.url("/api/fn/log_in")).header("origin", "http://elsewhere.example");
    assert_eq!(other.send().await.expect("an answer").status(), 403, "a page of another site is told apart");
}

async fn nodes_come_and_go_behind(program: Program) {
    let (redis, database) = (RedisServer::start(), Database::new());
    // The test's own node, which nobody is sent to.
    let own = TestServer::start_with(&database, Options { bus: Some(redis.url()), ..Options::default() }).await;
    let start = || {
        let settings = ["--bus", &redis.url(), "--trusted-proxies", "127.0.0.1", "--drain-seconds", "5"];
        ChildNode::start(&database, &settings)
    };
    let mut nodes = [start(), start(), start()];
    let balancer = Balancer::start(program, nodes.each_ref().map(ChildNode::address)).await;
    let mut people = Vec::new();
    for name in ["ann", "bob", "carol", "dave"] {
        people.push(own.register(name).await);
    }
    logs_in_by_form(&balancer, "ann").await;
    let here = own.group(&people[0], &people[1..].iter().collect::<Vec<_>>()).await;
    let mut devices: Vec<(&Login, Device)> = Vec::new();
    for login in people.iter().cycle().take(3 * people.len()) {
        let device = Device::start(login, &[balancer.address()]);
        device.live().await;
        devices.push((login, device));
    }
    for node in &nodes {
        assert!(connections(node).await > 0, "no sticky sessions: everybody came from one address");
    }
    let all: Vec<_> = people.iter().map(Login::id).collect();
    for (_, device) in &devices {
        device.knows(here).await;
        device.act(|client, _| client.watch(all.clone()));
        let here = |view: &View| all.iter().all(|user| view.presence.get(user).is_some_and(|known| known.online));
        device.until("everybody is here", |view| here(view).then_some(())).await;
        device.view().absences.clear();
    }
    let mut said = Vec::new();
    let mut say = |round: &str| {
        for (number, (login, device)) in devices.iter().enumerate() {
            said.push(format!("{} {number} {round}", login.user.name));
            device.send(here, said.last().expect("just said"));
        }
        said.len()
    };
    say("before");
    // A deploy: whoever is on it moves, behind a balancer that may not have noticed yet.
    let status = tokio::task::block_in_place(|| nodes[0].terminate());
    assert!(status.success(), "{status}");
    let count = say("replaced");
    for (login, device) in &devices {
        device.shows_count(here, count, SOON).await;
        device.settled().await;
        device.never_was_without_a_node();
        device.sent_nothing_twice();
        let absences = device.view().absences.clone();
        assert_eq!(absences, [], "{} saw them go", login.user.name);
    }
    // A crash, of the one where somebody is for certain.
    let first = connections(&nodes[1]).await;
    assert!(first > 0 || connections(&nodes[2]).await > 0);
    nodes[if first > 0 { 1 } else { 2 }].kill();
    let count = say("killed");
    // Pages are served by the one that is left, from the first request on.
    for _ in 0..10 {
        let answer = reqwest::get(balancer.url("/login")).await.expect("an answer");
        assert_eq!(answer.status(), 200, "somebody was sent to a dead node");
    }
    for (_, device) in &devices {
        device.until_within(BACK, "back", |view| (view.client.link() == Link::Live).then_some(())).await;
        let mut shown = device.shows_count(here, count, BACK).await;
        device.settled().await;
        let mut wanted = said.clone();
        shown.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(shown, wanted, "each once");
        assert_eq!(device.log(here), devices[0].1.log(here), "in one order");
    }
    eventually("they are all on the last node", BACK, async || {
        let left = if first > 0 { &nodes[2] } else { &nodes[1] };
        (connections(left).await == devices.len() as u64).then_some(())
    })
    .await;
}

#[test]
fn systemd_understands_its_unit_and_finds_little_that_it_could_still_forbid() {
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let text = std::fs::read_to_string(unit.join("deploy/systemd/trunkline@.service")).expect("the unit");
    // What it is to start is not installed here.
    let program = "/usr/local/bin/trunkline";
    assert!(text.contains(&format!("ExecStart={program} ")));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let instance = folder.path().join("trunkline@3001.service");
    std::fs::write(&instance, text.replace(program, env!("CARGO_BIN_EXE_trunkline"))).expect("written");
    for arguments in [&["verify", "--man=no"][..], &["security", "--offline=true", "--threshold=20"]] {
        let ran = Command::new("systemd-analyze").args(arguments).arg(&instance).output();
        let ran = ran.expect("this test needs systemd-analyze: install the package systemd");
        let said = [ran.stdout, ran.stderr.clone()].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
        // What it does not know it leaves out with a remark, and goes on.
        assert!(ran.status.success() && !String::from_utf8_lossy(&ran.stderr).contains("trunkline@"), "{said}");
    }
}
