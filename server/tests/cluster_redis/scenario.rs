//! Two people on two nodes who talk all the time while something happens, and somebody who watches whether they are
//! there.

use crate::support::device::{Device, View};
use crate::support::server::{Database, Login, TestServer};
use crate::support::{SOON, eventually};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use trunkline_protocol::{ConversationId, UserId};
use trunkline_server::config::Options;
use trunkline_server::node::Routing;

/// How long delivery may take while the bus does not work (I12).
const DELIVERED: Duration = Duration::from_secs(12);
/// How long everything may take to be as before, from the end of the fault. The rest of it is the registry, which is
/// believed again only when all nodes had time to enter their users.
const NORMAL: Duration = Duration::from_secs(20);
/// From one message of a person to the next: below what a person may send.
const PACE: Duration = Duration::from_millis(200);
/// How soon a message is there when all is well, on a machine that has much to do.
const QUICK: Duration = Duration::from_millis(1_500);

/// See the module.
pub(crate) struct Scenario {
    pub(crate) a: TestServer,
    pub(crate) b: TestServer,
    here: ConversationId,
    ann: Person,
    bob: Person,
    watcher: Device,
    stop: watch::Sender<bool>,
}

/// Somebody who talks and listens.
struct Person {
    login: Login,
    device: Arc<Device>,
    said: Arc<Mutex<Vec<(String, Instant)>>>,
    heard: Arc<Mutex<HashMap<String, Instant>>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Person {
    fn begin(login: Login, device: Device, here: ConversationId, stop: &watch::Sender<bool>) -> Self {
        let (said, heard) = (Arc::default(), Arc::default());
        let mut person = Self { login, device: Arc::new(device), said, heard, tasks: Vec::new() };
        person.tasks.push(tokio::spawn(talk(
            person.login.user.name.clone(),
            person.device.clone(),
            here,
            person.said.clone(),
            stop.subscribe(),
        )));
        person.tasks.push(tokio::spawn(listen(person.device.clone(), here, person.heard.clone())));
        person
    }

    fn said(&self) -> Vec<(String, Instant)> {
        self.said.lock().expect("no panic").clone()
    }
}

async fn talk(
    name: String,
    device: Arc<Device>,
    here: ConversationId,
    said: Arc<Mutex<Vec<(String, Instant)>>>,
    mut stop: watch::Receiver<bool>,
) {
    for number in 0.. {
        let text = format!("{name} {number}");
        said.lock().expect("no panic").push((text.clone(), Instant::now()));
        device.send(here, text);
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = sleep(PACE) => {}
        }
    }
}

