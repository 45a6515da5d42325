//! Who is let in, and who is let in no longer.

use super::*;

#[tokio::test]
async fn a_second_hello_is_refused_and_the_connection_goes_on() {
    let pair = Pair::new().await;
    let mut raw = pair.server.welcomed(&pair.ann).await;
    raw.say(&ClientFrame::Hello { epoch: None, position: Position(0), after: None }).await;
    assert_eq!(raw.error().await, ErrorCode::BadFrame);
    pair.goes_on(&mut raw).await;
}

#[tokio::test]
async fn a_connection_that_does_not_begin_with_hello_is_closed_with_4501() {
    let pair = Pair::new().await;
    for text in [r#"{"type":"ping"}"#, "hello", r#"{"type":"hello","position":"x"}"#] {
        let mut raw = pair.server.raw(&pair.ann).await;
        raw.text(text).await;
        assert_eq!(raw.closed().await, Some(CloseCode::BadProtocol.as_u16()), "{text}");
    }
}

#[tokio::test]
async fn a_connection_without_a_hello_is_closed_with_4002_in_time() {
    let pair = Pair::new().await;
    let mut raw = pair.server.raw(&pair.ann).await;
    let start = Instant::now();
    assert_eq!(raw.closed().await, Some(CloseCode::HelloTimeout.as_u16()));
    assert!(start.elapsed() > limits::HELLO_WITHIN - Duration::from_secs(1), "{:?}", start.elapsed());
}

#[tokio::test]
async fn an_upgrade_without_our_subprotocol_is_refused_with_400() {
    let pair = Pair::new().await;
    let address = pair.server.address();
    for protocol in ["trunkline.v0", "chat, superchat"] {
        let mut request = raw::request(address, &pair.ann.cookie);
        raw::set(&mut request, "sec-websocket-protocol", protocol);
        let (status, sentence) = Raw::upgrade(request).await.err().expect("a refusal");
        assert_eq!(status, 400, "{protocol}");
        assert!(sentence.contains("trunkline.v1"), "{sentence}");
    }
    let mut request = raw::request(address, &pair.ann.cookie);
    request.headers_mut().remove("sec-websocket-protocol");
    assert_eq!(Raw::upgrade(request).await.err().expect("a refusal").0, 400);
}

#[tokio::test]
async fn an_upgrade_from_another_site_is_refused_with_403() {
    let pair = Pair::new().await;
    let address = pair.server.address();
    for origin in ["https://evil.example", "null", &format!("http://{address}.evil.example")] {
        let mut request = raw::request(address, &pair.ann.cookie);
        raw::set(&mut request, "origin", origin);
        assert_eq!(Raw::upgrade(request).await.err().expect("a refusal").0, 403, "{origin}");
    }
}

#[tokio::test]
async fn without_a_session_the_socket_is_closed_with_4500() {
    let pair = Pair::new().await;
    for cookie in ["", "trunkline=", "trunkline=0123456789abcdef", "other=1"] {
        let mut raw = Raw::connect(pair.server.address(), cookie).await;
        assert_eq!(raw.closed().await, Some(CloseCode::SessionEnded.as_u16()), "{cookie:?}");
    }
}

#[tokio::test]
async fn one_connection_too_many_is_closed_with_4006_and_the_others_go_on() {
    let pair = Pair::new().await;
    let mut raws = Vec::new();
    for _ in 0..limits::CONNECTIONS_PER_USER {
        raws.push(pair.server.welcomed(&pair.ann).await);
    }
    let mut one_more = pair.server.raw(&pair.ann).await;
    one_more.say(&ClientFrame::Hello { epoch: None, position: Position(0), after: None }).await;
    assert_eq!(one_more.closed().await, Some(CloseCode::TooManyConnections.as_u16()));
    for raw in &mut raws {
        pair.goes_on(raw).await;
    }
    // Another user is not held up, and neither is this one once there is room.
    pair.server.welcomed(&pair.bob).await;
    drop(raws.pop());
    eventually("there is room again", SOON, async || {
        let mut raw = pair.server.raw(&pair.ann).await;
        raw.say(&ClientFrame::Hello { epoch: None, position: Position(0), after: None }).await;
        matches!(raw.next().await, Heard::Frame(ServerFrame::Welcome { .. })).then_some(())
    })
    .await;
}

// ---- the rate ------------------------------------------------------------------------------------------------

#[tokio::test]
async fn ending_a_session_closes_its_sockets_with_4500_and_no_other() {
    let Pair { server, ann, bob, here } = Pair::new().await;
    let phone = server.log_in("ann").await;
    let (anns, phones, bobs) = (server.device(&ann).await, server.device(&phone).await, server.device(&bob).await);
    server.state().accounts.end_session(ann.id(), phone.session).await.expect("ended");
    assert_eq!(phones.stopped(Duration::from_secs(2)).await, CloseCode::SessionEnded.as_u16());
    anns.send(here, "still here");
    bobs.shows(here, &["still here"]).await;
    // The cookie is void too.
    assert_eq!(server.raw(&phone).await.closed().await, Some(CloseCode::SessionEnded.as_u16()));
}

#[tokio::test]
async fn a_send_after_the_end_of_its_session_is_neither_stored_nor_acknowledged() {
    let Pair { server, ann, bob, here } = Pair::new().await;
    let mut raw = server.welcomed(&ann).await;
    // Behind the node's back: nobody has told its connections yet.
    let ended = server.node().store.end_session(ann.id(), ann.session, 1).await.expect("the store");
    assert!(ended);
    // The safety interval may close it before it has said anything.
    let send = ClientFrame::Send { key: SendKey::random(), conversation: here, text: "too late".to_owned() };
    let _ = raw.try_message(Message::text(serde_json::to_string(&send).expect("JSON"))).await;
    loop {
        match raw.next().await {
            Heard::Frame(ServerFrame::Ack { .. }) => panic!("acknowledged"),
            Heard::Frame(_) => {}
            Heard::Closed(code) => break assert_eq!(code, Some(CloseCode::SessionEnded.as_u16())),
        }
    }
    let bobs = server.device(&bob).await;
    assert_eq!(bobs.view().client.replica(here).expect("known").conversation().head, Seq(0));
}
