//! What people do and what breaks in a run: drawn from the seed, all of it before anything begins, so that it can be shown
//! and shortened.
//!
//! # Layout
//!
//! - `draw` how it is drawn

mod draw;

use crate::bus::Manners;
use crate::{registry, store};
use trunkline_protocol::Millis;
use trunkline_server::node::Routing;

/// Pages: two each of the first two people, one each of the others.
pub const DEVICES: usize = 6;
/// Whose they are.
pub const OWNERS: [usize; DEVICES] = [0, 0, 1, 1, 2, 3];
/// Nodes.
pub const SLOTS: usize = 3;

/// Something that people do, or that breaks. Devices, users, conversations and nodes are given by their place.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each says what it is, with the words of the design")]
pub enum Step {
    Send {
        device: usize,
        conversation: usize,
        count: u64,
    },
    /// Messages that are as long as they may be, and longer as they are written.
    Flood {
        device: usize,
        conversation: usize,
        count: u64,
    },
    /// Reads all that is there but for the last `but`.
    Read {
        device: usize,
        conversation: usize,
        but: u64,
    },
    Typing {
        device: usize,
        conversation: usize,
    },
    Hold {
        device: usize,
        conversation: usize,
        count: u64,
    },
    Older {
        device: usize,
        conversation: usize,
        count: u64,
    },
    Retry {
        device: usize,
    },
    Reload {
        device: usize,
        holds_all: bool,
    },
    Close {
        device: usize,
    },
    /// Logs in again if need be, and loads the page.
    Open {
        device: usize,
    },
    EndSession {
        device: usize,
    },
    Group {
        user: usize,
        others: Vec<usize>,
    },
    Direct {
        user: usize,
        other: usize,
    },
    Add {
        conversation: usize,
        by: usize,
        user: usize,
    },
    Remove {
        conversation: usize,
        by: usize,
        user: usize,
    },
    Rename {
        conversation: usize,
        by: usize,
    },
    HandOver {
        conversation: usize,
        by: usize,
        to: usize,
    },
    CallOneself {
        user: usize,
    },

    /// All that is in flight is lost. A silent cut is noticed by neither end.
    Cut {
        device: usize,
        silent: bool,
    },
    SlowReader {
        device: usize,
        millis: u64,
    },
    /// Frames take up to so long.
    SlowNetwork {
        most: u64,
        millis: u64,
    },
    Kill {
        slot: usize,
        noticed: bool,
    },
    KillAll,
    KillAfterCommit {
        slot: usize,
    },
    Freeze {
        slot: usize,
        millis: u64,
    },
    Replace {
        slot: usize,
        window: u64,
    },
    Bus {
        manners: Manners,
        millis: u64,
    },
    Deaf {
        slot: usize,
    },
    RegistryLost,
    Registry {
        trouble: registry::Trouble,
        millis: u64,
    },
    Store {
        trouble: store::Trouble,
        millis: u64,
    },
    /// A node's clock jumps.
    Clock {
        slot: usize,
        by: Millis,
    },
    /// All nodes are stopped, the store is set back to what it was so many steps ago, and they are started.
    RollBack {
        steps: usize,
    },
    /// Under running nodes a store takes over that has what there was so many steps ago, as a standby of PostgreSQL's does.
    TakeOver {
        steps: usize,
    },
}

impl Step {
    /// Whether people do it; else it breaks something.
    #[must_use]
    pub const fn is_deed(&self) -> bool {
        matches!(
            self,
            Self::Send { .. }
                | Self::Flood { .. }
                | Self::Read { .. }
                | Self::Typing { .. }
                | Self::Hold { .. }
                | Self::Older { .. }
                | Self::Retry { .. }
                | Self::Reload { .. }
                | Self::Close { .. }
                | Self::Open { .. }
                | Self::EndSession { .. }
                | Self::Group { .. }
                | Self::Direct { .. }
                | Self::Add { .. }
                | Self::Remove { .. }
                | Self::Rename { .. }
                | Self::HandOver { .. }
                | Self::CallOneself { .. }
        )
    }
}

/// What stays the same through a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Which nodes are told.
    pub routing: Routing,
    /// How fast people may send.
    pub sends_per_second: u32,
    /// How far the nodes' clocks are off.
    pub skews: [Millis; SLOTS],
}

/// A run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// What stays the same.
    pub setting: Setting,
    /// Each with the milliseconds before it.
    pub steps: Vec<(u64, Step)>,
}
