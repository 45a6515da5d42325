use super::*;
use crate::codes::{CloseCode, ErrorCode};
use crate::frames::ServerFrame;
use crate::ids::{NodeId, SendKey, Seq};
use crate::limits;
use crate::model::{ChangeBody, ConversationKind, Member, User};
use uuid::Uuid;

mod history;
mod link;
mod moving;
mod sending;
mod signals;

const ME: UserId = UserId(1);
const BEN: UserId = UserId(2);
const HERE: ConversationId = ConversationId(7);
const START: Millis = 1_000_000;

fn epoch(number: u128) -> Epoch {
    Epoch(Uuid::from_u128(number))
}

fn key(number: u128) -> SendKey {
    SendKey(Uuid::from_u128(number))
}

fn conversation(head: u64) -> Conversation {
    let member = |id: UserId| Member {
        user: User { id, name: format!("user{id}"), display_name: format!("User {id}") },
        delivered: Seq(head),
        read: Seq(head),
        since: Seq(1),
    };
    Conversation {
        id: HERE,
        kind: ConversationKind::Direct,
        name: None,
        owner: None,
        members: vec![member(ME), member(BEN)],
        head: Seq(head),
        since: Seq(1),
        unread: 0,
        last_message: None,
        former: Vec::new(),
    }
}

fn said(seq: u64) -> Change {
    let body = ChangeBody::Posted { text: format!("message {seq}") };
    Change { conversation: HERE, seq: Seq(seq), at: 0, author: BEN, key: None, body }
}

fn welcome(of: Epoch, position: u64, complete: bool, conversations: Vec<Conversation>) -> ServerFrame {
    ServerFrame::Welcome {
        node: NodeId(Uuid::nil()),
        user: ME,
        epoch: of,
        position: Position(position),
        complete,
        conversations,
        left: Vec::new(),
        degraded: false,
    }
}

/// A client that is welcomed, with one conversation of which four changes are known. Nothing is left to do.
fn live() -> Client {
    let mut client = Client::new(ME, 1, Vec::new());
    client.connect(START);
    client.open();
    client.hear(START, welcome(epoch(1), 10, true, vec![conversation(4)]));
    client.take_actions();
    client
}

/// Loses the socket without a close frame, and has another one, not welcomed yet.
fn reopen(client: &mut Client, now: Millis) -> Millis {
    client.close(now, None);
    let again = client.deadline().unwrap_or(now);
    client.tick(again);
    client.open();
    again
}

impl Client {
    fn open(&mut self) {
        self.opened(self.socket);
    }

    fn hear(&mut self, now: Millis, frame: ServerFrame) {
        self.received(now, self.socket, frame);
    }

    fn close(&mut self, now: Millis, code: Option<u16>) {
        self.closed(now, self.socket, code);
    }

    fn frames(&mut self) -> Vec<ClientFrame> {
        let written = |action| match action {
            Action::Transmit(_, frame) => Some(frame),
            _ => None,
        };
        self.take_actions().into_iter().filter_map(written).collect()
    }

    fn events(&mut self) -> Vec<Event> {
        let told = |action| match action {
            Action::Notify(event) => Some(event),
            _ => None,
        };
        self.take_actions().into_iter().filter_map(told).collect()
    }

    fn say(&mut self, now: Millis, number: u128) {
        self.send(now, key(number), HERE, format!("message {number}"));
    }
}

fn sends(frames: &[ClientFrame]) -> Vec<u128> {
    let key = |frame: &ClientFrame| match frame {
        ClientFrame::Send { key, .. } => Some(key.0.as_u128()),
        _ => None,
    };
    frames.iter().filter_map(key).collect()
}
