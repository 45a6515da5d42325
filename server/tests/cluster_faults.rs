//! Two nodes and what may happen to them: Redis dies, hangs, forgets, was never there; a node dies.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;
use support::child::ChildNode;
use support::cluster::Cluster;
use support::device::{Device, View};
use support::raw::Raw;
use support::redis::RedisServer;
use support::{SOON, eventually};
use tokio::time::Instant;
use trunkline_protocol::{CloseCode, ConversationId, Presence, ServerFrame};
use trunkline_server::node::Routing;

over_both_routings!(
    redis_dies_while_messages_flow,
    redis_was_never_there_and_comes_later,
    every_nudge_is_lost_and_nobody_notices,
    subscriptions_are_cut,
    a_bus_that_hangs_is_noticed_told_and_healed,
    a_session_ends_everywhere_without_redis,
    a_dead_nodes_users_are_offline_in_time,
    a_wrong_answer_to_a_watch_is_set_right,
    a_node_that_slept_longer_than_its_lease_starts_over,
    a_node_dies_while_messages_flow,
);

/// How long delivery may take when nothing is told by the bus (I12).
const WITHOUT_NUDGES: Duration = Duration::from_secs(12);

/// Ann on one node and Bob on the other, who talk.
struct Talk {
    anns: Device,
    bobs: Device,
    here: ConversationId,
    said: Vec<String>,
}

impl Talk {
    async fn begin(cluster: &Cluster) -> Self {
        let (a, b) = (&cluster.a, &cluster.b);
        let (ann, bob) = (a.register("ann").await, a.register("bob").await);
        let here = a.direct(&ann, &bob).await;
        Self { anns: a.device(&ann).await, bobs: b.device(&bob).await, here, said: Vec::new() }
    }

    fn say(&mut self, count: usize) {
        for _ in 0..count {
            let text = format!("{}", self.said.len());
            self.anns.send(self.here, &text);
            self.said.push(text);
        }
    }

    /// Both were shown exactly what was said, in order.
    async fn heard(&self, limit: Duration) {
        let count = self.said.len();
        assert_eq!(self.bobs.shows_count(self.here, count, limit).await, self.said);
        assert_eq!(self.anns.shows_count(self.here, count, SOON).await, self.said);
        self.anns.settled().await;
    }
}

async fn redis_dies_while_messages_flow(routing: Routing) {
    let mut cluster = Cluster::start(routing).await;
    let mut talk = Talk::begin(&cluster).await;
    talk.say(8);
    cluster.redis.kill();
    talk.say(8);
    talk.heard(WITHOUT_NUDGES).await;
    cluster.a.bus_is("down", SOON).await;
    cluster.b.bus_is("down", SOON).await;
    talk.bobs.until("told", |view| view.client.is_degraded().then_some(())).await;
    talk.say(5);
    talk.heard(WITHOUT_NUDGES).await;
    // Back, and it remembers nothing.
    cluster.redis.start_again();
    cluster.a.bus_is("up", SOON).await;
    cluster.b.bus_is("up", SOON).await;
    talk.bobs.until("told", |view| (!view.client.is_degraded()).then_some(())).await;
    talk.say(5);
    talk.heard(SOON).await;
}

async fn redis_was_never_there_and_comes_later(routing: Routing) {
    let mut cluster = Cluster::start_on(RedisServer::stopped(), routing).await;
    let mut talk = Talk::begin(&cluster).await;
    cluster.a.bus_is("down", SOON).await;
    talk.say(5);
    talk.heard(WITHOUT_NUDGES).await;
    cluster.redis.start_again();
    cluster.a.bus_is("up", SOON).await;
    cluster.b.bus_is("up", SOON).await;
    talk.say(5);
    talk.heard(SOON).await;
}

