//! What the node says.

use super::cursors::CursorMoves;
use super::moving::Move;
use super::replica::Replica;
use super::{Action, Client, DESCRIBED_WITHIN, Event, HOLE_GRACE, Link, Socket, as_millis};
use crate::codes::{CloseCode, ErrorCode};
use crate::frames::{ClientFrame, ServerFrame};
use crate::ids::{ConversationId, Epoch, Millis, Position, SendKey, Seq, UserId};
use crate::limits;
use crate::model::{Change, ChangeBody, Conversation};
use crate::sorted::SortedMap;

impl Client {
    /// A frame has come over a socket.
    pub fn received(&mut self, now: Millis, socket: Socket, frame: ServerFrame) {
        if self.moving.has(socket) {
            return self.received_beside(now, socket, frame);
        }
        if socket != self.socket {
            return;
        }
        self.heard = now;
        match (self.link, frame) {
            (Link::Connecting(_), frame @ ServerFrame::Welcome { .. }) => self.greeted(now, socket, frame),
            (Link::Live, frame) => self.heard(now, frame),
            // Before the welcome nobody knows which history it would be about; after the end nobody asks.
            _ => {}
        }
    }

    /// A frame of the new node, which has not welcomed us before, or of the old one, which only has to answer.
    fn received_beside(&mut self, now: Millis, socket: Socket, frame: ServerFrame) {
        match frame {
            frame @ ServerFrame::Welcome { .. } if !self.is_leaving() => self.greeted(now, socket, frame),
            frame @ (ServerFrame::Ack { .. } | ServerFrame::Refused { .. }) if self.is_leaving() => {
                self.heard(now, frame);
                self.leave_if_answered(now);
            }
            _ => {}
        }
    }

    fn greeted(&mut self, now: Millis, socket: Socket, welcome: ServerFrame) {
        let ServerFrame::Welcome { user, epoch, position, complete, conversations, left, degraded, .. } = welcome
        else {
            return;
        };
        if user != self.me {
            // Somebody else has logged in meanwhile, and what waits here is not theirs to send.
            self.drop_socket();
            return self.set_link(Link::Stopped(CloseCode::SessionEnded.as_u16()));
        }
        self.check_history(epoch, position, &conversations);
        if self.epoch.is_none() && !complete {
            // It tells what is new behind something that is not known any more: ask again for everything.
            return self.give_up(now);
        }
        (self.epoch, self.position) = (Some(epoch), position);
        if socket != self.socket {
            self.switch(now, socket);
        }
        self.welcomed(now, complete, conversations, left);
        self.set_degraded(degraded);
        self.leave_if_answered(now);
    }

    fn heard(&mut self, now: Millis, frame: ServerFrame) {
        match frame {
            ServerFrame::Ack { key, conversation, seq, at } => self.acknowledged(now, key, conversation, seq, at),
            ServerFrame::Refused { key, code, message, retry_after } => {
                self.refused(now, key, code, message, retry_after);
            }
            ServerFrame::Error { code, message, conversation } => self.erred(now, code, message, conversation),
            ServerFrame::Change { change } => {
                self.doubt(now, change.conversation);
                self.offered(now, change);
            }
            ServerFrame::Range { conversation, changes, head, .. } => self.range(now, conversation, changes, head),
            ServerFrame::Conversation { conversation } => self.described(now, conversation),
            ServerFrame::Left { conversation } => self.left(conversation),
            ServerFrame::Cursor { conversation, user, delivered, read, unread, head } => {
                self.cursor_moved(now, conversation, user, (delivered, read), unread.map(|unread| (unread, head)));
            }
            ServerFrame::Presence { users } => self.notify(Event::Presence(users)),
            ServerFrame::Typing { conversation, user } => self.notify(Event::Typing(conversation, user)),
            ServerFrame::Pong { position } => {
                self.pinged = None;
                self.next_ping = now + as_millis(limits::PING_EVERY);
                // While a welcome is awaited that tells what is behind the position of its hello, that one counts.
                if !matches!(self.moving, Move::Opening(..)) {
                    self.position = self.position.max(position);
                }
            }
            ServerFrame::Health { degraded } => self.set_degraded(degraded),
            ServerFrame::Moving { after } => self.told_to_move(now, now + Millis::from(after)),
            // One welcome is enough.
            ServerFrame::Welcome { .. } | ServerFrame::Unknown => {}
        }
    }

    // ---- the welcome -----------------------------------------------------------------------------------------

    /// Drops what is known if the store has another history now, or has lost a part of this one.
    fn check_history(&mut self, epoch: Epoch, position: Position, conversations: &[Conversation]) {
        let other = self.epoch.is_some_and(|known| known != epoch);
        let went_back = |given: &Conversation| {
            self.replicas.get(&given.id).is_some_and(|replica| given.head < replica.conversation().head)
        };
        // What another socket told meanwhile may be newer than the welcome.
        if other || position < self.position || !self.overlapping && conversations.iter().any(went_back) {
            self.drop_history();
        }
    }

    /// Drops all that is known but the outbox.
    fn drop_history(&mut self) {
        (self.epoch, self.position) = (None, Position(0));
        let held = self.replicas.values().filter(|replica| replica.is_held());
        self.hold_again.extend(held.map(|replica| (replica.conversation().id, ())));
        self.replicas.clear();
        self.cursors = CursorMoves::default();
        self.notify(Event::Reset);
    }

