//! Groups over real sockets, on one node: who sees what from when to when.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use support::server::{Login, TestServer};
use trunkline_protocol::{ChangeBody, ClientFrame, ConversationId, ErrorCode, Seq, UserId};
use trunkline_server::store::Amendment;

struct Trio {
    server: TestServer,
    ann: Login,
    bob: Login,
    carol: Login,
    /// Of Ann and Bob.
    here: ConversationId,
}

impl Trio {
    async fn new() -> Self {
        let server = TestServer::start().await;
        let (ann, bob) = (server.register("ann").await, server.register("bob").await);
        let carol = server.register("carol").await;
        let here = server.group(&ann, &[&bob]).await;
        Self { server, ann, bob, carol, here }
    }
}

#[tokio::test]
async fn who_is_added_sees_the_group_at_once_and_nothing_from_before() {
    let Trio { server, ann, bob, carol, here } = Trio::new().await;
    let (anns, carols) = (server.device(&ann).await, server.device(&carol).await);
    anns.send(here, "before");
    anns.settled().await;
    server.amend(&bob, here, Amendment::AddMembers(vec![carol.id()])).await;
    carols.knows(here).await;
    anns.send(here, "after");
    carols.shows(here, &["after"]).await;
    anns.shows(here, &["before", "after"]).await;
    // Nor by asking, nor by loading afresh.
    let mut raw = server.welcomed(&carol).await;
    raw.say(&ClientFrame::Fetch { conversation: here, from: Seq(1), to: Seq(99) }).await;
    let range = raw.expect("a range", |frame| matches!(frame, trunkline_protocol::ServerFrame::Range { .. })).await;
    assert!(!serde_json::to_string(&range).expect("JSON").contains("before"), "{range:?}");
    server.device(&carol).await.shows(here, &["after"]).await;
}

#[tokio::test]
async fn who_is_removed_is_told_so_and_gets_nothing_more() {
    let Trio { server, ann, bob, here, .. } = Trio::new().await;
    let (anns, bobs) = (server.device(&ann).await, server.device(&bob).await);
    let mut raw = server.welcomed(&bob).await;
    anns.send(here, "with bob");
    bobs.shows(here, &["with bob"]).await;
    server.amend(&ann, here, Amendment::RemoveMember(bob.id())).await;
    bobs.until("left", |view| (view.left == [here]).then_some(())).await;
    anns.send(here, "without bob");
    anns.act(|client, now| client.typing(now, here));
    anns.settled().await;
    assert!(bobs.view().client.replica(here).is_none());
    // Behind whatever came before it, an answer shows what this socket was given.
    raw.say(&ClientFrame::Fetch { conversation: here, from: Seq(1), to: Seq(99) }).await;
    loop {
        let frame = raw.expect("anything", |_| true).await;
        let text = serde_json::to_string(&frame).expect("JSON");
        assert!(!text.contains("without bob") && !text.contains("typing"), "{text}");
        if let trunkline_protocol::ServerFrame::Error { code, .. } = frame {
            break assert_eq!(code, ErrorCode::NotAMember);
        }
    }
    let key = raw.send(here, "let me back").await;
    assert_eq!(raw.refused(key).await, (ErrorCode::NotAMember, None));
    assert!(server.device(&bob).await.view().client.replica(here).is_none());
}

#[tokio::test]
async fn who_was_away_when_removed_learns_it_from_the_welcome() {
    let Trio { server, ann, bob, here, .. } = Trio::new().await;
    let bobs = server.device(&bob).await;
    bobs.act(|client, _| client.network_lost());
    server.amend(&ann, here, Amendment::RemoveMember(bob.id())).await;
    bobs.act(trunkline_protocol::client::Client::connect);
    bobs.until("left", |view| (view.left == [here]).then_some(())).await;
}

#[tokio::test]
async fn who_comes_back_sees_what_is_said_from_then_on() {
    let Trio { server, ann, bob, here, .. } = Trio::new().await;
    let (anns, bobs) = (server.device(&ann).await, server.device(&bob).await);
    server.amend(&ann, here, Amendment::RemoveMember(bob.id())).await;
    bobs.until("left", |view| (!view.left.is_empty()).then_some(())).await;
    anns.send(here, "while away");
    anns.settled().await;
    server.amend(&ann, here, Amendment::AddMembers(vec![bob.id()])).await;
    bobs.knows(here).await;
    anns.send(here, "welcome back");
    bobs.shows(here, &["welcome back"]).await;
}

#[tokio::test]
async fn an_owner_who_leaves_hands_the_group_on() {
    let Trio { server, ann, bob, carol, here } = Trio::new().await;
    let (anns, bobs) = (server.device(&ann).await, server.device(&bob).await);
    server.amend(&ann, here, Amendment::AddMembers(vec![carol.id()])).await;
    server.amend(&ann, here, Amendment::RemoveMember(ann.id())).await;
    anns.until("left", |view| (view.left == [here]).then_some(())).await;
    let owner = |wanted: UserId| {
        move |view: &support::device::View| {
            let conversation = view.client.replica(here)?.conversation();
            (conversation.owner == Some(wanted) && conversation.members.len() == 2).then_some(())
        }
    };
    bobs.until("bob is the owner", owner(bob.id())).await;
    server.amend(&bob, here, Amendment::ChangeOwner(carol.id())).await;
    bobs.until("carol is the owner", owner(carol.id())).await;
    let changed = |view: &support::device::View| {
        let is_it = |body: &ChangeBody| matches!(body, ChangeBody::OwnerChanged { .. });
        view.shown(here).iter().filter(|change| is_it(&change.body)).count()
    };
    assert_eq!(changed(&bobs.view()), 2);
}

#[tokio::test]
async fn a_new_name_is_seen_by_everyone() {
    let Trio { server, ann, bob, here, .. } = Trio::new().await;
    let bobs = server.device(&bob).await;
    server.amend(&ann, here, Amendment::Rename("Lunch".to_owned())).await;
    bobs.until("renamed", |view| {
        (view.client.replica(here)?.conversation().name.as_deref() == Some("Lunch")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_new_name_reaches_pages_that_are_open() {
    let Trio { server, ann, bob, here, .. } = Trio::new().await;
    let (anns, bobs) = (server.device(&ann).await, server.device(&bob).await);
    anns.knows(here).await;
    server.node().rename(bob.id(), "Robert").await.expect("a name");
    for device in [&anns, &bobs] {
        let called = |name: &str| name == "Robert";
        device
            .until("the new name", |view| {
                let member = view.client.replica(here)?.conversation().member(bob.id())?;
                called(&member.user.display_name).then_some(())
            })
            .await;
    }
}