async fn every_nudge_is_lost_and_nobody_notices(routing: Routing) {
    let cluster = Cluster::start_without_nudges(routing).await;
    let mut talk = Talk::begin(&cluster).await;
    talk.say(10);
    talk.heard(WITHOUT_NUDGES).await;
    // Conversations and cursors come that way too.
    let (a, b) = (&cluster.a, &cluster.b);
    let (carol, dave) = (a.register("carol").await, a.register("dave").await);
    let (carols, daves) = (a.device(&carol).await, b.device(&dave).await);
    let there = a.group(&carol, &[&dave]).await;
    daves.until_within(WITHOUT_NUDGES, "knows the group", |view| view.client.replica(there).map(|_| ())).await;
    carols.send(there, "hello");
    daves.shows_count(there, 1, WITHOUT_NUDGES).await;
    daves.read_all(there);
    carols
        .until_within(WITHOUT_NUDGES, "seen", |view| {
            let (_, read) = view.cursors(there, dave.id())?;
            (read >= view.shown(there).last()?.seq).then_some(())
        })
        .await;
    assert!(!carols.view().was_degraded);
}

async fn subscriptions_are_cut(routing: Routing) {
    let cluster = Cluster::start(routing).await;
    let mut talk = Talk::begin(&cluster).await;
    for _ in 0..3 {
        talk.say(4);
        cluster.redis.command(&["CLIENT", "KILL", "TYPE", "pubsub"]);
        talk.say(4);
        talk.heard(WITHOUT_NUDGES).await;
    }
    cluster.a.bus_is("up", SOON).await;
}

async fn a_bus_that_hangs_is_noticed_told_and_healed(routing: Routing) {
    let cluster = Cluster::start(routing).await;
    let mut talk = Talk::begin(&cluster).await;
    talk.say(3);
    talk.heard(SOON).await;
    cluster.redis.freeze();
    talk.say(5);
    talk.heard(WITHOUT_NUDGES).await;
    // The canary: a bus that looks connected and is deaf.
    cluster.a.bus_is("down", WITHOUT_NUDGES).await;
    talk.bobs.until_within(WITHOUT_NUDGES, "told", |view| view.client.is_degraded().then_some(())).await;
    talk.say(5);
    talk.heard(WITHOUT_NUDGES).await;
    cluster.redis.thaw();
    cluster.a.bus_is("up", WITHOUT_NUDGES).await;
    cluster.b.bus_is("up", WITHOUT_NUDGES).await;
    talk.bobs.until("told", |view| (!view.client.is_degraded()).then_some(())).await;
    talk.say(5);
    talk.heard(SOON).await;
}

async fn a_session_ends_everywhere_without_redis(routing: Routing) {
    let mut cluster = Cluster::start(routing).await;
    let ann = cluster.a.register("ann").await;
    let there = cluster.a.log_in("ann").await;
    let device = cluster.b.device(&there).await;
    cluster.redis.kill();
    cluster.a.state().accounts.end_session(ann.id(), there.session).await.expect("ended");
    assert_eq!(device.stopped(Duration::from_secs(4)).await, CloseCode::SessionEnded.as_u16());
}

fn child(cluster: &Cluster, routing: Routing) -> ChildNode {
    let routing = match routing {
        Routing::Broadcast => "broadcast",
        Routing::Directed => "directed",
    };
    ChildNode::start(cluster.database(), &["--bus", &cluster.redis.url(), "--routing", routing])
}

async fn a_dead_nodes_users_are_offline_in_time(routing: Routing) {
    let cluster = Cluster::start(routing).await;
    let mut third = child(&cluster, routing);
    let (ann, bob) = (cluster.a.register("ann").await, cluster.a.register("bob").await);
    let anns = cluster.a.device(&ann).await;
    anns.act(|client, _| client.watch(vec![bob.id()]));
    let bobs = Device::start(&bob, &[third.address()]);
    bobs.live().await;
    let presence = |wanted: bool| {
        let bob = bob.id();
        move |view: &View| -> Option<Presence> {
            view.presence.get(&bob).filter(|known| known.online == wanted).copied()
        }
    };
    anns.until("here", presence(true)).await;
    third.kill();
    let start = Instant::now();
    anns.until_within(Duration::from_secs(15), "gone", presence(false)).await;
    assert!(start.elapsed() > Duration::from_secs(1), "a lease was not waited for: {:?}", start.elapsed());
}

