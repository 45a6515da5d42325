//! How bad a link is.

use std::time::Duration;

/// What becomes of what one side says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Carry {
    /// It arrives.
    #[default]
    On,
    /// It waits until the way is open again, as when packets are lost and sent again.
    Hold,
    /// It is gone, and nobody is told, as when a router has forgotten the connection. Whatever was swallowed of a
    /// connection, nothing goes that way through it any more, in any weather.
    Swallow,
}

/// Which nudges Redis hands to a node. Everything else passes: what it answers, and what a node says to itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Nudges {
    /// As they come.
    #[default]
    All,
    /// None.
    Dropped,
    /// Each twice.
    Doubled,
}

/// One end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Who connects.
    Client,
    /// To whom.
    Server,
}

/// What happens to connections at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Both sides are told by an RST.
    #[default]
    Reset,
    /// This side is told that the other one says nothing any more (FIN); what this one says still arrives.
    HalfClose(Side),
    /// This side's half is gone (RST), and the other one is not told: what it says is swallowed.
    HalfOpen(Side),
    /// It is gone, and neither is told: what they say is swallowed, as by a router that has forgotten it.
    Forget,
}

/// See the module. Up is from the client to the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Weather {
    /// How long everything takes at least, in each direction.
    pub(crate) delay: Duration,
    /// How much longer it may take.
    pub(crate) jitter: Duration,
    /// Bytes a second, in each direction.
    pub(crate) rate: Option<u32>,
    /// In pieces of so many bytes, each in a packet of its own.
    pub(crate) slice: Option<usize>,
    /// What becomes of what the client says.
    pub(crate) up: Carry,
    /// What becomes of what the server says.
    pub(crate) down: Carry,
    /// New connections are refused.
    pub(crate) refuse: bool,
    /// What Redis hands to a node.
    pub(crate) nudges: Nudges,
    /// Counts what happened to connections.
    pub(crate) cuts: u64,
    /// The last of that.
    pub(crate) cut: Cut,
}

impl Weather {
    /// Nothing goes through in either direction.
    pub(crate) const fn swallows_all(&self) -> bool {
        !matches!((self.up, self.down), (Carry::On, _) | (_, Carry::On))
    }
}
