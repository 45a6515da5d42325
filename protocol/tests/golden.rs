//! The wire to the letter: every frame, every change and every kept outbox entry has a file with its JSON.
//!
//! A file that must change means that neighbouring versions no longer understand each other: add a field with a
//! default, or a new frame type, instead.

#![expect(clippy::expect_used, reason = "a test stops at the first surprise")]

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::PathBuf;
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
        const $list: &[&str] = &[$($tag),+];

        fn $name(value: &$type) -> &'static str {
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

// ---- the samples ---------------------------------------------------------------------------------------------

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
            Member { user: user(ADA, "Ada"), delivered: Seq(4), read: Seq(4) },
            Member { user: user(BEN, "Ben"), delivered: Seq(3), read: Seq(0) },
        ],
        head: Seq(4),
        since: Seq(1),
        unread: 2,
        last_message: Some(posted(4)),
    }
}

fn direct() -> Conversation {
    Conversation { kind: ConversationKind::Direct, name: None, owner: None, last_message: None, ..conversation() }
}

fn client_frames() -> Vec<(&'static str, ClientFrame)> {
    vec![
        ("client_hello", ClientFrame::Hello { epoch: Some(Epoch(uuid(0xe))), position: Position(42) }),
        ("client_hello_first", ClientFrame::Hello { epoch: None, position: Position(0) }),
        ("client_send", ClientFrame::Send { key: key(), conversation: HERE, text: "<b>no markup</b>".to_owned() }),
        ("client_cursor", ClientFrame::Cursor { conversation: HERE, delivered: Seq(9), read: Seq(8) }),
        ("client_fetch", ClientFrame::Fetch { conversation: HERE, from: Seq(3), to: Seq(5) }),
        ("client_typing", ClientFrame::Typing { conversation: HERE }),
        ("client_watch", ClientFrame::Watch { users: vec![ADA, BEN] }),
        ("client_ping", ClientFrame::Ping {}),
        ("client_unknown", ClientFrame::Unknown),
    ]
}

