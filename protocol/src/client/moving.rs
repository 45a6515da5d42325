//! The move to another node, because this one is about to stop: make before break.
//!
//! At the moment that the node gave, a second socket is opened while the first one goes on as before. Once the second
//! one is welcomed, the link is about that one, and of the first only the answers to sends are awaited; nothing is sent
//! meanwhile, so that the order holds. Whatever is not answered in time is sent again, with the same key.
//!
//! A try that fails is repeated after a delay. If the node closes the first socket before any succeeds, the client comes
//! back as after any cut.

use super::{Action, CONNECT_WITHIN, Client, Link, Socket};
use crate::ids::Millis;

/// How long answers of the old node are waited for. It answers within a group commit; then what it did not answer is
/// better asked elsewhere.
const ANSWERED_WITHIN: Millis = 2_000;

/// How far the move has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Move {
    /// Nobody asked for one.
    No,
    /// To begin at this moment.
    Told(Millis),
    /// The new socket is to be welcomed by this moment.
    Opening(Socket, Millis),
    /// The old socket is to answer by this moment.
    Leaving(Socket, Millis),
}

impl Move {
    pub(super) const fn due(self) -> Option<Millis> {
        match self {
            Self::No => None,
            Self::Told(at) | Self::Opening(_, at) | Self::Leaving(_, at) => Some(at),
        }
    }

    /// The socket beside the one that the link is about.
    const fn socket(self) -> Option<Socket> {
        match self {
            Self::No | Self::Told(_) => None,
            Self::Opening(socket, _) | Self::Leaving(socket, _) => Some(socket),
        }
    }

    pub(super) fn has(self, socket: Socket) -> bool {
        self.socket() == Some(socket)
    }

    pub(super) fn opens(self, socket: Socket) -> bool {
        matches!(self, Self::Opening(next, _) if next == socket)
    }
}

impl Client {
    pub(super) const fn is_leaving(&self) -> bool {
        matches!(self.moving, Move::Leaving(..))
    }

    /// The node will stop.
    pub(super) fn told_to_move(&mut self, now: Millis, at: Millis) {
        // The new node will stop too.
        self.leave(now);
        if !matches!(self.moving, Move::Opening(..)) {
            self.moving = Move::Told(at);
        }
    }

    pub(super) fn tick_move(&mut self, now: Millis) {
        match self.moving {
            Move::Told(at) if now >= at => self.moving = Move::Opening(self.open_socket(), now + CONNECT_WITHIN),
            Move::Opening(next, until) if now >= until => {
                self.actions.push(Action::Disconnect(next));
                self.move_later(now);
            }
            Move::Leaving(_, until) if now >= until => self.leave(now),
            _ => {}
        }
    }

    fn move_later(&mut self, now: Millis) {
        self.moving = Move::Told(now + self.backoff.next_delay());
    }

    /// The new socket is being welcomed: from here on the link is about that one.
    pub(super) fn switch(&mut self, now: Millis, next: Socket) {
        self.note_success(now);
        self.moving = Move::Leaving(std::mem::replace(&mut self.socket, next), now + ANSWERED_WITHIN);
        self.heard = now;
        self.forget_answers();
    }

    /// Closes the old socket if it owes no answer any more.
    pub(super) fn leave_if_answered(&mut self, now: Millis) {
        if self.outbox.in_flight() == 0 {
            self.leave(now);
        }
    }

    fn leave(&mut self, now: Millis) {
        if self.is_leaving() {
            self.abandon_move();
            self.sends_lost();
            self.pump(now);
        }
    }

    /// The socket beside the one that the link is about was closed.
    pub(super) fn closed_beside(&mut self, now: Millis) {
        if self.is_leaving() {
            self.leave(now);
        } else {
            self.move_later(now);
        }
    }

    /// The old socket was closed before the new one is welcomed: goes on with that one. Returns whether there is one.
    pub(super) fn goes_on_with_next(&mut self) -> bool {
        let Move::Opening(next, until) = self.moving else { return false };
        self.moving = Move::No;
        self.forget_socket();
        self.socket = next;
        self.set_link(Link::Connecting(until - CONNECT_WITHIN));
        true
    }

    pub(super) fn abandon_move(&mut self) {
        if let Some(socket) = self.moving.socket() {
            self.actions.push(Action::Disconnect(socket));
        }
        self.moving = Move::No;
    }
}
