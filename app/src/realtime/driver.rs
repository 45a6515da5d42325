//! Carries out what the client state machine says, in order.

use super::socket::{Heard, serve};
use super::{Command, storage};
use crate::backend::ChatSnapshot;
use crate::state::chat::Chat;
use crate::state::clock::steady_now;
use crate::state::thread::Extent;
use futures_channel::mpsc::{UnboundedSender, unbounded};
use leptos::leptos_dom::helpers::{IntervalHandle, TimeoutHandle, WindowListenerHandle};
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use trunkline_protocol::client::replica::Replica;
use trunkline_protocol::client::{Action, Client, Event, Link};
use trunkline_protocol::sorted::SortedMap;
use trunkline_protocol::{
    Change, CloseCode, ConversationId, ConversationKind, ErrorCode, Millis, Presence, SendKey, Seq, UserId,
};

/// Changes that are loaded at once when a conversation is opened or scrolled back.
const PAGE: u64 = 50;

thread_local! {
    static DRIVER: RefCell<Option<Rc<Driver>>> = const { RefCell::new(None) };
}

/// Opens the line and keeps `chat`, which was built from this snapshot, up to date.
pub fn start(chat: Chat, snapshot: ChatSnapshot) {
    stop();
    let driver = Driver::new(chat, snapshot);
    DRIVER.with_borrow_mut(|current| *current = Some(Rc::clone(&driver)));
    driver.begin();
}

/// Passes on what the user does.
pub fn tell(command: Command) {
    let driver = DRIVER.with_borrow(Option::clone);
    if let Some(driver) = driver {
        driver.obey(command);
    }
}

/// Closes the line.
pub fn stop() {
    if let Some(driver) = DRIVER.take() {
        driver.end();
    }
}

struct Socket {
    number: u64,
    outgoing: UnboundedSender<String>,
}

struct Driver {
    chat: Chat,
    client: RefCell<Client>,
    open: Cell<Option<ConversationId>>,
    leaving: Cell<bool>,
    socket: RefCell<Option<Socket>>,
    sockets: Cell<u64>,
    timer: Cell<Option<TimeoutHandle>>,
    minutes: Cell<Option<IntervalHandle>>,
    listeners: RefCell<Vec<WindowListenerHandle>>,
}

/// What the state is to be told after a turn, each once.
#[derive(Default)]
struct Touched {
    link: bool,
    everything: bool,
    conversations: SortedMap<ConversationId, ()>,
    left: Vec<ConversationId>,
}

impl Driver {
    fn new(chat: Chat, snapshot: ChatSnapshot) -> Rc<Self> {
        let kept = chat.viewer.with_value(|viewer| storage::kept(&viewer.user));
        // SplitMix64 makes good numbers of any seed; it only must differ from page to page.
        let seed = (js_sys::Math::random() * 2f64.powi(53)) as u64;
        let mut client = Client::new(chat.me, seed, kept);
        client.seed(snapshot.epoch, snapshot.position, snapshot.conversations);
        let open = snapshot.open.as_ref().map(|open| open.id);
        if let Some(open) = snapshot.open {
            client.hold(steady_now(), open.id, open.from, open.changes);
        }
        Rc::new(Self {
            chat,
            client: RefCell::new(client),
            open: Cell::new(open),
            leaving: Cell::new(false),
            socket: RefCell::new(None),
            sockets: Cell::new(0),
            timer: Cell::new(None),
            minutes: Cell::new(None),
            listeners: RefCell::new(Vec::new()),
        })
    }

    fn begin(self: &Rc<Self>) {
        self.listen();
        self.chat.clock.tick();
        let clock = self.chat.clock;
        self.minutes.set(set_interval_with_handle(move || clock.tick(), Duration::from_secs(60)).ok());
        self.look();
        // The zone and the outbox are known only now.
        let open = self.open.get();
        // Whatever the browser says of its network: the page has just come over it.
        self.turn(Client::connect);
        self.show_threads(open);
        self.chat.link.set(Some(self.client.borrow().link()));
    }

    fn end(&self) {
        *self.socket.borrow_mut() = None;
        if let Some(timer) = self.timer.take() {
            timer.clear();
        }
        if let Some(minutes) = self.minutes.take() {
            minutes.clear();
        }
        for listener in self.listeners.take() {
            listener.remove();
        }
    }

    // ---- what happens around the page ------------------------------------------------------------------------

