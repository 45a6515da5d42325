//! Ten thousand connections at once.

use super::House;
use super::support::bytes::{Bytes, LAST, frame, opcode};
use super::support::server::TestServer;
use std::process::Command;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;
use trunkline_protocol::{SessionId, limits};
use trunkline_server::auth::secrets::Secret;
use trunkline_server::store::{NewAccount, NewSession};

const CONNECTIONS: usize = 10_000;
const USERS: usize = CONNECTIONS / limits::CONNECTIONS_PER_USER;
/// How many connect at the same time.
const AT_ONCE: usize = 200;
/// What one that is welcomed and says nothing may cost, in bytes, all buffers of the process counted. A debug build's
/// tasks are larger than a release's.
const EACH: u64 = 40 * 1024;

/// Allows this process, and those that it starts, so many open files, where only the softer limit is lower.
fn allow_files(count: usize) {
    let (process, limit) = (format!("--pid={}", std::process::id()), format!("--nofile={count}:"));
    let done = Command::new("prlimit").args([process, limit]).status().expect("prlimit");
    assert!(done.success(), "this test needs {count} open files");
}

/// Accounts with a login each, made without passwords, which would take their time. Their cookies.
async fn people(server: &TestServer) -> Vec<String> {
    let store = &server.node().store;
    let mut cookies = Vec::new();
    for number in 0..USERS {
        let (name, at) = (format!("user-{number}"), 1);
        let (display_name, password) = (name.clone(), "none".to_owned());
        let account = NewAccount { name, display_name, password, at, invite: None, first_only: false };
        let user = store.create_account(account).await.expect("an account").user.id;
        let secret = Secret::random().expect("random bytes");
        let (id, token, device) = (SessionId::random(), secret.hash(), "a test".to_owned());
        let session = NewSession { id, user, token, device, at, expires: i64::MAX };
        store.create_session(session).await.expect("a session");
        cookies.push(format!("trunkline={}", secret.reveal()));
    }
    cookies
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_connections_are_held_in_bounded_memory_while_others_talk() {
    // Those of the tests beside this one are of the same process.
    allow_files(CONNECTIONS + 2_500);
    let mut cookies = Vec::new();
    let house = House::with(async |server| cookies = people(server).await).await;
    let address = house.address();
    let mut crowd = Vec::with_capacity(CONNECTIONS);
    let began = Instant::now();
    let mut spoke = began;
    while crowd.len() < CONNECTIONS {
        let mut coming = JoinSet::new();
        for number in crowd.len()..(crowd.len() + AT_ONCE).min(CONNECTIONS) {
            let cookie = cookies[number % USERS].clone();
            coming.spawn(async move {
                let mut bytes = Bytes::open(address, &cookie).await;
                bytes.hello().await;
                bytes
            });
        }
        crowd.extend(coming.join_all().await);
        if spoke.elapsed() > limits::NODE_PING_AFTER / 2 {
            // Who says nothing for long is taken for dead, and to come takes so many a while.
            for bytes in &mut crowd {
                bytes.text(r#"{"type":"ping"}"#).await;
            }
            spoke = Instant::now();
        }
    }
    let came = began.elapsed();
    let each = house.grown() / CONNECTIONS as u64;
    let took = house.goes_on().await;
    println!("{CONNECTIONS} connections in {came:?}, {each} bytes each; two others met and talked in {took:?}");
    assert!(each < EACH, "{each} bytes each");
    assert!(took < Duration::from_secs(5), "{took:?}");
    // Nobody was thrown out meanwhile: each is still answered.
    for bytes in crowd.iter_mut().step_by(100) {
        bytes.write(&frame(LAST | opcode::PING, b"still here")).await;
        assert_eq!(bytes.pong().await, b"still here");
    }
    drop(crowd);
    let took = house.goes_on().await;
    assert!(took < Duration::from_secs(10), "{took:?} after all of them had left");
}
