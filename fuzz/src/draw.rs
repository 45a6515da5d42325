//! Numbers, names and frames, drawn from bytes.

use trunkline_protocol::{
    Change, ChangeBody, Conversation, ConversationId, ConversationKind, Epoch, ErrorCode, Member, NodeId, Position,
    Presence, SendKey, Seq, ServerFrame, User, UserId,
};
use uuid::Uuid;

/// Whose device it is.
pub(crate) const ME: UserId = UserId(1);

/// Bytes that are read one by one; behind the end there are zeros.
pub(crate) struct Draw<'a>(pub(crate) &'a [u8]);

impl Draw<'_> {
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub(crate) fn bit(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// One of so many, counted from 0.
    pub(crate) fn one_of(&mut self, count: u8) -> u8 {
        self.byte() % count
    }

    /// Mostly small, sometimes at one of the ends of what a number can be.
    pub(crate) fn number(&mut self) -> u64 {
        match self.byte() {
            250.. => u64::MAX,
            247.. => u64::MAX - 1,
            245.. => i64::MAX as u64,
            243.. => 1 << 53,
            241.. => u64::from(u32::MAX),
            236.. => 3_000,
            byte => u64::from(byte % 32),
        }
    }

    pub(crate) fn seq(&mut self) -> Seq {
        Seq(self.number())
    }

    pub(crate) fn conversation_id(&mut self) -> ConversationId {
        ConversationId(u64::from(self.one_of(3)) + 1)
    }

    pub(crate) fn user(&mut self) -> UserId {
        UserId(u64::from(self.one_of(4)) + 1)
    }

    /// One of the first so many keys, or of two that nobody made here.
    pub(crate) fn key(&mut self, made: u8) -> SendKey {
        key(self.one_of(made.saturating_add(2)))
    }

    pub(crate) fn text(&mut self) -> String {
        char::from(b'a' + self.one_of(4)).to_string()
    }

    fn person(&mut self) -> User {
        let id = self.user();
        User { id, name: format!("user-{id}"), display_name: self.text() }
    }

    fn people(&mut self) -> Vec<User> {
        (0..self.one_of(4)).map(|_| self.person()).collect()
    }

    pub(crate) fn change(&mut self, conversation: ConversationId, seq: Seq, made: u8) -> Change {
        let key = self.bit().then(|| self.key(made));
        let body = match self.one_of(9) {
            0 => ChangeBody::Created { name: self.text() },
            1 => ChangeBody::MembersAdded { members: self.people() },
            2 => ChangeBody::MemberRemoved { member: self.user() },
            3 => ChangeBody::Renamed { name: self.text() },
            4 => ChangeBody::OwnerChanged { owner: self.user() },
            5 => ChangeBody::Unknown,
            _ => ChangeBody::Posted { text: self.text() },
        };
        Change { conversation, seq, at: 1, author: self.user(), key, body }
    }

    pub(crate) fn conversation(&mut self, made: u8) -> Conversation {
        let (id, head, group) = (self.conversation_id(), self.seq(), self.bit());
        let mut ids: Vec<_> = (0..self.one_of(4)).map(|_| self.user()).collect();
        if self.one_of(8) > 0 {
            ids.push(ME);
        }
        ids.sort_unstable();
        ids.dedup();
        let mut member = |id: UserId| Member {
            user: User { id, name: format!("user-{id}"), display_name: self.text() },
            delivered: self.seq(),
            read: self.seq(),
            since: self.seq(),
        };
        let members = ids.into_iter().map(&mut member).collect();
        let last = self.bit().then(|| self.seq());
        Conversation {
            id,
            kind: if group { ConversationKind::Group } else { ConversationKind::Direct },
            name: group.then(|| self.text()),
            owner: group.then(|| self.user()),
            members,
            head,
            since: self.seq(),
            unread: self.number(),
            last_message: last.map(|seq| self.change(id, seq, made)),
            former: self.people(),
        }
    }

    fn code(&mut self) -> ErrorCode {
        match self.one_of(6) {
            0 => ErrorCode::RateLimited,
            1 => ErrorCode::Busy,
            2 => ErrorCode::NotAMember,
            3 => ErrorCode::CursorBeyondHead,
            4 => ErrorCode::StoreUnavailable,
            _ => ErrorCode::Unknown,
        }
    }

    /// Something that a node says. `made` keys were made by the client.
    pub(crate) fn frame(&mut self, made: u8) -> ServerFrame {
        match self.one_of(18) {
            0 | 1 => self.welcome(made),
            2 | 3 => {
                ServerFrame::Ack { key: self.key(made), conversation: self.conversation_id(), seq: self.seq(), at: 1 }
            }
            4 => {
                let retry_after = self.bit().then(|| u32::try_from(self.number()).unwrap_or(u32::MAX));
                ServerFrame::Refused { key: self.key(made), code: self.code(), message: "No.".to_owned(), retry_after }
            }
            5 => {
                let conversation = self.bit().then(|| self.conversation_id());
                ServerFrame::Error { code: self.code(), message: "No.".to_owned(), conversation }
            }
            6..=8 => {
                let (conversation, seq) = (self.conversation_id(), self.seq());
                ServerFrame::Change { change: self.change(conversation, seq, made) }
            }
            9 | 10 => self.range(made),
            11 => ServerFrame::Conversation { conversation: self.conversation(made) },
            12 => ServerFrame::Left { conversation: self.conversation_id() },
            13 => ServerFrame::Cursor {
                conversation: self.conversation_id(),
                user: self.user(),
                delivered: self.seq(),
                read: self.seq(),
                unread: self.bit().then(|| self.number()),
                head: self.seq(),
            },
            14 => {
                let presence = |draw: &mut Self| Presence { user: draw.user(), online: draw.bit(), last_seen: None };
                ServerFrame::Presence { users: (0..self.one_of(3)).map(|_| presence(self)).collect() }
            }
            15 => ServerFrame::Pong { position: Position(self.number()) },
            16 => ServerFrame::Moving { after: u32::try_from(self.number()).unwrap_or(u32::MAX) },
            _ => match self.one_of(3) {
                0 => ServerFrame::Health { degraded: self.bit() },
                1 => ServerFrame::Typing { conversation: self.conversation_id(), user: self.user() },
                _ => ServerFrame::Unknown,
            },
        }
    }

    fn welcome(&mut self, made: u8) -> ServerFrame {
        ServerFrame::Welcome {
            node: NodeId(Uuid::from_u128(1)),
            user: if self.one_of(16) == 1 { UserId(2) } else { ME },
            epoch: Epoch(Uuid::from_u128(u128::from(self.one_of(8) == 1))),
            position: Position(self.number()),
            complete: self.bit(),
            conversations: (0..self.one_of(4)).map(|_| self.conversation(made)).collect(),
            left: (0..self.one_of(2)).map(|_| self.conversation_id()).collect(),
            degraded: self.bit(),
        }
    }

    /// Dense or not.
    fn range(&mut self, made: u8) -> ServerFrame {
        let (conversation, from, mut seq) = (self.conversation_id(), self.seq(), self.seq());
        let mut changes = Vec::new();
        for _ in 0..self.one_of(12) {
            changes.push(self.change(conversation, seq, made));
            seq = if self.one_of(8) == 1 { self.seq() } else { Seq(seq.0.saturating_add(1)) };
        }
        ServerFrame::Range { conversation, from, changes, head: self.seq() }
    }
}

/// The key of this number.
pub(crate) fn key(number: u8) -> SendKey {
    SendKey(Uuid::from_u128(u128::from(number) + 1))
}
