//! Outages of Redis, which only the bus over Redis can have.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_redis_is_found_again_after_a_short_and_after_a_long_outage() {
    let mut engine = InRedis::start();
    let mut node = Node::on(&engine).await;
    // The second one is longer than the six seconds after which the redis crate's own reconnecting gives up.
    for outage in [Duration::from_millis(300), Duration::from_secs(8)] {
        engine.server.kill();
        node.becomes(BusHealth::Down, RECOVERY).await;
        let before = node.bus.dropped();
        node.to_all("into the void");
        eventually("what can not be sent is counted", || node.bus.dropped() > before).await;
        // The length of the outage is what is tried here; it waits for no condition.
        sleep(outage).await;
        engine.server.start_again();
        node.hears_itself_within(RECOVERY).await;
        node.becomes(BusHealth::Up, RECOVERY).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_subscription_is_made_again() {
    let engine = InRedis::start();
    let mut node = Node::on(&engine).await;
    let mut health = node.bus.health();
    health.mark_unchanged();
    engine.server.command(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    timeout(RECOVERY, health.changed()).await.expect("the loss is shown").expect("the bus is there");
    node.hears_itself_within(RECOVERY).await;
    node.becomes(BusHealth::Up, RECOVERY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_publisher_is_noticed_while_it_is_idle() {
    let engine = InRedis::start();
    let mut node = Node::on(&engine).await;
    let mut health = node.bus.health();
    health.mark_unchanged();
    engine.server.command(&["CLIENT", "KILL", "TYPE", "normal"]);
    timeout(RECOVERY, health.changed()).await.expect("the loss is shown").expect("the bus is there");
    node.hears_itself_within(RECOVERY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_comes_later_is_found() {
    let mut engine = InRedis { server: RedisServer::stopped(), unix: false };
    let listening = timeout(RECOVERY, Node::listening(engine.bus())).await;
    let mut node = listening.expect("subscribing does not wait for what never comes");
    assert_eq!(*node.bus.health().borrow(), BusHealth::Down);
    engine.server.start_again();
    node.hears_itself_within(RECOVERY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_redis_is_dialled_anew_on_request() {
    let engine = InRedis::start();
    let mut node = Node::on(&engine).await;
    engine.server.freeze();
    node.bus.reconnect();
    node.becomes(BusHealth::Down, Duration::from_secs(1)).await;
    engine.server.thaw();
    node.hears_itself_within(RECOVERY).await;
    node.becomes(BusHealth::Up, RECOVERY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_for_new_connections_replaces_both() {
    let engine = InRedis::start();
    let mut node = Node::on(&engine).await;
    let before = connection_ids(&engine.server);
    assert_eq!(before.len(), 2);
    node.bus.reconnect();
    eventually("both connections are others", || {
        let now = connection_ids(&engine.server);
        now.len() == 2 && now.iter().all(|id| !before.contains(id))
    })
    .await;
    node.hears_itself_within(RECOVERY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_redis_makes_publishing_neither_wait_nor_grow() {
    let engine = InRedis::start();
    let mut node = Node::on(&engine).await;
    engine.server.freeze();
    let envelope = Bytes::from(vec![7; 1024]);
    let start = Instant::now();
    for _ in 0..100_000 {
        node.bus.publish(Destination::All, envelope.clone());
    }
    assert!(start.elapsed() < LONG, "publishing took {:?}", start.elapsed());
    assert!(node.bus.dropped() > 50_000, "what does not fit is dropped at once");
    node.becomes(BusHealth::Down, RECOVERY).await;
    engine.server.thaw();
    node.hears_itself_within(RECOVERY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_refuses_to_publish_is_shown_as_down() {
    let engine = InRedis::start();
    let mut node = Node::on(&engine).await;
    engine.server.command(&["ACL", "SETUSER", "default", "-publish"]);
    node.to_all("refused");
    node.becomes(BusHealth::Down, RECOVERY).await;
    assert_eq!(node.bus.dropped(), 1);
    engine.server.command(&["ACL", "SETUSER", "default", "+publish"]);
    node.hears_itself_within(RECOVERY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unix_socket_serves_as_well() {
    let engine = InRedis { server: RedisServer::start(), unix: true };
    let mut node = Node::on(&engine).await;
    node.hears_itself_within(RECOVERY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_bus_leaves_no_connection() {
    let engine = InRedis::start();
    let node = Node::on(&engine).await;
    assert_eq!(connection_ids(&engine.server).len(), 2);
    drop(node);
    eventually("its connections are closed", || connection_ids(&engine.server).is_empty()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn buses_with_other_prefixes_hear_nothing() {
    let engine = InRedis::start();
    let mut stranger = Node::listening(Box::new(bus_at(&engine.server.url(), "other"))).await;
    stranger.becomes(BusHealth::Up, LONG).await;
    let mut node = Node::on(&engine).await;
    node.to_all("not for strangers");
    node.hears("not for strangers").await;
    stranger.to_all("for strangers");
    stranger.hears("for strangers").await;
}

/// The connections of the server, without the one that asks.
fn connection_ids(server: &RedisServer) -> Vec<String> {
    let list: String = ::redis::from_redis_value(server.command(&["CLIENT", "LIST"])).expect("a list of clients");
    let others = list.lines().filter(|line| !line.contains("cmd=client"));
    others.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}
