//! What only a registry in another process can suffer.

use super::*;

/// Within this an operation has failed, however Redis behaves.
const FAILS_WITHIN: Duration = Duration::from_secs(2);

async fn every_operation_fails_in_time(node: &Node) {
    let (registry, id) = (&node.registry, node.id);
    let in_time = "it fails in time";
    let results = [
        ("renew", timeout(FAILS_WITHIN, registry.renew(id)).await.expect(in_time).map(drop)),
        ("enter", timeout(FAILS_WITHIN, registry.enter(id, &[ALICE])).await.expect(in_time)),
        ("leave", timeout(FAILS_WITHIN, registry.leave(id, &[ALICE])).await.expect(in_time)),
        ("locate", timeout(FAILS_WITHIN, registry.locate(&[ALICE])).await.expect(in_time).map(drop)),
        ("nodes", timeout(FAILS_WITHIN, registry.nodes()).await.expect(in_time).map(drop)),
        ("release", timeout(FAILS_WITHIN, registry.release(id)).await.expect(in_time)),
    ];
    for (operation, result) in results {
        assert!(matches!(result, Err(PresenceError::Unavailable { .. })), "{operation} without Redis: {result:?}");
    }
}

/// Renews as a node does, until that succeeds.
async fn renewed(node: &Node) -> Renewal {
    let renewed = async {
        loop {
            match node.registry.renew(node.id).await {
                Ok(renewal) => return renewal,
                Err(_) => sleep(Duration::from_millis(50)).await,
            }
        }
    };
    timeout(Duration::from_secs(5), renewed).await.expect("the registry works again")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_that_lost_everything_asks_for_everything_again() {
    let engine = InRedis::start();
    let node = Node::on(&engine).await;
    node.enter(&[ALICE]).await;
    engine.server.command(&["FLUSHALL"]);
    assert!(node.locate(&[ALICE]).await.is_empty());
    assert_eq!(node.renew().await, Renewal::Fresh);
    node.enter(&[ALICE]).await;
    assert_eq!(node.locate(&[ALICE]).await, found([(ALICE, &[&node])]));
    assert_eq!(node.renew().await, Renewal::Kept);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_redis_gives_errors_in_time_and_a_new_one_serves() {
    let mut engine = InRedis::start();
    let node = Node::on(&engine).await;
    node.enter(&[ALICE]).await;
    engine.server.kill();
    every_operation_fails_in_time(&node).await;
    engine.server.start_again();
    assert_eq!(renewed(&node).await, Renewal::Fresh);
    node.enter(&[ALICE]).await;
    assert_eq!(node.locate(&[ALICE]).await, found([(ALICE, &[&node])]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_redis_gives_errors_in_time_and_serves_when_it_goes_on() {
    let engine = InRedis::start();
    let node = Node::on(&engine).await;
    engine.server.freeze();
    every_operation_fails_in_time(&node).await;
    engine.server.thaw();
    renewed(&node).await;
    node.enter(&[ALICE]).await;
    assert_eq!(node.locate(&[ALICE]).await, found([(ALICE, &[&node])]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_in_an_outage_do_not_queue_up() {
    let engine = InRedis::start();
    let node = Node::on(&engine).await;
    engine.server.freeze();
    let start = Instant::now();
    let callers = (0..200).map(|_| node.registry.locate(&[ALICE]));
    let answers = futures_util::future::join_all(callers).await;
    assert!(answers.iter().all(Result::is_err));
    assert!(start.elapsed() < FAILS_WITHIN, "they took {:?}", start.elapsed());
    engine.server.thaw();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_whose_answer_was_lost_is_fresh_the_next_time() {
    let engine = InRedis::start();
    let node = Node::on(&engine).await;
    node.enter(&[ALICE]).await;
    engine.server.command(&["FLUSHALL"]);
    // The command waits in the frozen server's socket, and is carried out when nobody waits for its answer.
    engine.server.freeze();
    node.registry.renew(node.id).await.expect_err("a frozen server does not answer");
    engine.server.thaw();
    assert_eq!(renewed(&node).await, Renewal::Fresh);
    assert_eq!(node.renew().await, Renewal::Kept);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_in_redis_lasts_for_ever() {
    let engine = InRedis::start();
    let node = Node::on(&engine).await;
    node.enter(&[ALICE, BOB]).await;
    let keys: Vec<String> = ::redis::from_redis_value(engine.server.command(&["KEYS", "*"])).expect("names");
    assert_eq!(keys.len(), 2);
    for key in keys {
        assert!(key.starts_with("test:"), "{key}");
        let left: i64 = ::redis::from_redis_value(engine.server.command(&["PTTL", &key])).expect("a number");
        assert!(left > 0, "{key} ends");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_nodes_leave_the_index() {
    let engine = InRedis::start();
    let (dead, alive) = (Node::on(&engine).await, Node::on(&engine).await);
    engine.server.command(&["DEL", &format!("test:on:{}", dead.id)]);
    alive.locate(&[ALICE]).await;
    let index: Vec<String> =
        ::redis::from_redis_value(engine.server.command(&["SMEMBERS", "test:nodes"])).expect("names");
    assert_eq!(index, [alive.id.to_string()]);
}