    fn welcomed(
        &mut self,
        now: Millis,
        complete: bool,
        conversations: Vec<Conversation>,
        mut left: Vec<ConversationId>,
    ) {
        self.welcomed_at = now;
        self.wants_all &= !complete;
        self.pinged = None;
        self.next_ping = now + as_millis(limits::PING_EVERY);
        self.set_link(Link::Live);
        if complete {
            let named: SortedMap<_, _> = conversations.iter().map(|given| (given.id, ())).collect();
            left = self.replicas.keys().copied().filter(|id| !named.contains_key(id)).collect();
        }
        for conversation in left {
            self.left(conversation);
        }
        for conversation in conversations {
            self.described(now, conversation);
        }
        self.hold_again.clear();
        if !self.watched.is_empty() {
            self.transmit(ClientFrame::Watch { users: self.watched.clone() });
        }
        // What was told to a socket that is gone may not have arrived, and what a page brought was never told.
        for replica in self.replicas.values_mut() {
            replica.mark_delivered(self.me);
            if let Some((delivered, read)) = replica.untold(self.me) {
                self.cursors.moved(now, replica.conversation().id, delivered, read);
            }
        }
        self.fetch_all(now);
        self.flush_cursors(now);
        self.pump(now);
    }

    fn described(&mut self, now: Millis, conversation: Conversation) {
        let id = conversation.id;
        self.doubtful.remove(&id);
        if let Some(replica) = self.replicas.get_mut(&id) {
            replica.describe(self.me, conversation);
        } else {
            let mut replica = Replica::new(conversation);
            if self.hold_again.remove(&id).is_some() {
                replica.hold_latest(limits::FETCH_CHANGES);
            }
            self.replicas.insert(id, replica);
        }
        self.notify(Event::Conversation(id));
        self.mark_delivered(now, id);
        self.caught_up(now, id);
    }

    fn left(&mut self, conversation: ConversationId) {
        self.doubtful.remove(&conversation);
        if self.replicas.remove(&conversation).is_some() {
            self.cursors.forget(conversation);
            self.notify(Event::Left(conversation));
        }
    }

    /// A change of a conversation that nobody has described: the description may be on its way, but if it is not, this
    /// client would never know of the conversation.
    fn doubt(&mut self, now: Millis, conversation: ConversationId) {
        if !self.replicas.contains_key(&conversation) {
            self.doubtful.get_or_insert_with(conversation, || now + DESCRIBED_WITHIN);
        }
    }

    // ---- the log ---------------------------------------------------------------------------------------------

    fn acknowledged(&mut self, now: Millis, key: SendKey, conversation: ConversationId, seq: Seq, at: Millis) {
        if let Some(entry) = self.outbox.acknowledged(key) {
            self.stored(&entry);
            let body = ChangeBody::Posted { text: entry.text };
            self.offered(now, Change { conversation, seq, at, author: self.me, key: Some(key), body });
        }
        self.pump(now);
    }

    fn refused(&mut self, now: Millis, key: SendKey, code: ErrorCode, message: String, retry_after: Option<u32>) {
        let kept = match retry_after {
            Some(delay) => self.outbox.postponed(key, now + Millis::from(delay)),
            None => self.outbox.failed(key, code, message),
        };
        if let Some(entry) = kept {
            let conversation = entry.conversation;
            self.actions.push(Action::Keep(entry));
            self.notify(Event::Outbox(conversation));
        }
        self.pump(now);
    }

    fn offered(&mut self, now: Millis, change: Change) {
        self.seen(&change);
        let conversation = change.conversation;
        let Some(replica) = self.replicas.get_mut(&conversation) else { return };
        let applied = replica.offer(self.me, change, now + HOLE_GRACE);
        self.applied(now, conversation, applied);
    }

    fn range(&mut self, now: Millis, conversation: ConversationId, changes: Vec<Change>, head: Seq) {
        for change in &changes {
            self.seen(change);
        }
        let Some(replica) = self.replicas.get_mut(&conversation) else { return };
        let applied = replica.fetched(self.me, changes, head);
        self.notify(Event::Conversation(conversation));
        self.applied(now, conversation, applied);
        self.fetch_now(now, conversation);
    }

    /// A change of one's own that another tab, or this one before a cut, has sent.
    fn seen(&mut self, change: &Change) {
        if let Some(entry) = change.key.and_then(|key| self.outbox.seen(key)) {
            self.stored(&entry);
        }
    }

    fn stored(&mut self, entry: &super::Entry) {
        self.actions.push(Action::Forget(entry.key));
        self.notify(Event::Outbox(entry.conversation));
    }

    // ---- everything else -------------------------------------------------------------------------------------

    fn cursor_moved(
        &mut self,
        now: Millis,
        conversation: ConversationId,
        user: UserId,
        (delivered, read): (Seq, Seq),
        counted: Option<(u64, Seq)>,
    ) {
        let Some(replica) = self.replicas.get_mut(&conversation) else { return };
        let own = user == self.me;
        if replica.cursor_moved(user, delivered, read, counted.filter(|_| own)) {
            self.notify(Event::Conversation(conversation));
        }
        if own && counted.is_none() {
            // The node could not count just now. The answer to a cursor brings the number.
            self.cursors.moved(now, conversation, delivered, read);
        }
    }

    fn erred(&mut self, now: Millis, code: ErrorCode, message: String, conversation: Option<ConversationId>) {
        if code == ErrorCode::CursorBeyondHead {
            // What is known here is more than the store has: it went back in time.
            self.drop_history();
            return self.give_up(now);
        }
        let replica = conversation.and_then(|conversation| self.replicas.get(&conversation));
        let Some(replica) = replica.filter(|_| code.is_retryable()) else {
            return self.notify(Event::Refused(code, message));
        };
        // A fetch is asked again by itself.
        if let Some((delivered, read)) = replica.untold(self.me) {
            self.cursors.moved(now, replica.conversation().id, delivered, read);
        }
    }

    fn set_degraded(&mut self, degraded: bool) {
        if self.degraded != degraded {
            self.degraded = degraded;
            self.notify(Event::Health);
        }
    }
}
