//! Frames, and outbox entries as a browser keeps them.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use trunkline_protocol::client::outbox::Entry;
use trunkline_protocol::{ClientFrame, ServerFrame};

/// A frame of a client, as a node reads it.
pub fn client_frame(data: &[u8]) {
    both_ways::<ClientFrame>(data);
}

/// A frame of a node, as a client reads it.
pub fn server_frame(data: &[u8]) {
    both_ways::<ServerFrame>(data);
}

/// An entry of the outbox, as a page finds it where the page before has kept it.
pub fn kept_entry(data: &[u8]) {
    both_ways::<Entry>(data);
}

fn both_ways<T: DeserializeOwned + Serialize + PartialEq + Debug>(data: &[u8]) {
    let Ok(read) = serde_json::from_slice::<T>(data) else { return };
    let written = serde_json::to_string(&read).expect("what was read can be written");
    let again: T = serde_json::from_str(&written).expect("what was written can be read");
    assert_eq!(again, read, "{written}");
}
