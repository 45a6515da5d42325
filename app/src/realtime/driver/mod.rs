//! Carries out what the client state machine says, in order.
//!
//! # Layout
//!
//! - `page`: what happens around the page
//! - `shown`: what is handed to the state

mod page;
mod shown;

use super::socket::{Heard, serve};
use super::{Command, storage};
use crate::backend::ChatSnapshot;
use crate::state::chat::Chat;
use crate::state::clock::steady_now;
use futures_channel::mpsc::{UnboundedSender, unbounded};
use leptos::leptos_dom::helpers::{IntervalHandle, TimeoutHandle, WindowListenerHandle};
use leptos::prelude::*;
use leptos::task::spawn_local;
use shown::own_read;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use trunkline_protocol::client::{Action, Client, Event, Link, Socket};
use trunkline_protocol::sorted::SortedMap;
use trunkline_protocol::{CloseCode, ConversationId, ErrorCode, Millis, SendKey};

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

struct Driver {
    chat: Chat,
    client: RefCell<Client>,
    open: Cell<Option<ConversationId>>,
    leaving: Cell<bool>,
    /// The open sockets, by what is to be written to them. Dropping that closes one.
    sockets: RefCell<Vec<(Socket, UnboundedSender<String>)>>,
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
            sockets: RefCell::new(Vec::new()),
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
        self.sockets.borrow_mut().clear();
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
            Action::Connect(socket) => self.connect(socket),
            Action::Disconnect(socket) => self.disconnect(socket),
            Action::Transmit(socket, frame) => {
                let sockets = self.sockets.borrow();
                let open = sockets.iter().find(|open| open.0 == socket);
                if let (Some((_, outgoing)), Ok(text)) = (open, serde_json::to_string(&frame)) {
                    // A socket that is gone tells so itself, and what it lost is sent again.
                    let _gone = outgoing.unbounded_send(text);
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

    // ---- the sockets -----------------------------------------------------------------------------------------

    fn connect(self: &Rc<Self>, socket: Socket) {
        let (outgoing, frames) = unbounded();
        self.sockets.borrow_mut().push((socket, outgoing));
        let driver = Rc::downgrade(self);
        spawn_local(async move {
            let heard = |heard| {
                if let Some(driver) = driver.upgrade() {
                    driver.heard(socket, heard);
                }
            };
            serve(&socket_url(), frames, heard).await;
        });
    }

    fn disconnect(&self, socket: Socket) {
        self.sockets.borrow_mut().retain(|open| open.0 != socket);
    }

    fn heard(self: &Rc<Self>, socket: Socket, heard: Heard) {
        match heard {
            Heard::Opened => self.turn(|client, _| client.opened(socket)),
            Heard::Frame(frame) => self.turn(|client, now| client.received(now, socket, *frame)),
            Heard::Closed(code) => {
                self.disconnect(socket);
                self.turn(|client, now| client.closed(now, socket, code));
            }
        }
        if self.client.borrow().link() == Link::Stopped(CloseCode::SessionEnded.as_u16()) {
            // Whoever is logged in now, and be it nobody, gets a page of their own.
            let _refused = location().reload();
        }
    }
}

fn socket_url() -> String {
    let scheme = if location().protocol().is_ok_and(|protocol| protocol == "https:") { "wss" } else { "ws" };
    format!("{scheme}://{}/ws", location().host().unwrap_or_default())
}
