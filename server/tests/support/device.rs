//! A device: the real state machine of the protocol crate over a real WebSocket, as the browser runs it.
//!
//! It holds every conversation from the first change its user may see, and records what it was shown. While it
//! records, it checks that the seqs are dense and that nothing comes twice (I3, I5).

use super::SOON;
use super::raw;
use super::server::Login;
use futures_util::future::{BoxFuture, select_all};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, SinkExt, StreamExt};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;
use trunkline_protocol::client::outbox::Entry;
use trunkline_protocol::client::{Action, Client, Event, Link, Socket};
use trunkline_protocol::{
    Change, ClientFrame, ConversationId, ErrorCode, Millis, Presence, SendKey, Seq, ServerFrame, UserId,
};

/// What a device knows and was shown. See [`Device::until`].
pub(crate) struct View {
    /// The state machine.
    pub(crate) client: Client,
    /// What was applied, in order.
    pub(crate) shown: BTreeMap<ConversationId, Vec<Change>>,
    /// Conversations it was told to have left, in order.
    pub(crate) left: Vec<ConversationId>,
    /// The last it was told of those it watches.
    pub(crate) presence: BTreeMap<UserId, Presence>,
    /// Who was told to be gone, in order.
    pub(crate) absences: Vec<UserId>,
    /// How it stood with its node, in order.
    pub(crate) links: Vec<Link>,
    /// What was written as a send, as often as it was.
    pub(crate) transmitted: Vec<SendKey>,
    /// Who was told to be writing where, in order.
    pub(crate) typing: Vec<(ConversationId, UserId)>,
    /// What was refused besides sends, in order.
    pub(crate) refused: Vec<(ErrorCode, String)>,
    /// How often the history was another one.
    pub(crate) resets: usize,
    /// How often it was welcomed.
    pub(crate) welcomes: usize,
    /// Delays it was told to move after, in order.
    pub(crate) moving: Vec<u32>,
    /// Whether it was ever told that its node is cut off.
    pub(crate) was_degraded: bool,
    /// The outbox as a browser keeps it.
    kept: BTreeMap<SendKey, Entry>,
    /// What was acknowledged.
    acked: Vec<SendKey>,
    nodes: Vec<SocketAddr>,
    cookie: String,
    /// Whether it holds every conversation as soon as it knows it.
    holds: bool,
    /// What the socket's task has to do.
    orders: VecDeque<Action>,
}

impl View {
    /// The texts shown of a conversation, in order.
    pub(crate) fn texts(&self, conversation: ConversationId) -> Vec<&str> {
        self.shown(conversation).iter().filter_map(|change| change.body.text()).collect()
    }

    /// Everything shown of a conversation, in order.
    pub(crate) fn shown(&self, conversation: ConversationId) -> &[Change] {
        self.shown.get(&conversation).map_or(&[], Vec::as_slice)
    }

    /// How many messages of others are unread here.
    pub(crate) fn unread(&self, conversation: ConversationId) -> Option<u64> {
        self.client.replica(conversation).map(|replica| replica.conversation().unread)
    }

    /// Where a member's cursors stand, as (delivered, read).
    pub(crate) fn cursors(&self, conversation: ConversationId, user: UserId) -> Option<(Seq, Seq)> {
        let member = self.client.replica(conversation)?.conversation().member(user)?;
        Some((member.delivered, member.read))
    }

    /// Carries out what needs no socket at once, as a browser does, and keeps the rest for the task.
    fn carry_out(&mut self, now: Millis) {
        loop {
            let actions = self.client.take_actions();
            if actions.is_empty() {
                return;
            }
            for action in actions {
                match action {
                    Action::Keep(entry) => drop(self.kept.insert(entry.key, entry)),
                    Action::Forget(key) => drop(self.kept.remove(&key)),
                    Action::Notify(event) => self.record(event, now),
                    Action::Connect(_) | Action::Disconnect(_) | Action::Transmit(..) => self.orders.push_back(action),
                }
            }
        }
    }

    fn record(&mut self, event: Event, now: Millis) {
        match event {
            Event::Applied(conversation, changes) => {
                let shown = self.shown.entry(conversation).or_default();
                for change in changes {
                    let before = shown.last().map(|last| last.seq);
                    assert!(before.is_none_or(|seq| seq.next() == change.seq), "after {before:?} came {change:?}");
                    shown.push(change);
                }
            }
            Event::Conversation(conversation) => {
                let fresh = self.client.replica(conversation).filter(|replica| self.holds && !replica.is_held());
                if let Some(since) = fresh.map(|replica| replica.conversation().since.max(Seq(1))) {
                    self.client.hold(now, conversation, since, Vec::new());
                }
            }
            Event::Left(conversation) => {
                self.left.push(conversation);
                self.shown.remove(&conversation);
            }
            Event::Presence(users) => {
                self.absences.extend(users.iter().filter(|presence| !presence.online).map(|presence| presence.user));
                self.presence.extend(users.into_iter().map(|presence| (presence.user, presence)));
            }
            Event::Typing(conversation, user) => self.typing.push((conversation, user)),
            Event::Refused(code, message) => self.refused.push((code, message)),
            Event::Reset => {
                self.resets += 1;
                self.shown.clear();
            }
            Event::Health => self.was_degraded |= self.client.is_degraded(),
            Event::Link => self.links.push(self.client.link()),
            Event::Outbox(_) => {}
        }
    }
}

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
        let view = View {
            client,
            shown: BTreeMap::new(),
            left: Vec::new(),
            presence: BTreeMap::new(),
            absences: Vec::new(),
            links: Vec::new(),
            transmitted: Vec::new(),
            typing: Vec::new(),
            refused: Vec::new(),
            resets: 0,
            welcomes: 0,
            moving: Vec::new(),
            was_degraded: false,
            kept,
            acked: Vec::new(),
            nodes: nodes.to_vec(),
            cookie: login.cookie.clone(),
            holds: true,
            orders: VecDeque::new(),
        };
        let (news, orders) = (watch::Sender::new(0), watch::Sender::new(0));
        let shared = Arc::new(Shared { view: Mutex::new(view), news, orders, start });
        let task = tokio::spawn(drive(shared.clone()));
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

