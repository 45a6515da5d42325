//! One value at least of every frame, change and outbox entry.

use trunkline_protocol::client::outbox::{Entry, EntryState};
use trunkline_protocol::{
    Change, ChangeBody, ClientFrame, Conversation, ConversationId, ConversationKind, Epoch, ErrorCode, Member, NodeId,
    Position, Presence, SendKey, Seq, ServerFrame, User, UserId,
};
use uuid::Uuid;

/// The names of all variants, and the name of one value: a variant that is added does not compile until it is named
/// here, and once it is named it needs a file.
macro_rules! variants {
    ($list:ident, $name:ident, $type:ty { $($variant:pat => $tag:literal),+ $(,)? }) => {
        pub(crate) const $list: &[&str] = &[$($tag),+];

        pub(crate) fn $name(value: &$type) -> &'static str {
            match value {
                $($variant => $tag),+
            }
        }
    };
}

variants!(CLIENT, client_name, ClientFrame {
    ClientFrame::Hello { .. } => "client_hello",
    ClientFrame::Send { .. } => "client_send",
    ClientFrame::Cursor { .. } => "client_cursor",
    ClientFrame::Fetch { .. } => "client_fetch",
    ClientFrame::Typing { .. } => "client_typing",
    ClientFrame::Watch { .. } => "client_watch",
    ClientFrame::Ping {} => "client_ping",
    ClientFrame::Unknown => "client_unknown",
});

variants!(SERVER, server_name, ServerFrame {
    ServerFrame::Welcome { .. } => "server_welcome",
    ServerFrame::Ack { .. } => "server_ack",
    ServerFrame::Refused { .. } => "server_refused",
    ServerFrame::Error { .. } => "server_error",
    ServerFrame::Change { .. } => "server_change",
    ServerFrame::Range { .. } => "server_range",
    ServerFrame::Conversation { .. } => "server_conversation",
    ServerFrame::Left { .. } => "server_left",
    ServerFrame::Cursor { .. } => "server_cursor",
    ServerFrame::Presence { .. } => "server_presence",
    ServerFrame::Typing { .. } => "server_typing",
    ServerFrame::Pong { .. } => "server_pong",
    ServerFrame::Health { .. } => "server_health",
    ServerFrame::Moving { .. } => "server_moving",
    ServerFrame::Unknown => "server_unknown",
});

variants!(BODIES, body_name, ChangeBody {
    ChangeBody::Posted { .. } => "change_posted",
    ChangeBody::Created { .. } => "change_created",
    ChangeBody::MembersAdded { .. } => "change_members_added",
    ChangeBody::MemberRemoved { .. } => "change_member_removed",
    ChangeBody::Renamed { .. } => "change_renamed",
    ChangeBody::OwnerChanged { .. } => "change_owner_changed",
    ChangeBody::Unknown => "change_unknown",
});

variants!(ENTRIES, entry_name, EntryState {
    EntryState::Waiting => "entry_waiting",
    EntryState::InFlight => "entry_in_flight",
    EntryState::Failed { .. } => "entry_failed",
});

variants!(CODES, code_name, ErrorCode {
    ErrorCode::BadFrame => "bad_frame",
    ErrorCode::UnknownFrame => "unknown_frame",
    ErrorCode::EmptyMessage => "empty_message",
    ErrorCode::MessageTooLong => "message_too_long",
    ErrorCode::UnknownConversation => "unknown_conversation",
    ErrorCode::NotAMember => "not_a_member",
    ErrorCode::KeyConflict => "key_conflict",
    ErrorCode::UnknownUser => "unknown_user",
    ErrorCode::CursorBeyondHead => "cursor_beyond_head",
    ErrorCode::RateLimited => "rate_limited",
    ErrorCode::Busy => "busy",
    ErrorCode::StoreUnavailable => "store_unavailable",
    ErrorCode::Unauthorized => "unauthorized",
    ErrorCode::Forbidden => "forbidden",
    ErrorCode::Invalid => "invalid",
    ErrorCode::NameTaken => "name_taken",
    ErrorCode::Unknown => "unknown",
});

const HERE: ConversationId = ConversationId(7);
const ADA: UserId = UserId(1);
const BEN: UserId = UserId(2);
const AT: i64 = 1_790_000_000_123;

fn uuid(last: u128) -> Uuid {
    Uuid::from_u128(0x0198_c0de_0000_4000_8000_0000_0000_0000 | last)
}

fn key() -> SendKey {
    SendKey(uuid(0x51))
}

fn user(id: UserId, name: &str) -> User {
    User { id, name: name.to_lowercase(), display_name: name.to_owned() }
}

fn change(seq: u64, body: ChangeBody) -> Change {
    let key = body.text().map(|_| key());
    Change { conversation: HERE, seq: Seq(seq), at: AT, author: ADA, key, body }
}

fn posted(seq: u64) -> Change {
    change(seq, ChangeBody::Posted { text: "Grüezi \"mitenand\" 👋\n二".to_owned() })
}

