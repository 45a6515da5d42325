//! The registry in Redis in every form that people run it.

use super::*;
use crate::support::forms::{RedisCluster, Sentinels, TlsRedis};
use crate::support::redis::{Setup, valkey};
use crate::support::{SOON, eventually};
use trunkline_server::redis::slots::slot_of;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_form_keeps_the_contract() {
    // Side by side: each mostly waits for leases to end.
    let start = |what: fn() -> (String, Box<dyn Send>)| tokio::task::spawn_blocking(what);
    let forms = [
        start(|| {
            let cluster = RedisCluster::start();
            (cluster.url(), Box::new(cluster))
        }),
        start(|| {
            let sentinels = Sentinels::start();
            (sentinels.url(), Box::new(sentinels))
        }),
        start(|| {
            let redis = TlsRedis::start(true);
            (redis.url_with_certificate(), Box::new(redis))
        }),
        start(|| {
            let server = RedisServer::start_with(&Setup { program: Some(valkey()), ..Setup::default() });
            (server.url(), Box::new(server))
        }),
    ];
    let kept = forms.map(|form| async move {
        let (url, _running) = form.await.expect("it starts");
        keeps_the_contract(&url).await;
    });
    futures_util::future::join_all(kept).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_is_half_moved_is_served() {
    let cluster = RedisCluster::start();
    let engine = AtRedis { servers: servers_at(&cluster.url()), prefix: "moving" };
    let before = Node::on(&engine).await;
    before.enter(&[ALICE]).await;
    let moving = cluster.begin_to_move(slot_of("{moving}"));
    // What is new goes to where the slot will be, what there was is still where it is.
    let during = Node::on(&engine).await;
    during.enter(&[BOB]).await;
    let all_are_there = async || {
        for node in [&before, &during] {
            assert_eq!(node.renew().await, Renewal::Kept);
            let both = node.locate(&[ALICE, BOB]).await;
            assert_eq!(both, found([(ALICE, &[&before]), (BOB, &[&during])]));
        }
    };
    for _ in 0..3 {
        all_are_there().await;
        moving.keys(1);
    }
    all_are_there().await;
    moving.finish();
    for node in [&before, &during] {
        // A refusal tells the connection that the slot is elsewhere.
        let renews = async || node.registry.renew(node.id).await.ok();
        eventually("it is renewed where it is now", SOON, renews).await;
        assert_eq!(node.locate(&[ALICE, BOB]).await.len(), 2);
    }
}