async fn a_wrong_answer_to_a_watch_is_set_right(routing: Routing) {
    let cluster = Cluster::start(routing).await;
    let (a, b) = (&cluster.a, &cluster.b);
    let (ann, bob) = (a.register("ann").await, a.register("bob").await);
    let (first, second, _bobs) = (a.device(&ann).await, a.device(&ann).await, b.device(&bob).await);
    let here = |wanted: bool| {
        let bob = bob.id();
        move |view: &View| view.presence.get(&bob).filter(|known| known.online == wanted).map(|_| ())
    };
    // The registry says nothing, and what is known of somebody whom nobody watches is not kept for long.
    cluster.redis.freeze();
    tokio::time::sleep(Duration::from_millis(3_500)).await;
    for device in [&first, &second] {
        device.act(|client, _| client.watch(vec![bob.id()]));
        device.until("answered", here(false)).await;
    }
    cluster.redis.thaw();
    second.until_within(Duration::from_secs(15), "set right", here(true)).await;
    first.until_within(Duration::from_secs(15), "set right", here(true)).await;
}

async fn a_node_that_slept_longer_than_its_lease_starts_over(routing: Routing) {
    let cluster = Cluster::start(routing).await;
    let third = child(&cluster, routing);
    let (ann, bob) = (cluster.a.register("ann").await, cluster.a.register("bob").await);
    let anns = cluster.a.device(&ann).await;
    anns.act(|client, _| client.watch(vec![bob.id()]));
    let here = |wanted: bool| {
        let bob = bob.id();
        move |view: &View| view.presence.get(&bob).filter(|known| known.online == wanted).map(|_| ())
    };
    let mut bobs = Raw::connect(third.address(), &bob.cookie).await;
    let ServerFrame::Welcome { node: before, .. } = bobs.hello().await else { unreachable!() };
    anns.until("here", here(true)).await;
    third.freeze();
    let frozen = Instant::now();
    anns.until_within(Duration::from_secs(15), "gone", here(false)).await;
    // Longer than the lease: what is waited for is the passing of time.
    tokio::time::sleep_until(frozen + Duration::from_secs(12)).await;
    third.thaw();
    assert_eq!(bobs.closed().await, Some(CloseCode::NewIncarnation.as_u16()));
    let mut bobs = Raw::connect(third.address(), &bob.cookie).await;
    let ServerFrame::Welcome { node: after, .. } = bobs.hello().await else { unreachable!() };
    assert_ne!(before, after, "another incarnation");
    anns.until("back", here(true)).await;
}

async fn a_node_dies_while_messages_flow(routing: Routing) {
    let cluster = Cluster::start(routing).await;
    let mut third = child(&cluster, routing);
    let (ann, bob) = (cluster.a.register("ann").await, cluster.a.register("bob").await);
    let here = cluster.a.direct(&ann, &bob).await;
    let nodes = [third.address(), cluster.a.address()];
    let anns = Device::start(&ann, &nodes);
    let bobs = [Device::start(&bob, &nodes), Device::start(&bob, &[cluster.b.address()])];
    for device in [&anns, &bobs[0], &bobs[1]] {
        device.live().await;
    }
    let texts: Vec<_> = (0..30).map(|number| number.to_string()).collect();
    for text in &texts[..15] {
        anns.send(here, text);
    }
    // In the middle: some are acknowledged, some are on their way.
    anns.until("an ack", |view| (!view.texts(here).is_empty()).then_some(())).await;
    third.kill();
    for text in &texts[15..] {
        anns.send(here, text);
    }
    let limit = Duration::from_secs(15);
    for device in [&bobs[0], &bobs[1], &anns] {
        assert_eq!(device.shows_count(here, texts.len(), limit).await, texts);
    }
    anns.settled().await;
    assert_eq!(bobs[0].log(here), bobs[1].log(here));
    assert_eq!(anns.log(here), bobs[1].log(here));
    eventually("the survivors are ready", SOON, async || (cluster.a.readiness().await.0 == 200).then_some(())).await;
}
