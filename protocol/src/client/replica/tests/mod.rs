use super::*;
use crate::ids::{ConversationId, SendKey};
use crate::model::{ChangeBody, ConversationKind, Member, User};
use uuid::Uuid;

mod description;
mod log;
mod unread;

const ME: UserId = UserId(1);
const BEN: UserId = UserId(2);
const EVE: UserId = UserId(3);
const NONE: [u64; 0] = [];

fn user(id: UserId) -> User {
    User { id, name: format!("user{id}"), display_name: format!("User {id}") }
}

fn member(id: UserId, delivered: u64, read: u64) -> Member {
    Member { user: user(id), delivered: Seq(delivered), read: Seq(read), since: Seq(1) }
}

/// A group of two, with nothing unread.
fn group(head: u64) -> Conversation {
    Conversation {
        id: ConversationId(7),
        kind: ConversationKind::Group,
        name: Some("Lunch".to_owned()),
        owner: Some(ME),
        members: vec![member(ME, head, head), member(BEN, head, head)],
        head: Seq(head),
        since: Seq(1),
        unread: 0,
        last_message: None,
        former: Vec::new(),
    }
}

/// The same with `unread` messages behind what the viewer has read.
fn unread_group(head: u64, read: u64, unread: u64) -> Conversation {
    let members = vec![member(ME, head, read), member(BEN, head, head)];
    Conversation { members, unread, ..group(head) }
}

fn change(seq: u64, author: UserId, body: ChangeBody) -> Change {
    let key = body.text().map(|_| SendKey(Uuid::from_u128(u128::from(seq))));
    Change { conversation: ConversationId(7), seq: Seq(seq), at: 0, author, key, body }
}

/// A message by Ben.
fn said(seq: u64) -> Change {
    said_by(BEN, seq)
}

fn said_by(author: UserId, seq: u64) -> Change {
    change(seq, author, ChangeBody::Posted { text: format!("message {seq}") })
}

fn said_all(seqs: std::ops::RangeInclusive<u64>) -> Vec<Change> {
    seqs.map(said).collect()
}

fn seqs(changes: &[Change]) -> Vec<u64> {
    changes.iter().map(|change| change.seq.0).collect()
}

impl Replica {
    fn hears(&mut self, change: Change) -> Vec<u64> {
        seqs(&self.offer(ME, change, 150))
    }

    fn is_told(&mut self, given: Conversation) -> Vec<u64> {
        self.describe(ME, given);
        seqs(&self.catch_up(ME))
    }

    fn holds(&mut self, from: u64, changes: Vec<Change>) -> Vec<u64> {
        self.hold(Seq(from), changes);
        seqs(&self.catch_up(ME))
    }

    fn shows(&self) -> Vec<u64> {
        seqs(self.held())
    }

    fn asks(&mut self, now: Millis) -> Option<(u64, u64)> {
        self.fetch(now, 5_000).map(|(from, to)| (from.0, to.0))
    }

    fn unread(&self) -> u64 {
        self.conversation().unread
    }
}
