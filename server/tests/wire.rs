//! The wire over real sockets, on one node: what clients may say, and what comes of it.

mod support;

use support::server::TestServer;

#[tokio::test]
async fn two_people_chat() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.register("ann").await, server.register("bob").await);
    let (anns, bobs) = (server.device(&ann).await, server.device(&bob).await);
    let here = server.direct(&ann, &bob).await;
    anns.knows(here).await;
    anns.send(here, "hello");
    bobs.shows(here, &["hello"]).await;
    bobs.send(here, "well met");
    anns.shows(here, &["hello", "well met"]).await;
    bobs.shows(here, &["hello", "well met"]).await;
    anns.settled().await;
}
