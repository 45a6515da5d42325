//! What every bus must do.

use super::*;

pub(super) async fn what_is_published_arrives_whole(engine: &dyn Engine) {
    let (sender, mut receiver) = (Node::on(engine).await, Node::on(engine).await);
    let every_byte: Vec<u8> = (0..=255).cycle().take(1_000_003).collect();
    for envelope in [&b""[..], b"\r\n", b"\0", b"$-1\r\n*3\r\n", &every_byte] {
        sender.bus.publish(Destination::Nodes(&[receiver.id]), Bytes::copy_from_slice(envelope));
        assert!(receiver.next().await == envelope, "{} bytes arrive as they were", envelope.len());
    }
}

pub(super) async fn all_reaches_every_node_and_the_publisher(engine: &dyn Engine) {
    let mut nodes = [Node::on(engine).await, Node::on(engine).await, Node::on(engine).await];
    nodes[0].to_all("to all");
    for node in &mut nodes {
        node.hears("to all").await;
    }
}

pub(super) async fn what_is_for_some_nodes_reaches_these_and_no_others(engine: &dyn Engine) {
    let mut nodes = [Node::on(engine).await, Node::on(engine).await, Node::on(engine).await, Node::on(engine).await];
    let (first, third) = (nodes[1].id, nodes[3].id);
    nodes[0].to(&[first, third], "to two");
    // One sender's envelopes keep their order to each node, so whoever hears this first has not heard the other.
    let everyone = nodes.each_ref().map(|node| node.id);
    nodes[0].to(&everyone, "to each");
    for (number, node) in nodes.iter_mut().enumerate() {
        if [1, 3].contains(&number) {
            node.hears("to two").await;
        }
        node.hears("to each").await;
    }
}

pub(super) async fn a_node_hears_what_it_publishes_to_itself(engine: &dyn Engine) {
    let mut node = Node::on(engine).await;
    node.to(&[node.id], "to myself");
    node.hears("to myself").await;
}

pub(super) async fn a_bus_that_says_it_is_up_loses_nothing(engine: &dyn Engine) {
    for _ in 0..300 {
        let mut node = Node::on(engine).await;
        node.to(&[node.id], "the first");
        assert_eq!(node.bus.dropped(), 0);
        node.hears("the first").await;
    }
}

pub(super) async fn an_unknown_node_and_an_empty_list_reach_nobody(engine: &dyn Engine) {
    let mut node = Node::on(engine).await;
    node.to(&[], "to none");
    node.to(&[NodeId::random()], "to a stranger");
    node.to(&[node.id], "to me");
    node.hears("to me").await;
    assert_eq!(node.bus.dropped(), 0);
}

pub(super) async fn a_burst_arrives_in_order(engine: &dyn Engine) {
    let (sender, mut receiver) = (Node::on(engine).await, Node::on(engine).await);
    for number in 0..10_000_u32 {
        sender.to(&[receiver.id], &number.to_string());
    }
    for number in 0..10_000_u32 {
        receiver.hears(&number.to_string()).await;
    }
    assert_eq!(sender.bus.dropped() + receiver.bus.dropped(), 0);
}

pub(super) async fn publishing_never_waits_for_a_node_that_does_not_read(engine: &dyn Engine) {
    let (sender, receiver) = (Node::on(engine).await, Node::on(engine).await);
    let envelope = Bytes::from(vec![7; 200]);
    let many = INBOX * 4;
    let start = Instant::now();
    for _ in 0..many {
        sender.bus.publish(Destination::Nodes(&[receiver.id]), envelope.clone());
    }
    assert!(start.elapsed() < LONG, "publishing took {:?}", start.elapsed());
    let kept = INBOX as u64;
    eventually("what does not fit is counted", || {
        sender.bus.dropped() + receiver.bus.dropped() + receiver.inbox.len() as u64 == many as u64
    })
    .await;
    assert!(receiver.inbox.len() as u64 <= kept, "the inbox holds no more than its bound");
    assert!(sender.bus.dropped() + receiver.bus.dropped() > 0, "something did not fit");
}

pub(super) async fn a_node_that_fell_behind_hears_again_once_it_reads(engine: &dyn Engine) {
    let (sender, mut receiver) = (Node::on(engine).await, Node::on(engine).await);
    for round in 1..=2 {
        for _ in 0..INBOX {
            sender.to(&[receiver.id], "noise");
        }
        eventually("each of them is either there or counted", || {
            let lost = sender.bus.dropped() + receiver.bus.dropped();
            receiver.inbox.len() as u64 + lost == (round * INBOX) as u64
        })
        .await;
    }
    receiver.hears_itself_within(LONG).await;
}

pub(super) async fn subscribing_again_replaces_what_was_heard_before(engine: &dyn Engine) {
    let mut sender = Node::on(engine).await;
    let Node { id: earlier, bus, inbox: mut earlier_inbox } = Node::on(engine).await;
    let mut receiver = Node::listening(bus).await;
    receiver.becomes(BusHealth::Up, LONG).await;
    assert_ne!(receiver.id, earlier);
    let ended = timeout(LONG, earlier_inbox.recv()).await.expect("the earlier inbox is closed");
    assert_eq!(ended, None);
    sender.to(&[earlier], "to the earlier one");
    sender.to(&[receiver.id, sender.id], "to the later one");
    receiver.hears("to the later one").await;
    sender.hears("to the later one").await;
}

pub(super) async fn dropping_a_bus_ends_what_its_node_hears(engine: &dyn Engine) {
    let node = Node::on(engine).await;
    let Node { bus, mut inbox, .. } = node;
    drop(bus);
    let ended = timeout(LONG, inbox.recv()).await.expect("the inbox is closed");
    assert_eq!(ended, None);
}