/// The open sockets, and those that are being opened.
#[derive(Default)]
struct Sockets {
    open: Vec<(Socket, raw::Socket)>,
    opening: FuturesUnordered<BoxFuture<'static, (Socket, Option<raw::Socket>)>>,
}

impl Sockets {
    fn close(&mut self, socket: Socket) {
        self.open.retain(|open| open.0 != socket);
    }
}

/// What comes next over any of these.
async fn next(open: &mut [(Socket, raw::Socket)]) -> (Socket, Option<Message>) {
    if open.is_empty() {
        return std::future::pending().await;
    }
    let heard = open.iter_mut().map(|(socket, open)| {
        let socket = *socket;
        async move { (socket, open.next().await.and_then(Result::ok)) }.boxed()
    });
    select_all(heard).await.0
}

/// The host of the state machine: sockets, clock, and the place where the outbox is kept.
async fn drive(shared: Arc<Shared>) {
    let mut sockets = Sockets::default();
    let mut orders = shared.orders.subscribe();
    loop {
        orders.mark_unchanged();
        carry_out(&shared, &mut sockets).await;
        shared.news.send_modify(|count| *count += 1);
        let deadline = shared.view().client.deadline().map(|moment| shared.at(moment));
        tokio::select! {
            Some((socket, opened)) = sockets.opening.next(), if !sockets.opening.is_empty() => match opened {
                Some(open) => {
                    sockets.open.push((socket, open));
                    shared.view().client.opened(socket);
                }
                None => {
                    // As a balancer does: the next one.
                    let mut view = shared.view();
                    view.nodes.rotate_left(1);
                    view.client.closed(shared.now(), socket, None);
                }
            },
            (socket, message) = next(&mut sockets.open) => heard(&shared, &mut sockets, socket, message),
            _ = orders.changed() => {}
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                // The clock of the state machine counts whole milliseconds, and must have come to this one.
                let now = shared.now().max(shared.view().client.deadline().unwrap_or(0));
                shared.view().client.tick(now);
            }
        }
    }
}

fn heard(shared: &Shared, sockets: &mut Sockets, socket: Socket, message: Option<Message>) {
    let now = shared.now();
    let mut view = shared.view();
    let code = match message {
        Some(Message::Text(text)) => {
            let frame: ServerFrame = serde_json::from_str(&text).expect("a frame of the protocol");
            match frame {
                ServerFrame::Welcome { .. } => view.welcomes += 1,
                ServerFrame::Moving { after } => view.moving.push(after),
                ServerFrame::Ack { key, .. } => view.acked.push(key),
                _ => {}
            }
            return view.client.received(now, socket, frame);
        }
        Some(Message::Close(close)) => close.map(|close| close.code.into()),
        None => None,
        Some(_) => return,
    };
    sockets.close(socket);
    view.client.closed(now, socket, code);
}

async fn carry_out(shared: &Shared, sockets: &mut Sockets) {
    while let Some(order) = next_order(shared) {
        match order {
            Action::Connect(socket) => {
                let view = shared.view();
                let (node, cookie) = (view.nodes[0], view.cookie.clone());
                sockets.opening.push(async move { (socket, connect(node, &cookie).await) }.boxed());
            }
            Action::Disconnect(socket) => sockets.close(socket),
            Action::Transmit(socket, frame) => {
                let Some((_, open)) = sockets.open.iter_mut().find(|open| open.0 == socket) else { continue };
                if let ClientFrame::Send { key, .. } = frame {
                    shared.view().transmitted.push(key);
                }
                let text = serde_json::to_string(&frame).expect("JSON");
                if open.send(Message::text(text)).await.is_err() {
                    sockets.close(socket);
                    shared.view().client.closed(shared.now(), socket, None);
                }
            }
            Action::Keep(_) | Action::Forget(_) | Action::Notify(_) => unreachable!("carried out before"),
        }
    }
}

fn next_order(shared: &Shared) -> Option<Action> {
    let mut view = shared.view();
    view.carry_out(shared.now());
    view.orders.pop_front()
}

async fn connect(node: SocketAddr, cookie: &str) -> Option<raw::Socket> {
    let opened = timeout(Duration::from_secs(9), tokio_tungstenite::connect_async(raw::request(node, cookie))).await;
    opened.ok()?.ok().map(|(socket, _)| socket)
}