    fn listen(self: &Rc<Self>) {
        let on = |event: &'static str, act: fn(&Rc<Self>)| {
            let driver = Rc::downgrade(self);
            window_event_listener_untyped(event, move |_| {
                if let Some(driver) = driver.upgrade() {
                    act(&driver);
                }
            })
        };
        *self.listeners.borrow_mut() = vec![
            on("online", Self::wake),
            on("pageshow", |driver| {
                driver.leaving.set(false);
                driver.wake();
            }),
            on("offline", |driver| driver.turn(|client, _| client.network_lost())),
            // A page in the back-forward cache must not hold a socket that looks alive; and one that is on its way
            // out needs no banner about it.
            on("pagehide", |driver| {
                driver.leaving.set(true);
                driver.turn(|client, _| client.network_lost());
            }),
            on("visibilitychange", Self::look),
            on("focus", Self::look),
            on("blur", Self::look),
        ];
    }

    fn wake(self: &Rc<Self>) {
        self.turn(|client, now| {
            if !matches!(client.link(), Link::Stopped(_)) {
                client.connect(now);
            }
        });
    }

    fn look(self: &Rc<Self>) {
        let visible = document().visibility_state() == web_sys::VisibilityState::Visible;
        let attention = visible && document().has_focus().unwrap_or(true);
        if self.chat.attention.get_untracked() != attention {
            self.chat.attention.set(attention);
            if !attention {
                self.mark_read_until();
            }
        }
        if visible {
            self.turn(|client, now| match client.link() {
                // Nobody who looks at the page shall wait for a delay that was meant for nobody.
                Link::Waiting(_) => client.connect(now),
                // A sleeping tab's timers sleep too.
                _ => client.tick(now),
            });
        }
    }

    // ---- what the user does ----------------------------------------------------------------------------------

    fn obey(self: &Rc<Self>, command: Command) {
        match command {
            Command::Open(open) => self.open(open),
            Command::Send { conversation, text } => {
                self.turn(|client, now| client.send(now, SendKey::random(), conversation, text));
                self.chat.thread(conversation).sends.update(|sends| *sends += 1);
            }
            Command::Retry(key) => self.turn(|client, now| client.retry(now, key)),
            Command::Discard(key) => self.turn(|client, _| {
                client.discard(key);
            }),
            Command::Read(conversation, seq) => self.turn(|client, now| client.read(now, conversation, seq)),
            Command::LoadOlder(conversation) => {
                self.turn(|client, now| client.load_older(now, conversation, PAGE));
            }
            Command::Typing(conversation) => self.turn(|client, now| client.typing(now, conversation)),
            Command::ConnectNow if self.client.borrow().link() == Link::Stopped(CloseCode::BadProtocol.as_u16()) => {
                // Only a page of the server's own version can speak with it.
                let _refused = location().reload();
            }
            Command::ConnectNow => self.turn(Client::connect),
        }
    }

    fn open(self: &Rc<Self>, open: Option<ConversationId>) {
        let left = self.open.replace(open);
        if left == open {
            return;
        }
        if let Some(left) = left {
            // A page that is open for days would otherwise hold all it has ever shown.
            self.client.borrow_mut().keep_latest(left, PAGE);
        }
        if let Some(id) = open {
            let read = self.client.borrow().replica(id).map(|replica| own_read(replica, self.chat.me));
            if let Some(read) = read {
                self.chat.opened(id, read);
            }
        }
        self.turn(|_, _| {});
        self.show_threads(open);
    }

    /// Who turns away finds the line where they stopped reading when they are back.
    fn mark_read_until(&self) {
        let client = self.client.borrow();
        if let Some(replica) = self.open.get().and_then(|open| client.replica(open)) {
            let read = own_read(replica, self.chat.me);
            self.chat.thread(replica.conversation().id).read_until.set(Some(read));
        }
    }

    // ---- turns -----------------------------------------------------------------------------------------------

    /// Lets the client do something, and carries out what follows from it.
    fn turn(self: &Rc<Self>, act: impl FnOnce(&mut Client, Millis)) {
        let now = steady_now();
        let actions = {
            let mut client = self.client.borrow_mut();
            act(&mut client, now);
            let unheld = |id: &ConversationId| client.replica(*id).is_some_and(|replica| !replica.is_held());
            if let Some(open) = self.open.get().filter(unheld) {
                client.hold_latest(now, open, PAGE);
            }
            client.take_actions()
        };
        let mut touched = Touched::default();
        for action in actions {
            self.carry_out(action, &mut touched);
        }
        let became_live = touched.link && self.client.borrow().link() == Link::Live;
        self.show(touched);
        if became_live {
            // What was wanted while there was no line is asked for now.
            return self.turn(Client::tick);
        }
        self.schedule();
    }

    fn carry_out(self: &Rc<Self>, action: Action, touched: &mut Touched) {
        match action {
            Action::Connect => self.connect(),
            Action::Disconnect => *self.socket.borrow_mut() = None,
            Action::Transmit(frame) => {
                if let (Some(socket), Ok(text)) = (&*self.socket.borrow(), serde_json::to_string(&frame)) {
                    // A socket that is gone tells so itself, and what it lost is sent again.
                    let _gone = socket.outgoing.unbounded_send(text);
                }
            }
            Action::Keep(entry) => self.chat.viewer.with_value(|viewer| storage::keep(&viewer.user, &entry)),
            Action::Forget(key) => self.chat.viewer.with_value(|viewer| storage::forget(&viewer.user, key)),
            Action::Notify(event) => self.notified(event, touched),
        }
    }

    fn notified(&self, event: Event, touched: &mut Touched) {
        match event {
            Event::Link | Event::Health => touched.link = true,
            Event::Conversation(id) | Event::Outbox(id) => {
                touched.conversations.insert(id, ());
            }
            Event::Applied(id, changes) => {
                touched.conversations.insert(id, ());
                self.applied(id, &changes);
            }
            Event::Left(id) => touched.left.push(id),
            Event::Presence(users) => self.present(users),
            Event::Typing(conversation, user) => {
                self.chat.typing.update(|typing| typing.told(conversation, user, steady_now()));
            }
            Event::Reset => touched.everything = true,
            Event::Refused(ErrorCode::StoreUnavailable | ErrorCode::Busy, message) => {
                self.chat.notice.set(Some(message));
            }
            // Fetches and cursors that a change of membership has overtaken: nothing a user could do about.
            Event::Refused(..) => {}
        }
    }

    fn applied(&self, id: ConversationId, changes: &[Change]) {
        let chat = self.chat;
        let mut said = Vec::new();
        for change in changes {
            let Some(text) = change.body.text().filter(|_| change.author != chat.me) else { continue };
            if chat.typing.with_untracked(|typing| typing.writers(id).any(|writer| writer == change.author)) {
                chat.typing.update(|typing| typing.stopped(id, change.author));
            }
            if self.open.get() == Some(id) && chat.attention.get_untracked() {
                let name = chat.people.with_untracked(|people| people.name(change.author).to_owned());
                said.push(format!("{name}: {text}"));
            }
        }
        if !said.is_empty() {
            let said = said.join("\n");
            // The same words again are no change, and would not be read again.
            let again = chat.announcement.with_untracked(|before| *before == said);
            chat.announcement.set(if again { format!("{said}\u{a0}") } else { said });
        }
    }

    fn present(&self, users: Vec<Presence>) {
        self.chat.presence.update(|known| {
            known.extend(users.into_iter().map(|presence| (presence.user, presence)));
        });
    }

    /// When the client or the state needs to be told that time has passed.
    fn schedule(self: &Rc<Self>) {
        if let Some(timer) = self.timer.take() {
            timer.clear();
        }
        let typing = self.chat.typing.with_untracked(crate::state::typing::Typing::deadline);
        let Some(deadline) = self.client.borrow().deadline().into_iter().chain(typing).min() else { return };
        let wait = Duration::from_millis((deadline - steady_now()).max(1).unsigned_abs());
        let driver = Rc::downgrade(self);
        let due = move || {
            let Some(driver) = driver.upgrade() else { return };
            let now = steady_now();
            driver.chat.typing.maybe_update(|typing| typing.expire(now));
            driver.turn(Client::tick);
        };
        self.timer.set(set_timeout_with_handle(due, wait).ok());
    }

    // ---- the socket ------------------------------------------------------------------------------------------

    fn connect(self: &Rc<Self>) {
        let number = self.sockets.get() + 1;
        self.sockets.set(number);
        let (outgoing, frames) = unbounded();
        *self.socket.borrow_mut() = Some(Socket { number, outgoing });
        let driver = Rc::downgrade(self);
        spawn_local(async move {
            let heard = |heard| {
                if let Some(driver) = driver.upgrade() {
                    driver.heard(number, heard);
                }
            };
            serve(&socket_url(), frames, heard).await;
        });
    }

    fn heard(self: &Rc<Self>, number: u64, heard: Heard) {
        let current = self.socket.borrow().as_ref().is_some_and(|socket| socket.number == number);
        if !current {
            return;
        }
        match heard {
            Heard::Opened => self.turn(|client, _| client.opened()),
            Heard::Frame(frame) => self.turn(|client, now| client.received(now, *frame)),
            Heard::Closed(code) => {
                *self.socket.borrow_mut() = None;
                self.turn(|client, now| client.closed(now, code));
            }
        }
        if self.client.borrow().link() == Link::Stopped(CloseCode::SessionEnded.as_u16()) {
            // Whoever is logged in now, and be it nobody, gets a page of their own.
            let _refused = location().reload();
        }
    }

    // ---- the state -------------------------------------------------------------------------------------------

    fn show(self: &Rc<Self>, touched: Touched) {
        let chat = self.chat;
        if touched.link && !self.leaving.get() {
            let client = self.client.borrow();
            chat.link.set(Some(client.link()));
            chat.degraded.set(client.is_degraded());
        }
        for id in &touched.left {
            chat.remove(*id);
        }
        let touched_any = !touched.conversations.is_empty() || !touched.left.is_empty() || touched.everything;
        if !touched_any {
            return;
        }
        if touched.everything {
            let client = self.client.borrow();
            chat.keep_only(|id| client.replica(id).is_some());
        }
        {
            let client = self.client.borrow();
            for replica in client.replicas() {
                let id = replica.conversation().id;
                if touched.everything || touched.conversations.contains_key(&id) {
                    chat.put(replica.conversation());
                }
            }
        }
        chat.sort();
        let open = self.open.get().filter(|id| touched.everything || touched.conversations.contains_key(id));
        self.show_threads(open);
    }

    /// Shows the lines of a conversation, and watches who matters now.
    fn show_threads(self: &Rc<Self>, id: Option<ConversationId>) {
        {
            let client = self.client.borrow();
            if let Some(replica) = id.and_then(|id| client.replica(id)) {
                let conversation = replica.conversation();
                let outbox: Vec<_> = client.outbox(conversation.id).cloned().collect();
                self.chat.show(conversation, replica.held(), &outbox, extent(replica));
            }
        }
        self.strand();
        self.watch();
    }

    /// What was written to a conversation that is gone stays in sight.
    fn strand(&self) {
        let client = self.client.borrow();
        let gone = self.open.get().filter(|id| client.replica(*id).is_none());
        let texts: Vec<_> = gone.into_iter().flat_map(|id| client.outbox(id)).map(|entry| entry.text.clone()).collect();
        if self.chat.stranded.with_untracked(|known| *known != texts) {
            self.chat.stranded.set(texts);
        }
    }

    /// The people in direct conversations, and everyone in the open one.
    fn watch(self: &Rc<Self>) {
        let users: Vec<UserId> = {
            let client = self.client.borrow();
            let of_interest = |replica: &&Replica| {
                let conversation = replica.conversation();
                conversation.kind == ConversationKind::Direct || Some(conversation.id) == self.open.get()
            };
            let members = client.replicas().filter(of_interest).flat_map(|replica| &replica.conversation().members);
            members.map(|member| member.user.id).filter(|&user| user != self.chat.me).collect()
        };
        let actions = {
            let mut client = self.client.borrow_mut();
            client.watch(users);
            client.take_actions()
        };
        let mut nothing = Touched::default();
        for action in actions {
            self.carry_out(action, &mut nothing);
        }
    }
}

/// How far the user has read, on this device or another.
fn own_read(replica: &Replica, me: UserId) -> Seq {
    let told = replica.conversation().member(me).map_or(Seq(0), |member| member.read);
    told.max(replica.cursors().1)
}

fn extent(replica: &Replica) -> Extent {
    let caught_up = replica.applied() >= replica.conversation().head;
    Extent {
        loaded: replica.is_held() && (caught_up || !replica.held().is_empty()),
        has_older: replica.has_older(),
        end: replica.applied(),
    }
}

fn socket_url() -> String {
    let scheme = if location().protocol().is_ok_and(|protocol| protocol == "https:") { "wss" } else { "ws" };
    format!("{scheme}://{}/ws", location().host().unwrap_or_default())
}
