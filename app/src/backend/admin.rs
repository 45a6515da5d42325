//! What the administrators' page shows.

use trunkline_protocol::{Epoch, Millis, NodeId, Position, User};

/// The site, seen from one of its nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// Who looks.
    pub viewer: User,
    /// The node that answers.
    pub here: NodeId,
    /// When it did.
    pub at: Millis,
    /// Every node there is, this one included.
    pub nodes: Vec<NodeInfo>,
    /// Whether there may be nodes that are not named.
    pub incomplete: bool,
    /// What carries messages between nodes.
    pub bus: BusInfo,
    /// Where everything is stored.
    pub store: StoreInfo,
    /// What was looked for among the accounts.
    pub query: String,
    /// The accounts that were found, by shown name.
    pub accounts: Vec<AccountInfo>,
    /// Whether there are more than fit.
    pub more: bool,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeInfo {
    /// Its incarnation.
    pub id: NodeId,
    /// How it is; `None` if it did not answer.
    pub status: Option<NodeStatus>,
}

/// How a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeStatus {
    /// Of the program.
    pub version: String,
    /// When it started.
    pub started: Millis,
    /// Live connections.
    pub connections: u64,
    /// Users with one.
    pub users: u64,
    /// Bytes that wait to be written to them.
    pub queued: u64,
    /// What is wrong with it, in words; nothing if it is well.
    pub troubles: Vec<&'static str>,
    /// Everything up to here was handed out.
    pub position: Position,
    /// How long its canary's last way through the bus took, in microseconds.
    pub canary: Option<u64>,
}

/// What carries messages between nodes, as the answering node sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusInfo {
    /// Of which kind, and where, without secrets.
    pub address: String,
    /// Which nodes are told of a message.
    pub routing: String,
    /// Whether it can hear.
    pub up: bool,
    /// Envelopes that could not be sent or taken in.
    pub dropped: u64,
    /// Messages that nobody told this node of, so that it read them from the store.
    pub holes_filled: u64,
}

/// Where everything is stored, as the answering node sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreInfo {
    /// Of which kind, and where, without secrets.
    pub address: String,
    /// `fsync` or `os`.
    pub durability: String,
    /// Which history; `None` if it can not be read.
    pub epoch: Option<Epoch>,
    /// Its last commit position; `None` if it can not be read.
    pub position: Option<Position>,
    /// Whether its last write was committed.
    pub writable: bool,
    /// Messages that this node has stored since it started.
    pub stored: u64,
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountInfo {
    /// Who.
    pub user: User,
    /// May administer.
    pub admin: bool,
    /// May not log in.
    pub disabled: bool,
    /// When it was made.
    pub created: Millis,
    /// Whether they have a connection now.
    pub online: bool,
    /// When they were last connected; `None` if never.
    pub last_seen: Option<Millis>,
    /// How many live sessions they have.
    pub sessions: u32,
}