fn server_frames() -> Vec<(&'static str, ServerFrame)> {
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

fn changes() -> Vec<(&'static str, Change)> {
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

fn entries() -> Vec<(&'static str, Entry)> {
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

// ---- the comparison ------------------------------------------------------------------------------------------

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn golden(file: &str) -> Value {
    let path = folder().join(format!("{file}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Both ways, for everything but what a later version sends: that is only ever read.
fn compare<T>(samples: Vec<(&'static str, T)>, all: &[&str], name: impl Fn(&T) -> &'static str)
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let named: BTreeSet<_> = samples.iter().map(|(_, value)| name(value)).collect();
    assert_eq!(named, all.iter().copied().collect(), "every variant has a sample");
    for (file, value) in samples {
        assert!(file.starts_with(name(&value)), "{file} is named after what it holds");
        let text = golden(file).to_string();
        let read: T = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file} is not understood: {error}"));
        assert_eq!(read, value, "{file} means another value");
        if !file.ends_with("_unknown") {
            assert_eq!(json!(value), golden(file), "{file} is written in another way");
        }
    }
}

#[test]
fn every_frame_of_a_client_is_written_and_read_as_in_its_file() {
    compare(client_frames(), CLIENT, client_name);
}

#[test]
fn every_frame_of_a_node_is_written_and_read_as_in_its_file() {
    compare(server_frames(), SERVER, server_name);
}

#[test]
fn every_change_is_written_and_read_as_in_its_file() {
    compare(changes(), BODIES, |change| body_name(&change.body));
}

#[test]
fn every_outbox_entry_is_kept_as_in_its_file() {
    compare(entries(), ENTRIES, |entry| entry_name(&entry.state));
}

#[test]
fn no_file_is_without_a_sample() {
    let there: BTreeSet<_> = std::fs::read_dir(folder())
        .expect("the folder of golden files")
        .map(|file| file.expect("an entry").path().file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    let names = client_frames().into_iter().map(|(file, _)| file);
    let names = names.chain(server_frames().into_iter().map(|(file, _)| file));
    let names =
        names.chain(changes().into_iter().map(|(file, _)| file)).chain(entries().into_iter().map(|(file, _)| file));
    assert_eq!(there, names.map(str::to_owned).collect());
}

#[test]
fn every_error_code_is_written_as_it_is_displayed_and_one_of_a_later_version_is_unknown() {
    for &name in CODES {
        let code: ErrorCode = serde_json::from_value(json!(name)).expect("a code");
        assert_eq!((code_name(&code), code.as_str(), code.to_string()), (name, name, name.to_owned()));
        assert_eq!(json!(code), json!(name));
    }
    assert_eq!(serde_json::from_value::<ErrorCode>(json!("quota_exceeded")).ok(), Some(ErrorCode::Unknown));
}

// ---- neighbouring versions -----------------------------------------------------------------------------------

/// Puts a field that this version does not know into every object, at every depth.
fn with_later_fields(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut grown: serde_json::Map<_, _> =
                fields.into_iter().map(|(name, field)| (name, with_later_fields(field))).collect();
            grown.insert("later".to_owned(), json!({ "nested": [1, "two", null] }));
            Value::Object(grown)
        }
        Value::Array(items) => Value::Array(items.into_iter().map(with_later_fields).collect()),
        other => other,
    }
}

#[test]
fn fields_of_a_later_version_are_ignored_everywhere() {
    for (file, frame) in client_frames() {
        assert_eq!(serde_json::from_value(with_later_fields(golden(file))).ok(), Some(frame), "{file}");
    }
    for (file, frame) in server_frames() {
        assert_eq!(serde_json::from_value(with_later_fields(golden(file))).ok(), Some(frame), "{file}");
    }
    for (file, entry) in entries() {
        assert_eq!(serde_json::from_value(with_later_fields(golden(file))).ok(), Some(entry), "{file}");
    }
}

/// Whether the value is still read, and as the same, when one field is not there.
fn without<T: DeserializeOwned>(file: &str, field: &str) -> Option<T> {
    let mut value = golden(file);
    value.as_object_mut().expect("an object").remove(field).expect("the field");
    serde_json::from_value(value).ok()
}

#[test]
fn an_optional_field_that_is_missing_has_its_default() {
    let first = ClientFrame::Hello { epoch: None, position: Position(0) };
    assert_eq!(without("client_hello_first", "position"), Some(first));
    assert!(matches!(
        without("client_hello", "epoch"),
        Some(ClientFrame::Hello { epoch: None, position: Position(42) })
    ));
    assert!(matches!(without("server_refused", "retry_after"), Some(ServerFrame::Refused { retry_after: None, .. })));
    assert!(matches!(without("server_error", "conversation"), Some(ServerFrame::Error { conversation: None, .. })));
    assert!(matches!(without("server_cursor_own", "head"), Some(ServerFrame::Cursor { head: Seq(0), .. })));
    assert!(matches!(without("server_cursor_own", "unread"), Some(ServerFrame::Cursor { unread: None, .. })));
    assert!(matches!(without("change_posted", "key"), Some(Change { key: None, .. })));
}

#[test]
fn a_field_that_is_needed_can_not_be_missing() {
    assert_eq!(without::<ClientFrame>("client_send", "key"), None);
    assert_eq!(without::<ServerFrame>("server_ack", "seq"), None);
    assert_eq!(without::<ServerFrame>("server_welcome", "epoch"), None);
    assert_eq!(without::<Change>("change_posted", "seq"), None);
}

#[test]
fn a_number_that_a_browser_could_not_hold_exactly_survives_here() {
    let frame = ClientFrame::Typing { conversation: ConversationId((1 << 53) - 1) };
    assert_eq!(json!(frame), json!({ "type": "typing", "conversation": 9_007_199_254_740_991_u64 }));
}
