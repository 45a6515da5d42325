//! The link: opening a socket, finding out that it is dead, and coming back.

use super::{Action, CONNECT_WITHIN, Client, Event, FETCH_AGAIN, LASTING, Link, Socket, as_millis};
use crate::codes::CloseCode;
use crate::frames::ClientFrame;
use crate::ids::{Millis, Position};
use crate::limits;

/// What browsers report for a socket that ended without a close frame (RFC 6455, section 7.1.5).
const NO_CLOSE_FRAME: u16 = 1006;

/// Between the end of a try and the next one, however long it took.
const SHORTEST_DELAY: Millis = 250;

impl Client {
    /// When [`Client::tick`] is needed next, if nothing else happens before.
    #[must_use]
    pub fn deadline(&self) -> Option<Millis> {
        let live = [
            Some(self.dead_at().unwrap_or(self.next_ping)),
            self.moving.due(),
            self.outbox.blocked_until(),
            self.cursors.due(),
            self.doubtful.values().min().copied(),
            self.replicas.values().filter_map(super::Replica::fetch_due).min(),
        ];
        match self.link {
            Link::Live => live.into_iter().flatten().min(),
            Link::Connecting(since) => Some(since + CONNECT_WITHIN),
            Link::Waiting(until) => Some(until),
            Link::Offline | Link::Stopped(_) => None,
        }
    }

    /// Connects now: at the start, when the network is back, or because the user says so.
    pub fn connect(&mut self, now: Millis) {
        if !self.has_socket() {
            self.set_link(Link::Connecting(now));
            self.socket = self.open_socket();
        }
    }

    pub(super) fn open_socket(&mut self) -> Socket {
        self.sockets += 1;
        let socket = Socket(self.sockets);
        self.actions.push(Action::Connect(socket));
        socket
    }

    /// The device has no network: no tries until [`Client::connect`].
    pub fn network_lost(&mut self) {
        self.drop_socket();
        self.set_link(Link::Offline);
    }

    /// The socket is open.
    pub fn opened(&mut self, socket: Socket) {
        let beside = self.moving.opens(socket);
        if beside || socket == self.socket && matches!(self.link, Link::Connecting(_)) {
            self.overlapping = beside;
            let epoch = self.epoch.filter(|_| !self.wants_all);
            let position = if self.wants_all { Position(0) } else { self.position };
            let after = if beside { Some(CloseCode::Moving.as_u16()) } else { self.ended_by };
            self.actions.push(Action::Transmit(socket, ClientFrame::Hello { epoch, position, after }));
        }
    }

    /// A socket is closed, or could not be opened; with its close code if there is one.
    pub fn closed(&mut self, now: Millis, socket: Socket, code: Option<u16>) {
        let beside = self.moving.has(socket);
        if !self.has_socket() || !beside && socket != self.socket {
            // One that was given up closes late.
            return;
        }
        let code = code.unwrap_or(NO_CLOSE_FRAME);
        let comes_back = CloseCode::allows_reconnect(code);
        if beside && (comes_back || self.is_leaving()) {
            return self.closed_beside(now);
        }
        self.ended_by = Some(code);
        let begun = match self.link {
            // A try that took long has waited already.
            Link::Connecting(since) => since,
            _ => now,
        };
        if self.link == Link::Live {
            self.note_success(now);
        }
        if !comes_back {
            self.drop_socket();
            self.set_link(Link::Stopped(code));
        } else if !self.goes_on_with_next() {
            self.abandon_move();
            self.forget_socket();
            let until = (begun + self.backoff.next_delay()).max(now + SHORTEST_DELAY);
            self.set_link(Link::Waiting(until));
        }
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Millis) {
        match self.link {
            Link::Waiting(until) if now >= until => self.connect(now),
            Link::Connecting(since) if now >= since + CONNECT_WITHIN => self.give_up(now),
            Link::Live => self.tick_live(now),
            _ => {}
        }
    }

    fn tick_live(&mut self, now: Millis) {
        if self.dead_at().is_some_and(|at| now >= at) {
            return self.give_up(now);
        }
        self.tick_move(now);
        if self.doubtful.values().any(|&until| now >= until) {
            // Something was missed that no hole shows.
            self.wants_all = true;
            return self.give_up(now);
        }
        if self.pinged.is_none() && now >= self.next_ping {
            self.pinged = Some(now);
            self.transmit(ClientFrame::Ping {});
        }
        self.fetch_all(now);
        self.flush_cursors(now);
        self.pump(now);
    }

    /// A node that welcomes and closes at once is no success, or everybody would hammer it.
    pub(super) fn note_success(&mut self, now: Millis) {
        if now - self.welcomed_at >= LASTING {
            self.backoff.reset();
        }
    }

    /// The socket is of no use any more: another one, after the delay of a failure.
    pub(super) fn give_up(&mut self, now: Millis) {
        self.abandon_move();
        self.actions.push(Action::Disconnect(self.socket));
        self.closed(now, self.socket, None);
    }

    pub(super) fn fetch_all(&mut self, now: Millis) {
        for replica in self.replicas.values_mut() {
            if let Some((from, to)) = replica.fetch(now, FETCH_AGAIN) {
                let conversation = replica.conversation().id;
                self.actions.push(Action::Transmit(self.socket, ClientFrame::Fetch { conversation, from, to }));
            }
        }
    }

    pub(super) fn set_link(&mut self, link: Link) {
        if self.link != link {
            self.link = link;
            self.notify(Event::Link);
        }
    }

    /// When the socket counts as dead, if an answer to a ping is awaited and nothing is heard before. Anything
    /// counts: the answer may stand behind much else on a slow line.
    fn dead_at(&self) -> Option<Millis> {
        self.pinged.map(|at| at.max(self.heard) + as_millis(limits::PONG_WITHIN))
    }

    const fn has_socket(&self) -> bool {
        matches!(self.link, Link::Connecting(_) | Link::Live)
    }

    pub(super) fn drop_socket(&mut self) {
        if self.has_socket() {
            self.abandon_move();
            self.ended_by = Some(NO_CLOSE_FRAME);
            self.actions.push(Action::Disconnect(self.socket));
            self.forget_socket();
        }
    }

    /// What was on its way on the socket is gone.
    pub(super) fn forget_socket(&mut self) {
        self.forget_answers();
        self.sends_lost();
    }

    pub(super) fn sends_lost(&mut self) {
        for conversation in self.outbox.socket_lost() {
            self.notify(Event::Outbox(conversation));
        }
    }

    /// Nothing but answers to sends is awaited of the socket any more.
    pub(super) fn forget_answers(&mut self) {
        self.pinged = None;
        self.doubtful.clear();
        for replica in self.replicas.values_mut() {
            replica.socket_lost();
        }
    }
}
