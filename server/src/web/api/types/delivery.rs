//! The way of a message.

use super::model::User;
use serde::{Deserialize, Serialize};
use trunkline_app::backend::delivery as shown;
use utoipa::ToSchema;
use uuid::Uuid;

/// The way of a message. Times are milliseconds since 1970-01-01T00:00:00Z with a fraction, by the clock of the node that
/// did it; what is `null` is not known, or has not happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Delivery {
    /// Id of the conversation it is in.
    #[schema(example = 12)]
    pub conversation: u64,
    /// Its place in the log.
    #[schema(example = 41)]
    pub seq: u64,
    /// The key it was sent with.
    #[schema(value_type = Option<String>, format = "uuid")]
    pub key: Option<Uuid>,
    /// Id of the user who sent it.
    #[schema(example = 7)]
    pub author: u64,
    /// When it was taken in, in whole milliseconds; kept for good.
    #[schema(example = 1_795_456_302_000_i64)]
    pub at: i64,
    /// What each node remembers of it.
    pub nodes: Vec<DeliveryNode>,
    /// Everybody else who is in the conversation and may see it, by shown name.
    pub recipients: Vec<DeliveryRecipient>,
    /// Whether there may be nodes that are not in `nodes`, since nobody could say which there are.
    #[schema(example = false)]
    pub incomplete: bool,
}

/// What one node remembers of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryNode {
    /// Its incarnation.
    #[schema(value_type = String, format = "uuid")]
    pub node: Uuid,
    /// Whether it answered in time.
    #[schema(example = true)]
    pub answered: bool,
    /// From when on it remembers everything.
    #[schema(example = 1_795_450_000_000.0)]
    pub since: Option<f64>,
    /// When the store had the message, if this node took it in.
    #[schema(example = 1_795_456_302_004.125)]
    pub stored: Option<f64>,
    /// When it told other nodes.
    pub routed: Option<f64>,
    /// Which it told; `null` for all, or if it told none.
    #[schema(value_type = Option<Vec<String>>)]
    pub routed_to: Option<Vec<Uuid>>,
    /// When it learned of the message from elsewhere.
    pub heard: Option<f64>,
    /// Whether it found it in the store then, since nobody told it soon enough.
    #[schema(example = false)]
    pub heard_from_store: bool,
}

/// Somebody whom a message is for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryRecipient {
    /// Who.
    pub user: User,
    /// Whether some device of theirs has it; kept for good.
    #[schema(example = true)]
    pub delivered: bool,
    /// Whether they have read it; kept for good.
    #[schema(example = false)]
    pub read: bool,
    /// What the nodes remember of their devices.
    pub devices: Vec<DeliveryDevice>,
}

/// What happened between a node and a device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryDevice {
    /// The node.
    #[schema(value_type = String, format = "uuid")]
    pub node: Uuid,
    /// The connection's number there; `null` for a program that uses this API.
    #[schema(example = 5)]
    pub connection: Option<u64>,
    /// When it was put into the connection's queue; `null` if it came with a page or over this API.
    pub queued: Option<f64>,
    /// Whether the device had asked for it, as one does that was away.
    #[schema(example = false)]
    pub fetched: bool,
    /// When it was written to the socket.
    pub written: Option<f64>,
    /// When the device said that it has it.
    pub acknowledged: Option<f64>,
    /// When it said that the message was read.
    pub read: Option<f64>,
}

/// Exact to the microsecond until far beyond this century.
fn millis(micros: shown::Micros) -> f64 {
    micros as f64 / 1_000.0
}

impl From<shown::Delivery> for Delivery {
    fn from(delivery: shown::Delivery) -> Self {
        Self {
            conversation: delivery.conversation.0,
            seq: delivery.seq.0,
            key: delivery.key.map(|key| key.0),
            author: delivery.author.id.0,
            at: delivery.at,
            nodes: delivery.nodes.into_iter().map(Into::into).collect(),
            recipients: delivery.recipients.into_iter().map(Into::into).collect(),
            incomplete: delivery.incomplete,
        }
    }
}

impl From<shown::NodeMemory> for DeliveryNode {
    fn from(memory: shown::NodeMemory) -> Self {
        let (node, found) = (memory.node.0, memory.found.as_ref());
        let routed = found.and_then(|found| found.routed.clone());
        let heard = found.and_then(|found| found.heard);
        Self {
            node,
            answered: found.is_some(),
            since: found.map(|found| millis(found.since)),
            stored: found.and_then(|found| found.stored).map(millis),
            routed: routed.as_ref().map(|(at, _)| millis(*at)),
            routed_to: routed.and_then(|(_, to)| Some(to?.into_iter().map(|node| node.0).collect())),
            heard: heard.map(|(at, _)| millis(at)),
            heard_from_store: heard.is_some_and(|(_, from_store)| from_store),
        }
    }
}

impl From<shown::Recipient> for DeliveryRecipient {
    fn from(recipient: shown::Recipient) -> Self {
        let shown::Recipient { user, delivered, read, devices } = recipient;
        let device = |device: shown::DeviceSteps| DeliveryDevice {
            node: device.node.0,
            connection: device.connection,
            queued: device.handed.map(millis),
            fetched: device.fetched,
            written: device.written.map(millis),
            acknowledged: device.acknowledged.map(millis),
            read: device.read.map(millis),
        };
        Self { user: user.into(), delivered, read, devices: devices.into_iter().map(device).collect() }
    }
}
