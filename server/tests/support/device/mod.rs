//! A device: the real state machine of the protocol crate over a real WebSocket, as the browser runs it.
//!
//! It holds every conversation from the first change its user may see, and records what it was shown. While it
//! records, it checks that the seqs are dense and that nothing comes twice (I3, I5).

mod host;
mod view;

pub(crate) use view::View;

use super::SOON;
use super::server::Login;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use trunkline_protocol::client::outbox::Entry;
use trunkline_protocol::client::{Client, Link};
use trunkline_protocol::{Change, ConversationId, Millis, SendKey, UserId};

struct Shared {
    view: Mutex<View>,
    /// Counts what happens, for those who wait.
    news: watch::Sender<u64>,
    /// Counts what the test does, for the task.
    orders: watch::Sender<u64>,
    start: Instant,
}

impl Shared {
    fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().expect("no test panicked while it looked")
    }

    fn now(&self) -> Millis {
        // Far from 0, as a clock is.
        1_000_000 + Millis::try_from(self.start.elapsed().as_millis()).expect("a short test")
    }

    fn at(&self, moment: Millis) -> Instant {
        self.start + Duration::from_millis(u64::try_from(moment - 1_000_000).unwrap_or(0))
    }
}

/// See the module.
pub(crate) struct Device {
    login: Login,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Drop for Device {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Device {
    /// A new device that connects to the first of `nodes`, and to the next one after each failure.
    pub(crate) fn start(login: &Login, nodes: &[SocketAddr]) -> Self {
        Self::resume(login, nodes, BTreeMap::new())
    }

    fn resume(login: &Login, nodes: &[SocketAddr], kept: BTreeMap<SendKey, Entry>) -> Self {
        let seed = u64::from_le_bytes(uuid::Uuid::new_v4().as_bytes()[..8].try_into().expect("8 bytes"));
        let mut client = Client::new(login.id(), seed, kept.values().cloned().collect());
        let start = Instant::now();
        client.connect(1_000_000);
        let view = View::new(client, nodes, &login.cookie, kept);
        let (news, orders) = (watch::Sender::new(0), watch::Sender::new(0));
        let shared = Arc::new(Shared { view: Mutex::new(view), news, orders, start });
        let task = tokio::spawn(host::drive(shared.clone()));
        Self { login: login.clone(), shared, task }
    }

    /// Holds no conversation from now on but those that the test says.
    pub(crate) fn hold_nothing(&self) {
        self.view().holds = false;
    }

    /// Closes the page and opens it again: everything is gone but the kept outbox.
    pub(crate) fn reload(self) -> Self {
        self.task.abort();
        let (kept, nodes) = {
            let view = self.view();
            (view.kept.clone(), view.nodes.clone())
        };
        Self::resume(&self.login, &nodes, kept)
    }

    /// Connects to these nodes from the next connection on.
    pub(crate) fn set_nodes(&self, nodes: &[SocketAddr]) {
        self.view().nodes = nodes.to_vec();
    }

    /// Whose device this is.
    pub(crate) fn id(&self) -> UserId {
        self.login.id()
    }

    /// What it knows now.
    pub(crate) fn view(&self) -> MutexGuard<'_, View> {
        self.shared.view()
    }

    // ---- what the user does ----------------------------------------------------------------------------------

    /// Sends a message.
    pub(crate) fn send(&self, conversation: ConversationId, text: impl Into<String>) -> SendKey {
        let key = SendKey::random();
        self.act(|client, now| client.send(now, key, conversation, text.into()));
        key
    }

    /// Lets the user do something.
    pub(crate) fn act<T>(&self, act: impl FnOnce(&mut Client, Millis) -> T) -> T {
        let now = self.shared.now();
        let done = {
            let mut view = self.view();
            let done = act(&mut view.client, now);
            view.carry_out(now);
            done
        };
        self.shared.orders.send_modify(|count| *count += 1);
        done
    }

    /// Reads everything in a conversation.
    pub(crate) fn read_all(&self, conversation: ConversationId) {
        self.act(|client, now| {
            let head = client.replica(conversation).expect("a conversation").applied();
            client.read(now, conversation, head);
        });
    }

    // ---- waiting ---------------------------------------------------------------------------------------------

    /// Waits until `look` gives something.
    pub(crate) async fn until<T>(&self, what: &str, look: impl FnMut(&View) -> Option<T>) -> T {
        self.until_within(SOON, what, look).await
    }

    pub(crate) async fn until_within<T>(
        &self,
        limit: Duration,
        what: &str,
        mut look: impl FnMut(&View) -> Option<T>,
    ) -> T {
        let mut news = self.shared.news.subscribe();
        let found = timeout(limit, async {
            loop {
                news.mark_unchanged();
                if let Some(found) = look(&self.view()) {
                    return found;
                }
                if news.changed().await.is_err() || self.task.is_finished() {
                    panic!("the device of {} has ended", self.login.user.name);
                }
            }
        });
        match found.await {
            Ok(found) => found,
            Err(_) => {
                let view = self.view();
                let shown: Vec<_> = view.shown.values().map(|shown| (shown.len(), shown.last().cloned())).collect();
                let (name, link) = (&self.login.user.name, view.client.link());
                panic!("{name}'s device, not within {limit:?}: {what}; it is {link:?} and was shown {shown:?}");
            }
        }
    }

    /// Waits until it is welcomed.
    pub(crate) async fn live(&self) {
        self.until("live", |view| (view.client.link() == Link::Live).then_some(())).await;
    }

    /// Waits until everything sent is acknowledged or refused for good.
    pub(crate) async fn settled(&self) {
        self.until("everything sent is answered", |view| view.client.is_settled().then_some(())).await;
    }

    /// Waits until exactly these texts are shown of a conversation.
    pub(crate) async fn shows(&self, conversation: ConversationId, texts: &[&str]) {
        self.until(&format!("shows {texts:?}"), |view| (view.texts(conversation) == texts).then_some(())).await;
    }

    /// Waits until this many messages are shown of a conversation, and gives their texts.
    pub(crate) async fn shows_count(&self, conversation: ConversationId, count: usize, limit: Duration) -> Vec<String> {
        self.until_within(limit, &format!("shows {count} messages"), |view| {
            let texts = view.texts(conversation);
            (texts.len() >= count).then(|| texts.into_iter().map(str::to_owned).collect())
        })
        .await
    }

    /// Waits until it knows a conversation.
    pub(crate) async fn knows(&self, conversation: ConversationId) {
        self.until("knows the conversation", |view| view.client.replica(conversation).map(|_| ())).await;
    }

    /// Waits until the node told it to stay away; the close code.
    pub(crate) async fn stopped(&self, limit: Duration) -> u16 {
        self.until_within(limit, "stopped", |view| match view.client.link() {
            Link::Stopped(code) => Some(code),
            _ => None,
        })
        .await
    }

    // ---- what must hold --------------------------------------------------------------------------------------

    /// Fails if it was without a node since it was welcomed first.
    pub(crate) fn never_was_without_a_node(&self) {
        let links = self.view().links.clone();
        let first = links.iter().position(|link| *link == Link::Live).expect("welcomed");
        assert_eq!(links[first..], [Link::Live], "{links:?}");
    }

    /// Fails if it has written something twice.
    pub(crate) fn sent_nothing_twice(&self) {
        let mut sent = self.view().transmitted.clone();
        let count = sent.len();
        sent.sort_unstable();
        sent.dedup();
        assert_eq!(sent.len(), count, "something was sent again");
    }

    /// Everything shown of a conversation, as (seq, author, text), for comparing devices.
    pub(crate) fn log(&self, conversation: ConversationId) -> Vec<(u64, UserId, Option<String>)> {
        let view = self.view();
        let entry = |change: &Change| (change.seq.0, change.author, change.body.text().map(str::to_owned));
        view.shown(conversation).iter().map(entry).collect()
    }

    /// The keys of what was acknowledged to this device, in order.
    pub(crate) fn acked(&self) -> Vec<SendKey> {
        self.view().acked.clone()
    }
}