async fn listen(device: Arc<Device>, here: ConversationId, heard: Arc<Mutex<HashMap<String, Instant>>>) {
    let mut count = 0;
    loop {
        let more = |view: &View| {
            let texts = view.texts(here);
            (texts.len() > count).then(|| texts[count..].iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
        };
        let new = device.until_within(Duration::from_secs(600), "something new", more).await;
        count += new.len();
        heard.lock().expect("no panic").extend(new.into_iter().map(|text| (text, Instant::now())));
    }
}

impl Scenario {
    /// Two nodes with this bus, Ann and Bob who begin to talk, and one who watches both.
    pub(crate) async fn begin(bus: &str) -> Self {
        let options = || Options { bus: Some(bus.to_owned()), routing: Some(Routing::Directed), ..Options::default() };
        let database = Database::new();
        let a = TestServer::start_with(&database, options()).await;
        let b = TestServer::start_with(&database, options()).await;
        a.bus_is("up", SOON).await;
        b.bus_is("up", SOON).await;
        let (ann, bob, carol) = (a.register("ann").await, a.register("bob").await, a.register("carol").await);
        let here = a.direct(&ann, &bob).await;
        let (anns, bobs, watcher) = (a.device(&ann).await, b.device(&bob).await, a.device(&carol).await);
        anns.knows(here).await;
        bobs.knows(here).await;
        watcher.act(|client, _| client.watch(vec![ann.id(), bob.id()]));
        for user in [ann.id(), bob.id()] {
            watcher.until("both are there", is_online(user)).await;
        }
        let stop = watch::Sender::new(false);
        let ann = Person::begin(ann, anns, here, &stop);
        let bob = Person::begin(bob, bobs, here, &stop);
        let scenario = Self { a, b, here, ann, bob, watcher, stop };
        scenario.both_talk().await;
        scenario
    }

    /// Waits until each has heard some more of the other.
    pub(crate) async fn both_talk(&self) {
        for (speaker, listener) in [(&self.ann, &self.bob), (&self.bob, &self.ann)] {
            let count = speaker.said().len() + 3;
            let wanted = format!("{} {count}", speaker.login.user.name);
            let heard = |view: &View| view.texts(self.here).contains(&wanted.as_str()).then_some(());
            listener.device.until_within(DELIVERED, "more is heard", heard).await;
        }
    }

    /// Waits until both nodes keep their leases, and believe the registry.
    pub(crate) async fn registry_is_believed(&self) {
        for server in [&self.a, &self.b] {
            let metrics = &server.node().metrics;
            eventually("the lease is kept, and the registry believed", NORMAL, async || {
                (metrics.lease_up.get() == 1 && metrics.presence_in_doubt.get() == 0).then_some(())
            })
            .await;
        }
    }

    /// Waits until the nodes say that they are cut off from each other.
    pub(crate) async fn is_noticed(&self) {
        self.a.bus_is("down", DELIVERED).await;
        self.b.bus_is("down", DELIVERED).await;
    }

    /// All is as before: the bus is up, the registry believed, messages go to the node concerned and to no other, and
    /// at once; and both are said to be there. Then everything that was said is checked.
    pub(crate) async fn ends_well(self) {
        self.a.bus_is("up", NORMAL).await;
        self.b.bus_is("up", NORMAL).await;
        self.registry_is_believed().await;
        for server in [&self.a, &self.b] {
            let metrics = &server.node().metrics;
            let comes_back = async || (metrics.canary_seconds.get() < 1.0).then_some(());
            eventually("the canary comes back", NORMAL, comes_back).await;
        }
        self.both_talk().await;
        self.stop.send_replace(true);
        self.check().await;
        self.is_directed().await;
        for user in [self.ann.login.id(), self.bob.login.id()] {
            self.watcher.until_within(SOON, "both are there", is_online(user)).await;
        }
        for task in self.ann.tasks.iter().chain(&self.bob.tasks) {
            task.abort();
        }
    }

    /// Fails if the watcher was ever told that somebody had gone.
    pub(crate) fn nobody_flickered(&self) {
        let gone = self.watcher.view().absences.clone();
        assert!(gone.is_empty(), "said to be gone: {gone:?}");
    }

    /// Nothing was lost, doubled or reordered, and each message was there in time.
    async fn check(&self) {
        let (ann, bob) = (self.ann.said(), self.bob.said());
        let count = ann.len() + bob.len();
        for person in [&self.ann, &self.bob] {
            let shown = person.device.shows_count(self.here, count, DELIVERED).await;
            assert_eq!(shown.len(), count, "nothing twice");
            for speaker in [&self.ann, &self.bob] {
                let prefix = format!("{} ", speaker.login.user.name);
                let of_speaker: Vec<_> = shown.iter().filter(|text| text.starts_with(&prefix)).cloned().collect();
                let said: Vec<_> = speaker.said().into_iter().map(|(text, _)| text).collect();
                assert_eq!(of_speaker, said, "everything, in the order it was said");
            }
            person.device.settled().await;
        }
        assert_eq!(self.ann.device.log(self.here), self.bob.device.log(self.here), "in one order");
        for person in [&self.ann, &self.bob] {
            let noted = async || (person.heard.lock().expect("no panic").len() >= count).then_some(());
            eventually("it is noted when each was heard", SOON, noted).await;
        }
        let late = |said: &[(String, Instant)], listener: &Person| {
            let heard = listener.heard.lock().expect("no panic");
            let took = |(text, at): &(String, Instant)| (heard[text].duration_since(*at), text.clone());
            said.iter().map(took).max().expect("something was said")
        };
        for (took, text) in [late(&ann, &self.bob), late(&bob, &self.ann)] {
            assert!(took <= DELIVERED, "{text} took {took:?}");
        }
    }

    /// Before long, messages go to the node that has the receiver and to no other, and at once.
    async fn is_directed(&self) {
        let deadline = Instant::now() + NORMAL;
        for round in 0.. {
            let (received, slowest) = self.told(round).await;
            // At first a nudge of before may still come, or a doubt that nobody had until somebody asked.
            if received == (0, 5) && slowest < QUICK {
                return;
            }
            assert!(Instant::now() < deadline, "told here and there: {received:?}, the slowest in {slowest:?}");
        }
    }

    /// How often the two nodes are told of five messages from the first to the second, and how long the slowest took.
    async fn told(&self, round: usize) -> ((u64, u64), Duration) {
        let (from, to) = (&self.a.node().metrics, &self.b.node().metrics);
        let before = (from.nudges_received.get(), to.nudges_received.get());
        let mut slowest = Duration::ZERO;
        for number in 0..5 {
            let (text, start) = (format!("direct {round} {number}"), Instant::now());
            self.ann.device.send(self.here, &text);
            let shown = |view: &View| view.texts(self.here).contains(&text.as_str()).then_some(());
            self.bob.device.until("it is shown", shown).await;
            slowest = slowest.max(start.elapsed());
        }
        ((from.nudges_received.get() - before.0, to.nudges_received.get() - before.1), slowest)
    }
}

/// Whether a watched user was last said to be there.
pub(crate) fn is_online(user: UserId) -> impl Fn(&View) -> Option<()> {
    move |view| view.presence.get(&user).filter(|presence| presence.online).map(|_| ())
}
