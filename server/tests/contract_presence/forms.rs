//! The registry in Redis in every form that people run it.

use super::*;
use crate::support::forms::{RedisCluster, Sentinels, TlsRedis};
use crate::support::redis::{Setup, valkey};

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
