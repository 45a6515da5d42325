//! Requests that are too long, too slow, or only half said.

use super::support::bytes::{Bytes, upgrade};
use super::{House, MIB};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use trunkline_server::web::serve::Bounds;

/// More than a node waits for a request's head.
fn too_long() -> Duration {
    Bounds::default().first_head + Duration::from_secs(5)
}

#[tokio::test]
async fn half_handshakes_are_given_up_in_time_and_cost_little() {
    const COUNT: usize = 1_000;
    let house = House::new().await;
    let request = upgrade(house.address(), &house.eve.cookie);
    let half = &request.as_bytes()[..request.len() / 2];
    let mut halves = Vec::new();
    for number in 0..COUNT {
        let mut eve = Bytes::connect(house.address()).await;
        // Some say nothing at all.
        eve.write(if number % 4 == 0 { &[] } else { half }).await;
        halves.push(eve);
    }
    let took = house.goes_on().await;
    assert!(took < Duration::from_secs(5), "{took:?}");
    let each = house.grown() / COUNT as u64;
    println!("{COUNT} half handshakes, {each} bytes each; two others met and talked in {took:?}");
    assert!(each < 48 * 1024, "{each} bytes each");
    let began = Instant::now();
    for eve in &mut halves {
        eve.hung_up_within(too_long().saturating_sub(began.elapsed())).await;
    }
    house.goes_on().await;
}

#[tokio::test]
async fn a_head_that_comes_a_byte_a_second_is_given_up_as_well() {
    let house = House::new().await;
    let mut eve = Bytes::connect(house.address()).await;
    let request = upgrade(house.address(), &house.eve.cookie);
    let began = Instant::now();
    for byte in request.bytes() {
        if eve.try_write(&[byte]).await.is_err() || began.elapsed() > too_long() {
            break;
        }
        sleep(Duration::from_secs(1)).await;
    }
    assert!(began.elapsed() < too_long(), "{:?}", began.elapsed());
    eve.hung_up_within(Duration::from_secs(2)).await;
    house.goes_on().await;
}

#[tokio::test]
async fn a_head_without_an_end_is_refused_with_431_at_the_bound() {
    let house = House::new().await;
    let mut eve = Bytes::connect(house.address()).await;
    eve.write(b"GET / HTTP/1.1\r\nHost: x\r\nX-Much: ").await;
    let much = [b'x'; 16 * 1024];
    let mut bytes = 0;
    while bytes < 4 * 1024 * 1024 && eve.try_write(&much).await.is_ok() {
        bytes += much.len();
    }
    assert_eq!(eve.status().await, Some(431));
    assert!(house.grown() < 16 * MIB, "{} bytes", house.grown());
    house.goes_on().await;
}

#[tokio::test]
async fn a_body_above_the_bound_is_refused_with_413_and_who_sends_it_gets_to_know() {
    let house = House::new().await;
    let mut eve = Bytes::connect(house.address()).await;
    let length = 3 * 1024 * 1024;
    let head = format!(
        "POST /api/v1/messages HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n",
        house.address(),
        house.eve.cookie
    );
    eve.write(head.as_bytes()).await;
    let _ = eve.try_write(&vec![b' '; length]).await;
    assert_eq!(eve.status().await, Some(413));
    assert!(house.grown() < 16 * MIB, "{} bytes", house.grown());
    house.goes_on().await;
}

#[tokio::test]
async fn what_is_not_http_is_refused_with_400() {
    let house = House::new().await;
    let tls = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".as_slice();
    let cases = [
        tls,
        b"\0\0\0\0\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n",
    ];
    for bytes in cases {
        let mut eve = Bytes::connect(house.address()).await;
        eve.write(bytes).await;
        assert_eq!(eve.status().await, Some(400), "{:?}", String::from_utf8_lossy(bytes));
        eve.hung_up_within(Duration::from_secs(5)).await;
    }
    house.goes_on().await;
}

#[tokio::test]
async fn an_upgrade_that_is_none_is_refused_and_nothing_is_opened() {
    let house = House::new().await;
    let whole = upgrade(house.address(), &house.eve.cookie);
    let cases = [
        ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 12", 400),
        ("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n", "", 400),
        ("Upgrade: websocket", "Upgrade: h2c", 400),
        ("Connection: Upgrade", "Connection: close", 400),
        ("GET /ws", "POST /ws", 405),
    ];
    for (part, instead, status) in cases {
        let mut eve = Bytes::connect(house.address()).await;
        eve.write(whole.replace(part, instead).as_bytes()).await;
        assert_eq!(eve.status().await, Some(status), "{instead:?} instead of {part:?}");
    }
    house.goes_on().await;
}
