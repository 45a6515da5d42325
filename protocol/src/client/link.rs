//! The link: opening a socket, finding out that it is dead, and coming back.

use super::{Action, CONNECT_WITHIN, Client, Event, FETCH_AGAIN, LASTING, Link, as_millis};
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
            self.moving,
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
            self.actions.push(Action::Connect);
        }
    }

    /// The device has no network: no tries until [`Client::connect`].
    pub fn network_lost(&mut self) {
        self.drop_socket();
        self.set_link(Link::Offline);
    }

    /// The socket is open.
    pub fn opened(&mut self) {
        if matches!(self.link, Link::Connecting(_)) {
            let known = self.epoch.filter(|_| !self.wants_all);
            let position = if self.wants_all { Position(0) } else { self.position };
            self.transmit(ClientFrame::Hello { epoch: known, position });
        }
    }

    /// The socket is closed, or could not be opened; with its close code if there is one.
    pub fn closed(&mut self, now: Millis, code: Option<u16>) {
        let begun = match self.link {
            // A try that took long has waited already.
            Link::Connecting(since) => since,
            Link::Live => {
                self.note_success(now);
                now
            }
            // A socket that was given up closes late.
            _ => return,
        };
        self.forget_socket();
        let code = code.unwrap_or(NO_CLOSE_FRAME);
        if CloseCode::allows_reconnect(code) {
            let until = (begun + self.backoff.next_delay()).max(now + SHORTEST_DELAY);
            self.set_link(Link::Waiting(until));
        } else {
            self.set_link(Link::Stopped(code));
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
        if self.moving.is_some_and(|at| now >= at) {
            // The node asked for it, so this is no failure: come back at once, elsewhere.
            self.note_success(now);
            self.drop_socket();
            self.set_link(Link::Connecting(now));
            self.actions.push(Action::Connect);
            return;
        }
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
    fn note_success(&mut self, now: Millis) {
        if now - self.welcomed_at >= LASTING {
            self.backoff.reset();
        }
    }

    /// The socket is of no use any more: another one, after the delay of a failure.
    pub(super) fn give_up(&mut self, now: Millis) {
        self.actions.push(Action::Disconnect);
        self.closed(now, None);
    }

    pub(super) fn fetch_all(&mut self, now: Millis) {
        for replica in self.replicas.values_mut() {
            if let Some((from, to)) = replica.fetch(now, FETCH_AGAIN) {
                let conversation = replica.conversation().id;
                self.actions.push(Action::Transmit(ClientFrame::Fetch { conversation, from, to }));
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
            self.actions.push(Action::Disconnect);
            self.forget_socket();
        }
    }

    fn forget_socket(&mut self) {
        self.pinged = None;
        self.moving = None;
        self.doubtful.clear();
        for conversation in self.outbox.socket_lost() {
            self.notify(Event::Outbox(conversation));
        }
        for replica in self.replicas.values_mut() {
            replica.socket_lost();
        }
    }
}
