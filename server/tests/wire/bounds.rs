//! How much one client may say, and how slowly it may listen.

use super::*;

#[tokio::test]
async fn beyond_the_burst_sends_are_refused_with_the_time_to_wait_and_pass_after_it() {
    let pair = Pair::new().await;
    let mut raw = pair.server.welcomed(&pair.ann).await;
    let mut keys = Vec::new();
    for number in 0..limits::SEND_BURST + 10 {
        keys.push(raw.send(pair.here, &format!("{number}")).await);
    }
    let mut acked = Vec::new();
    let mut refused = Vec::new();
    while acked.len() + refused.len() < keys.len() {
        match raw.next().await {
            Heard::Frame(ServerFrame::Ack { key, .. }) => acked.push(key),
            Heard::Frame(ServerFrame::Refused { key, code, retry_after, .. }) => {
                assert_eq!(code, ErrorCode::RateLimited);
                let wait = retry_after.expect("a time to wait");
                assert!(wait <= 1_000, "{wait} ms");
                refused.push((key, wait));
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(acked.len() >= limits::SEND_BURST as usize, "the burst was cut at {}", acked.len());
    assert_eq!(acked, keys[..acked.len()], "stored in the order sent, and nothing behind a refusal");
    let (key, wait) = refused[0];
    tokio::time::sleep(Duration::from_millis(u64::from(wait) + 1)).await;
    raw.send_as(key, pair.here, &format!("{}", acked.len())).await;
    raw.acked(key).await;
}

#[tokio::test]
async fn a_flood_through_a_device_arrives_whole_and_in_the_order_sent() {
    let Pair { server, ann, bob, here } = Pair::new().await;
    let (anns, bobs) = (server.device(&ann).await, server.device(&bob).await);
    let texts: Vec<_> = (0..80).map(|number| format!("message {number}")).collect();
    for text in &texts {
        anns.send(here, text);
    }
    assert_eq!(bobs.shows_count(here, texts.len(), Duration::from_secs(30)).await, texts);
    anns.settled().await;
    assert_eq!(anns.shows_count(here, texts.len(), SOON).await, texts);
    assert_eq!(anns.acked().len(), texts.len());
}

// ---- ended sessions, slow readers, stopping ------------------------------------------------------------------

#[tokio::test]
async fn a_client_that_does_not_read_is_closed_and_others_do_not_notice() {
    let Pair { server, ann, bob, here } = Pair::new().await;
    let mut slow = server.welcomed(&bob).await;
    let bobs = server.device(&bob).await;
    // Straight into the node, past the rate: more than socket buffers and queue hold together.
    let text = "x".repeat(limits::MESSAGE_CHARS);
    let closed = async || {
        let metrics = reqwest::get(server.url("/metrics")).await.expect("an answer").text().await.expect("text");
        metrics.lines().any(|line| line.contains(CloseCode::SlowConsumer.reason()) && line.ends_with(" 1"))
    };
    let mut sent = 0;
    while !closed().await {
        assert!(sent < 20_000, "never closed");
        for _ in 0..200 {
            server.store_message(&ann, here, &text).await;
            let most = server.node().hub.connections().iter().map(|handle| handle.outbound.waiting_bytes()).max();
            assert!(most.is_none_or(|most| most <= limits::QUEUE_BYTES), "{most:?} bytes wait");
        }
        sent += 200;
    }
    slow.closed().await;
    bobs.shows_count(here, sent, Duration::from_secs(30)).await;
    assert_eq!(bobs.view().welcomes, 1, "the one who reads was not closed");
}
