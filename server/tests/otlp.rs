//! Spans reach an OpenTelemetry collector, and a collector that is not there holds nobody up. Only where the program is
//! built with the feature `otlp`.
#![cfg(feature = "otlp")]
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use support::SOON;
use support::child::ChildNode;
use support::eventually;
use support::server::Database;

/// Path and body of what came.
type Taken = Mutex<Vec<(String, Vec<u8>)>>;

/// A collector that takes everything and keeps it.
struct Collector {
    address: SocketAddr,
    taken: Arc<Taken>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let taken = Arc::<Taken>::default();
        let keep = Arc::clone(&taken);
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let keep = Arc::clone(&keep);
                std::thread::spawn(move || take(stream, &keep));
            }
        });
        Self { address, taken }
    }

    /// Whether some request to this path holds this text.
    fn has(&self, path: &str, text: &str) -> bool {
        let taken = self.taken.lock().expect("nobody panicked");
        let holds = |body: &[u8]| body.windows(text.len()).any(|part| part == text.as_bytes());
        taken.iter().any(|(to, body)| to == path && holds(body))
    }
}

/// Requests with a length, one after the other.
fn take(stream: TcpStream, keep: &Taken) {
    let mut reader = BufReader::new(stream.try_clone().expect("a handle"));
    let mut writer = stream;
    loop {
        let (mut path, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if let Some(target) = line.strip_prefix("POST ") {
                path = target.split(' ').next().expect("a path").to_owned();
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("a body");
        keep.lock().expect("nobody panicked").push((path, body));
        writer
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n")
            .expect("written");
    }
}

async fn ask(node: &ChildNode, id: &str) {
    let request = reqwest::Client::new().get(format!("http://{}/login?next=the-query", node.address()));
    let answer = request.header("x-request-id", id).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_spans_of_requests_reach_a_collector() {
    let (collector, database) = (Collector::start(), Database::new());
    let mut node = ChildNode::start(&database, &["--otlp", &format!("http://{}", collector.address)]);
    ask(&node, "req-first").await;
    eventually("the span", SOON, async || collector.has("/v1/traces", "req-first").then_some(())).await;
    for part in ["trunkline", "service.version", env!("CARGO_PKG_VERSION"), "http.path", "/login"] {
        assert!(collector.has("/v1/traces", part), "{part} is missing");
    }
    assert!(!collector.has("/v1/traces", "the-query"), "no query");
    // What has not been sent when the node stops is sent then.
    ask(&node, "req-last").await;
    let status = tokio::task::block_in_place(|| node.terminate());
    assert!(status.success(), "{status}");
    assert!(collector.has("/v1/traces", "req-last"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_not_there_holds_nobody_up() {
    let nowhere = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let mut node = ChildNode::start(&Database::new(), &["--otlp", &format!("http://{nowhere}")]);
    let begun = std::time::Instant::now();
    for number in 0..20 {
        ask(&node, &format!("req-{number}")).await;
    }
    let status = tokio::task::block_in_place(|| node.terminate());
    assert!(status.success() && begun.elapsed() < SOON, "{status} after {:?}", begun.elapsed());
}
