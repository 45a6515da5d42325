//! The way of a message, as its page shows it.

use trunkline_protocol::{ConversationId, Millis, NodeId, SendKey, Seq, User};

/// Microseconds since 1970.
pub type Micros = i64;

/// The way that a message took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Where it was sent.
    pub conversation: ConversationId,
    /// Its place there.
    pub seq: Seq,
    /// The key it was sent with.
    pub key: Option<SendKey>,
    /// When it was taken in; kept for good.
    pub at: Millis,
    /// Who sent it.
    pub author: User,
    /// What it says; for who sent it, and nobody else.
    pub text: Option<String>,
    /// What each node remembers, the one that answers included.
    pub nodes: Vec<NodeMemory>,
    /// Everybody else who may see it, by shown name.
    pub recipients: Vec<Recipient>,
    /// Whether there may be nodes that are not named.
    pub incomplete: bool,
}

/// What one node remembers of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeMemory {
    /// Which.
    pub node: NodeId,
    /// What; `None` if it did not answer.
    pub found: Option<Found>,
}

/// What was found in a node's memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// It remembers everything from here on.
    pub since: Micros,
    /// When the store had the message, if this node took it in.
    pub stored: Option<Micros>,
    /// When and to which nodes it told it; `None` inside for all of them.
    pub routed: Option<(Micros, Option<Vec<NodeId>>)>,
    /// When it learned of it from elsewhere, and whether it found it in the store instead of being told.
    pub heard: Option<(Micros, bool)>,
}

/// Somebody whom a message is for, and how far it has come with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// Who.
    pub user: User,
    /// Whether some device of theirs has it; kept for good.
    pub delivered: bool,
    /// Whether they have read it; kept for good.
    pub read: bool,
    /// What the nodes remember of their devices, in the order in which they were handed the message.
    pub devices: Vec<DeviceSteps>,
}

/// What happened between a node and a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceSteps {
    /// The node.
    pub node: NodeId,
    /// The connection's number there; `None` for a program that uses the HTTP API.
    pub connection: Option<u64>,
    /// When it was put into the connection's queue; `None` if it came with a page.
    pub handed: Option<Micros>,
    /// Whether the device had asked for it, as one does that was away.
    pub fetched: bool,
    /// When it was written to the socket.
    pub written: Option<Micros>,
    /// When the device said that it has it.
    pub acknowledged: Option<Micros>,
    /// When it said that the message was read.
    pub read: Option<Micros>,
}

/// The messages of one's own in a conversation, the newest first: for who looks for one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentMessages {
    /// Where.
    pub conversation: ConversationId,
    /// What the conversation is called.
    pub name: String,
    /// They.
    pub messages: Vec<SentMessage>,
}

/// A message of one's own, in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentMessage {
    /// Its place.
    pub seq: Seq,
    /// When it was taken in.
    pub at: Millis,
    /// How it begins.
    pub beginning: String,
    /// How many of the others have it.
    pub delivered: usize,
    /// How many have read it.
    pub read: usize,
    /// How many others may see it.
    pub others: usize,
}
