//! Which nodes use the store.

use crate::harness::{Database, NOW};
use trunkline_protocol::NodeId;
use trunkline_server::store::Peer;

contract!(nodes_see_each_other, a_node_is_forgotten_when_it_leaves_or_falls_silent);

const WITHIN: i64 = 30_000;

async fn nodes_see_each_other(db: Database) {
    let (one, two) = (NodeId::random(), NodeId::random());
    assert!(db.a.announce(one, "memory", NOW, WITHIN).await.unwrap().is_empty());
    let others = db.b.announce(two, "redis", NOW + 1, WITHIN).await.unwrap();
    assert_eq!(others, [Peer { node: one, bus: "memory".into() }]);
    let others = db.a.announce(one, "memory", NOW + 2, WITHIN).await.unwrap();
    assert_eq!(others, [Peer { node: two, bus: "redis".into() }]);
}

async fn a_node_is_forgotten_when_it_leaves_or_falls_silent(db: Database) {
    let (one, two, three) = (NodeId::random(), NodeId::random(), NodeId::random());
    for node in [one, two, three] {
        db.a.announce(node, "redis", NOW, WITHIN).await.unwrap();
    }
    db.b.withdraw(two).await.unwrap();
    db.b.withdraw(two).await.unwrap();
    let others = db.b.announce(three, "redis", NOW + WITHIN, WITHIN).await.unwrap();
    assert_eq!(others, [Peer { node: one, bus: "redis".into() }]);
    assert!(db.b.announce(three, "redis", NOW + WITHIN + 1, WITHIN).await.unwrap().is_empty());
}
