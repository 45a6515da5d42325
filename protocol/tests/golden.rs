//! The wire to the letter: every frame, every change and every kept outbox entry has a file with its JSON.
//!
//! A file that must change means that neighbouring versions no longer understand each other: add a field with a
//! default, or a new frame type, instead.

#![expect(clippy::expect_used, reason = "a test stops at the first surprise")]

mod samples;

use samples::{
    BODIES, CLIENT, CODES, ENTRIES, SERVER, body_name, changes, client_frames, client_name, code_name, entries,
    entry_name, server_frames, server_name,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::PathBuf;
use trunkline_protocol::{Change, ClientFrame, ConversationId, ErrorCode, Position, Seq, ServerFrame};

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
    let first = ClientFrame::Hello { epoch: None, position: Position(0), after: None };
    assert_eq!(without("client_hello_first", "position"), Some(first));
    assert!(matches!(
        without("client_hello", "epoch"),
        Some(ClientFrame::Hello { epoch: None, position: Position(42), after: Some(4000) })
    ));
    assert!(matches!(without("client_hello", "after"), Some(ClientFrame::Hello { after: None, .. })));
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
