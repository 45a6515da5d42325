//! Frames that are cut up, or are none.

use super::support::bytes::{LAST, frame, head, opcode};
use super::{House, MIB};
use std::time::Duration;
use tokio::time::Instant;
use trunkline_protocol::{SendKey, limits};

/// What a welcomed socket is closed with after these bytes.
async fn closed_after(house: &House, bytes: &[u8]) -> Option<u16> {
    let mut eve = house.welcomed().await;
    // The node may hang up in the middle of it.
    let _ = eve.try_write(bytes).await;
    eve.closed().await
}

#[tokio::test]
async fn a_socket_that_says_everything_byte_by_byte_is_served_like_any_other() {
    let house = House::new().await;
    let mut ann = super::Bytes::connect(house.address()).await;
    ann.drip(super::support::bytes::upgrade(house.address(), &house.ann.cookie).as_bytes()).await;
    assert_eq!(ann.status().await, Some(101));
    ann.drip(&frame(LAST | opcode::TEXT, br#"{"type":"hello","epoch":null,"position":0}"#)).await;
    ann.hears("\"welcome\"").await;
    let (key, here) = (SendKey::random(), house.here);
    let send = format!(r#"{{"type":"send","key":"{key}","conversation":{here},"text":"drop by drop"}}"#);
    ann.drip(&frame(LAST | opcode::TEXT, send.as_bytes())).await;
    ann.hears("\"ack\"").await;
    house.goes_on().await;
}

#[tokio::test]
async fn a_message_in_frames_of_one_byte_with_pings_between_them_is_read_whole_and_each_ping_answered() {
    let house = House::new().await;
    let mut ann = super::Bytes::open(house.address(), &house.ann.cookie).await;
    ann.hello().await;
    let (key, here) = (SendKey::random(), house.here);
    let send = format!(r#"{{"type":"send","key":"{key}","conversation":{here},"text":"in pieces — 🦊"}}"#);
    let last = send.len() - 1;
    for (at, byte) in send.bytes().enumerate() {
        let kind = if at == 0 { opcode::TEXT } else { opcode::CONTINUATION };
        ann.write(&frame(if at == last { LAST | kind } else { kind }, &[byte])).await;
        if at % 20 == 7 {
            let payload = format!("ping {at}");
            ann.write(&frame(LAST | opcode::PING, payload.as_bytes())).await;
            assert_eq!(ann.pong().await, payload.as_bytes());
        }
    }
    ann.hears("\"ack\"").await;
    house.goes_on().await;
}

#[tokio::test]
async fn what_breaks_the_rules_of_frames_is_closed_with_1002() {
    let house = House::new().await;
    let unmasked = [&[LAST | opcode::TEXT, 15][..], br#"{"type":"ping"}"#].concat();
    let text = frame(opcode::TEXT, b"{\"type\":");
    let cases: [(&str, Vec<u8>); 9] = [
        ("a frame without a mask", unmasked),
        ("a message within a message", [text.clone(), frame(LAST | opcode::TEXT, b"{}")].concat()),
        ("the rest of a message that was not begun", frame(LAST | opcode::CONTINUATION, b"}")),
        ("a ping in pieces", frame(opcode::PING, b"pi")),
        ("a ping in the middle of a message that is too long", [text, frame(LAST | opcode::PING, &[0; 126])].concat()),
        ("a close that is too long", frame(LAST | opcode::CLOSE, &[3; 126])),
        ("a kind of frame that there is not", frame(LAST | 3, b"?")),
        ("a kind of control frame that there is not", frame(LAST | 11, b"?")),
        ("a bit that nobody agreed on", frame(LAST | 0x40 | opcode::TEXT, br#"{"type":"ping"}"#)),
    ];
    for (what, bytes) in cases {
        assert_eq!(closed_after(&house, &bytes).await, Some(1002), "{what}");
    }
    house.goes_on().await;
}

#[tokio::test]
async fn a_frame_that_claims_to_be_enormous_is_closed_with_1009_before_it_comes() {
    let house = House::new().await;
    for length in [limits::FRAME_BYTES as u64 + 1, 1 << 32, (1 << 63) - 1, 1 << 63, u64::MAX] {
        assert_eq!(closed_after(&house, &head(LAST | opcode::TEXT, length)).await, Some(1009), "{length} bytes");
    }
    assert!(house.grown() < 16 * MIB, "{} bytes", house.grown());
    house.goes_on().await;
}

#[tokio::test]
async fn a_frame_that_is_enormous_is_closed_with_1009_and_who_sends_it_gets_to_know() {
    let house = House::new().await;
    let mut eve = house.welcomed().await;
    // Far more than the buffers between the two hold: the node must not hang up on what is still on its way.
    let frame = frame(LAST | opcode::TEXT, &vec![b'x'; 3 * 1024 * 1024]);
    let _ = eve.try_write(&frame).await;
    assert_eq!(eve.closed().await, Some(1009));
    eve.hung_up_within(Duration::from_secs(5)).await;
    assert!(house.grown() < 16 * MIB, "{} bytes", house.grown());
    house.goes_on().await;
}

#[tokio::test]
async fn a_message_that_never_ends_is_closed_with_1009_at_the_bound() {
    let house = House::new().await;
    let mut eve = house.welcomed().await;
    eve.write(&frame(opcode::TEXT, b"{")).await;
    let piece = frame(opcode::CONTINUATION, &[b' '; 1000]);
    let mut pieces = 0;
    while pieces < 2_000 && eve.try_write(&piece).await.is_ok() {
        pieces += 1;
    }
    assert!(pieces * 1000 >= limits::FRAME_BYTES - 1000, "it was cut after {pieces} pieces");
    assert_eq!(eve.closed().await, Some(1009));
    assert!(house.grown() < 16 * MIB, "{} bytes", house.grown());
    house.goes_on().await;
}

#[tokio::test]
async fn a_message_of_pieces_without_a_byte_costs_nobody_else_anything_but_time_that_is_shared() {
    let house = House::new().await;
    let mut eve = house.welcomed().await;
    eve.write(&frame(opcode::TEXT, b"{")).await;
    let nothing = frame(opcode::CONTINUATION, b"").repeat(10_000);
    let flood = async {
        loop {
            eve.write(&nothing).await;
        }
    };
    let others = async {
        for _ in 0..5 {
            let took = house.goes_on().await;
            assert!(took < Duration::from_secs(5), "{took:?}");
        }
    };
    tokio::select! {
        () = flood => {}
        () = others => {}
    }
    assert!(house.grown() < 16 * MIB, "{} bytes", house.grown());
}

#[tokio::test]
async fn pings_whose_answers_nobody_reads_do_not_pile_up() {
    let house = House::new().await;
    // Before its hello and after it.
    let mut sockets = [house.open().await, house.welcomed().await];
    let pings = frame(LAST | opcode::PING, &[b'p'; 125]).repeat(1_000);
    for eve in &mut sockets {
        let (began, mut sent) = (Instant::now(), 0);
        while began.elapsed() < Duration::from_secs(3) && sent < 400 {
            let written = tokio::time::timeout(Duration::from_secs(1), eve.try_write(&pings)).await;
            match written {
                Ok(Ok(())) => sent += 1,
                // The node has stopped reading, or has closed the socket: either will do.
                Ok(Err(_)) | Err(_) => break,
            }
        }
        assert!(house.grown() < 16 * MIB, "{} bytes after {sent} thousand pings", house.grown());
    }
    house.goes_on().await;
}

#[tokio::test]
async fn who_says_goodbye_hears_it_back_and_then_the_node_hangs_up() {
    let house = House::new().await;
    for before in [true, false] {
        let mut eve = if before { house.open().await } else { house.welcomed().await };
        eve.write(&frame(LAST | opcode::CLOSE, &[0x03, 0xe8])).await;
        assert_eq!(eve.closed().await, Some(1000), "before the hello: {before}");
        eve.hung_up_within(Duration::from_secs(5)).await;
    }
    house.goes_on().await;
}