fn conversation() -> Conversation {
    Conversation {
        id: HERE,
        kind: ConversationKind::Group,
        name: Some("Lunch".to_owned()),
        owner: Some(ADA),
        members: vec![
            Member { user: user(ADA, "Ada"), delivered: Seq(4), read: Seq(4), since: Seq(1) },
            Member { user: user(BEN, "Ben"), delivered: Seq(3), read: Seq(0), since: Seq(1) },
        ],
        head: Seq(4),
        since: Seq(1),
        unread: 2,
        last_message: Some(posted(4)),
        former: vec![user(UserId(3), "Cy")],
    }
}

fn direct() -> Conversation {
    Conversation {
        kind: ConversationKind::Direct,
        name: None,
        owner: None,
        last_message: None,
        former: Vec::new(),
        ..conversation()
    }
}

pub(crate) fn client_frames() -> Vec<(&'static str, ClientFrame)> {
    vec![
        (
            "client_hello",
            ClientFrame::Hello { epoch: Some(Epoch(uuid(0xe))), position: Position(42), after: Some(4000) },
        ),
        ("client_hello_first", ClientFrame::Hello { epoch: None, position: Position(0), after: None }),
        ("client_send", ClientFrame::Send { key: key(), conversation: HERE, text: "<b>no markup</b>".to_owned() }),
        ("client_cursor", ClientFrame::Cursor { conversation: HERE, delivered: Seq(9), read: Seq(8) }),
        ("client_fetch", ClientFrame::Fetch { conversation: HERE, from: Seq(3), to: Seq(5) }),
        ("client_typing", ClientFrame::Typing { conversation: HERE }),
        ("client_watch", ClientFrame::Watch { users: vec![ADA, BEN] }),
        ("client_ping", ClientFrame::Ping {}),
        ("client_unknown", ClientFrame::Unknown),
    ]
}

pub(crate) fn server_frames() -> Vec<(&'static str, ServerFrame)> {
    let refused =
        |code, retry_after| ServerFrame::Refused { key: key(), code, message: "Wait.".to_owned(), retry_after };
    let error = |conversation| ServerFrame::Error {
        code: ErrorCode::CursorBeyondHead,
        message: "No such message yet.".to_owned(),
        conversation,
    };
    let cursor = |unread, head| ServerFrame::Cursor {
        conversation: HERE,
        user: BEN,
        delivered: Seq(4),
        read: Seq(2),
        unread,
        head: Seq(head),
    };
    vec![
        (
            "server_welcome",
            ServerFrame::Welcome {
                node: NodeId(uuid(0xd)),
                user: BEN,
                epoch: Epoch(uuid(0xe)),
                position: Position(42),
                complete: false,
                conversations: vec![conversation(), direct()],
                left: vec![ConversationId(8)],
                degraded: true,
            },
        ),
        ("server_ack", ServerFrame::Ack { key: key(), conversation: HERE, seq: Seq(5), at: AT }),
        ("server_refused", refused(ErrorCode::RateLimited, Some(1_500))),
        ("server_refused_for_good", refused(ErrorCode::NotAMember, None)),
        ("server_error", error(Some(HERE))),
        ("server_error_nowhere", error(None)),
        ("server_change", ServerFrame::Change { change: posted(5) }),
        (
            "server_range",
            ServerFrame::Range {
                conversation: HERE,
                from: Seq(4),
                changes: vec![posted(4), change(5, ChangeBody::Renamed { name: "Supper".to_owned() })],
                head: Seq(6),
            },
        ),
        ("server_conversation", ServerFrame::Conversation { conversation: conversation() }),
        ("server_left", ServerFrame::Left { conversation: HERE }),
        ("server_cursor", cursor(None, 0)),
        ("server_cursor_own", cursor(Some(3), 6)),
        (
            "server_presence",
            ServerFrame::Presence {
                users: vec![
                    Presence { user: ADA, online: true, last_seen: None },
                    Presence { user: BEN, online: false, last_seen: Some(AT) },
                ],
            },
        ),
        ("server_typing", ServerFrame::Typing { conversation: HERE, user: ADA }),
        ("server_pong", ServerFrame::Pong { position: Position(43) }),
        ("server_health", ServerFrame::Health { degraded: true }),
        ("server_moving", ServerFrame::Moving { after: 2_500 }),
        ("server_unknown", ServerFrame::Unknown),
    ]
}

pub(crate) fn changes() -> Vec<(&'static str, Change)> {
    vec![
        ("change_posted", posted(1)),
        ("change_created", change(1, ChangeBody::Created { name: "Lunch".to_owned() })),
        ("change_members_added", change(2, ChangeBody::MembersAdded { members: vec![user(BEN, "Ben")] })),
        ("change_member_removed", change(3, ChangeBody::MemberRemoved { member: BEN })),
        ("change_renamed", change(4, ChangeBody::Renamed { name: "Supper".to_owned() })),
        ("change_owner_changed", change(5, ChangeBody::OwnerChanged { owner: BEN })),
        ("change_unknown", change(6, ChangeBody::Unknown)),
    ]
}

pub(crate) fn entries() -> Vec<(&'static str, Entry)> {
    let entry = |state| Entry { key: key(), conversation: HERE, text: "On its way".to_owned(), created: AT, state };
    vec![
        ("entry_waiting", entry(EntryState::Waiting)),
        ("entry_in_flight", entry(EntryState::InFlight)),
        (
            "entry_failed",
            entry(EntryState::Failed { code: ErrorCode::NotAMember, message: "You are not in it.".to_owned() }),
        ),
    ]
}
