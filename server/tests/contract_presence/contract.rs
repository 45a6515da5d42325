//! What every registry must do.

use super::*;

pub(super) async fn who_has_entered_is_found_until_they_leave(engine: &dyn Engine) {
    let (here, there) = (Node::on(engine).await, Node::on(engine).await);
    here.enter(&[ALICE, CAROL]).await;
    let everyone = [ALICE, BOB, CAROL];
    assert_eq!(there.locate(&everyone).await, found([(ALICE, &[&here]), (CAROL, &[&here])]));
    here.leave(&[ALICE]).await;
    assert_eq!(there.locate(&everyone).await, found([(CAROL, &[&here])]));
}

pub(super) async fn who_is_on_two_nodes_is_found_on_both(engine: &dyn Engine) {
    let (here, there) = (Node::on(engine).await, Node::on(engine).await);
    here.enter(&[ALICE, BOB]).await;
    there.enter(&[ALICE]).await;
    assert_eq!(here.locate(&[ALICE, BOB]).await, found([(ALICE, &[&here, &there]), (BOB, &[&here])]));
    here.leave(&[ALICE]).await;
    assert_eq!(here.locate(&[ALICE, BOB]).await, found([(ALICE, &[&there]), (BOB, &[&here])]));
}

pub(super) async fn entering_and_leaving_twice_is_as_good_as_once(engine: &dyn Engine) {
    let node = Node::on(engine).await;
    node.enter(&[ALICE, ALICE]).await;
    node.enter(&[ALICE, BOB]).await;
    node.leave(&[BOB, BOB, CAROL]).await;
    node.leave(&[BOB]).await;
    assert_eq!(node.locate(&[ALICE, BOB, CAROL, ALICE]).await, found([(ALICE, &[&node])]));
}

pub(super) async fn an_empty_list_asks_and_changes_nothing(engine: &dyn Engine) {
    let node = Node::on(engine).await;
    node.enter(&[]).await;
    node.leave(&[]).await;
    assert!(node.locate(&[]).await.is_empty());
    assert_eq!(node.nodes().await, HashSet::from([node.id]));
}

pub(super) async fn a_renewal_keeps_the_lease_and_says_so(engine: &dyn Engine) {
    let node = Node::on(engine).await;
    node.enter(&[ALICE]).await;
    let start = Instant::now();
    while start.elapsed() < LEASE + SLACK {
        // The passing of time is what is tried here.
        sleep(RENEW_EVERY).await;
        assert_eq!(node.renew().await, Renewal::Kept);
    }
    assert_eq!(node.locate(&[ALICE]).await, found([(ALICE, &[&node])]));
}

pub(super) async fn a_lease_that_ends_takes_its_entries_with_it(engine: &dyn Engine) {
    let (dead, alive) = (Node::on(engine).await, Node::on(engine).await);
    dead.enter(&[ALICE, BOB]).await;
    alive.enter(&[BOB]).await;
    let start = Instant::now();
    while alive.nodes().await.contains(&dead.id) {
        assert!(start.elapsed() < LEASE + SLACK, "the lease ends");
        sleep(Duration::from_millis(100)).await;
        alive.renew().await;
    }
    assert!(start.elapsed() > LEASE - SLACK, "the lease does not end early");
    assert_eq!(alive.locate(&[ALICE, BOB]).await, found([(BOB, &[&alive])]));
    // Entering late must not bring the lease back, or the renewal would not ask for the others.
    dead.enter(&[CAROL]).await;
    assert!(alive.locate(&[CAROL]).await.is_empty());
    assert_eq!(dead.renew().await, Renewal::Fresh);
    assert!(alive.locate(&[ALICE, CAROL]).await.is_empty());
}

pub(super) async fn a_released_lease_takes_its_entries_with_it(engine: &dyn Engine) {
    let (here, there) = (Node::on(engine).await, Node::on(engine).await);
    here.enter(&[ALICE, BOB]).await;
    there.enter(&[BOB]).await;
    here.release().await;
    here.release().await;
    assert_eq!(there.nodes().await, HashSet::from([there.id]));
    assert_eq!(there.locate(&[ALICE, BOB]).await, found([(BOB, &[&there])]));
    assert_eq!(here.renew().await, Renewal::Fresh);
    assert!(there.locate(&[ALICE]).await.is_empty());
}

pub(super) async fn a_new_incarnation_has_none_of_the_old_entries(engine: &dyn Engine) {
    let old = Node::on(engine).await;
    old.enter(&[ALICE]).await;
    let new = Node::on(engine).await;
    new.enter(&[BOB]).await;
    assert_eq!(new.locate(&[ALICE, BOB]).await, found([(ALICE, &[&old]), (BOB, &[&new])]));
    old.release().await;
    assert_eq!(new.locate(&[ALICE, BOB]).await, found([(BOB, &[&new])]));
}

pub(super) async fn only_nodes_with_a_lease_are_listed(engine: &dyn Engine) {
    let stranger = Node { id: NodeId::random(), registry: engine.registry() };
    stranger.enter(&[ALICE]).await;
    assert!(stranger.nodes().await.is_empty());
    assert!(stranger.locate(&[ALICE]).await.is_empty());
    let (here, there) = (Node::on(engine).await, Node::on(engine).await);
    assert_eq!(stranger.nodes().await, HashSet::from([here.id, there.id]));
}

pub(super) async fn hundreds_of_users_are_located_at_once(engine: &dyn Engine) {
    let nodes = [Node::on(engine).await, Node::on(engine).await, Node::on(engine).await];
    let users: Vec<UserId> = (1..=5_000).map(UserId).collect();
    for (number, node) in nodes.iter().enumerate() {
        let here: Vec<UserId> = users.iter().copied().filter(|user| user.0 % 4 == number as u64).collect();
        node.enter(&here).await;
    }
    let asked = &users[..500];
    // The quickest of some: others use this machine too. One after the other, they would take longer always.
    let (mut answer, mut quickest) = (HashMap::new(), Duration::MAX);
    for _ in 0..20 {
        let start = Instant::now();
        answer = nodes[0].locate(asked).await;
        quickest = quickest.min(start.elapsed());
    }
    assert!(quickest < Duration::from_millis(200), "locating takes {quickest:?}");
    for user in asked {
        let expected = nodes.get((user.0 % 4) as usize).map(|node| HashSet::from([node.id]));
        assert_eq!(answer.get(user), expected.as_ref(), "user {user}");
    }
}

pub(super) async fn a_crowd_enters_and_leaves(engine: &dyn Engine) {
    let node = Node::on(engine).await;
    let crowd: Vec<UserId> = (1..=20_500).map(UserId).collect();
    node.enter(&crowd).await;
    assert_eq!(node.locate(&crowd).await.len(), crowd.len());
    node.leave(&crowd[..20_000]).await;
    assert_eq!(node.locate(&crowd).await.len(), 500);
    assert_eq!(node.renew().await, Renewal::Kept);
}
