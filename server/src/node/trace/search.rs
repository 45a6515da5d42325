//! Finding one message's steps among the records.

use super::{By, Handed, Trace};
use crate::clock::Micros;
use crate::connection::handle::ConnectionId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use trunkline_protocol::{ConversationId, Millis, NodeId, Seq, UserId};

/// Devices in one node's answer: all of a large group with two each. An answer stays a few dozen KiB.
const DEVICES: usize = 512;

/// What one node remembers of a message. It travels over the bus: fields are added, never changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Found {
    /// The node remembers everything from here on.
    pub since: Micros,
    /// When it took the message in, if it was this node that did, to the millisecond.
    pub accepted: Option<Micros>,
    /// When the store had it.
    pub stored: Option<Micros>,
    /// Whom it told.
    pub routed: Option<Routed>,
    /// How it learned of it from elsewhere.
    pub heard: Option<Heard>,
    /// Whom it handed it to, in no order.
    pub devices: Vec<DeviceSteps>,
    /// Whether there are more devices than fit here.
    pub more: bool,
}

/// A message was told to other nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routed {
    /// When.
    pub at: Micros,
    /// Which; `None` for all.
    pub to: Option<Vec<NodeId>>,
}

/// A message came from elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// When.
    pub at: Micros,
    /// How.
    pub by: By,
}

/// What happened between a node and one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceSteps {
    /// Whose.
    pub user: UserId,
    /// The connection, by its number on the node; 0 for a program that used the HTTP API.
    pub connection: u64,
    /// When it was put into the connection's queue; `None` if it came by a page or the HTTP API.
    pub handed: Option<Micros>,
    /// Whether it was read from the store because the device asked for it.
    #[serde(default)]
    pub fetched: bool,
    /// When it was written to the socket.
    pub written: Option<Micros>,
    /// When the device said that it has it.
    pub acknowledged: Option<Micros>,
    /// When it said that the user has read it.
    pub read: Option<Micros>,
}

/// A connection, or the user's programs.
type Key = (UserId, u64);

impl Trace {
    /// Everything remembered of a message that was taken in at `at`. Reads all records: some milliseconds where all are
    /// in use.
    #[must_use]
    pub fn find(&self, conversation: ConversationId, seq: Seq, at: Millis) -> Found {
        let mut found = Found { since: self.since(), ..Found::default() };
        self.stored.scan(|record| {
            if record.conversation == conversation && record.seq == seq {
                (found.accepted, found.stored) = (Some(record.accepted), Some(record.stored));
            }
        });
        self.told.scan(|record| {
            if record.conversation == conversation && record.seq == seq && found.routed.is_none() {
                found.routed = Some(Routed { at: record.at, to: record.to.as_ref().map(|to| to.to_vec()) });
            }
        });
        self.came.scan(|record| {
            if record.conversation == conversation && record.seq == seq && found.heard.is_none() {
                found.heard = Some(Heard { at: record.at, by: record.by });
            }
        });
        if found.stored.is_some() {
            // What a node tells all, it hears itself.
            found.heard = None;
        }
        let mut devices = self.handed_to(conversation, seq);
        self.add_acknowledged(&mut devices, conversation, seq, at);
        found.more = devices.len() > DEVICES;
        found.devices = devices.into_values().take(DEVICES).collect();
        found
    }

    /// From when on everything is remembered.
    fn since(&self) -> Micros {
        let kept = [
            self.stored.first_kept(|record| record.accepted),
            self.told.first_kept(|record| record.at),
            self.came.first_kept(|record| record.at),
            self.handed.first_kept(|record| record.at),
            self.written.first_kept(|record| record.at),
            self.moved.first_kept(|record| record.at),
        ];
        kept.into_iter().flatten().fold(self.begun, Micros::max)
    }

    fn handed_to(&self, conversation: ConversationId, seq: Seq) -> BTreeMap<Key, DeviceSteps> {
        let mut handed = BTreeMap::<ConnectionId, Handed>::new();
        self.handed.scan(|record| {
            let holds = record.seq <= seq && seq.0 - record.seq.0 <= u64::from(record.more);
            if record.conversation == conversation && holds {
                handed.entry(record.connection).or_insert(*record);
            }
        });
        let mut written = BTreeMap::<ConnectionId, Micros>::new();
        self.written.scan(|record| {
            if handed.get(&record.connection).is_some_and(|handed| record.number >= handed.number) {
                written.entry(record.connection).or_insert(record.at);
            }
        });
        let steps = |record: &Handed| DeviceSteps {
            user: record.user,
            connection: record.connection.number(),
            handed: Some(record.at),
            fetched: record.asked,
            written: written.get(&record.connection).copied(),
            acknowledged: None,
            read: None,
        };
        handed.values().map(|record| ((record.user, record.connection.number()), steps(record))).collect()
    }

    /// A cursor says everything up to it: the first one beyond the message is the one that tells of it. Unless an earlier
    /// one was forgotten.
    fn add_acknowledged(
        &self,
        devices: &mut BTreeMap<Key, DeviceSteps>,
        conversation: ConversationId,
        seq: Seq,
        at: Millis,
    ) {
        let since = self.moved.first_kept(|record| record.at).unwrap_or(self.begun);
        let whole = since <= at.saturating_mul(1_000);
        self.moved.scan(|record| {
            if record.conversation != conversation || record.delivered < seq {
                return;
            }
            let connection = record.connection.map_or(0, ConnectionId::number);
            let key = (record.user, connection);
            let handed = devices.get(&key).and_then(|device| device.handed);
            if !whole && handed.is_none_or(|handed| handed < since) {
                return;
            }
            let device = devices.entry(key).or_insert(DeviceSteps {
                user: record.user,
                connection,
                handed: None,
                fetched: false,
                written: None,
                acknowledged: None,
                read: None,
            });
            device.acknowledged.get_or_insert(record.at);
            if record.read >= seq {
                device.read.get_or_insert(record.at);
            }
        });
    }
}
