//! A world in a test: clients, nodes, a bus, a store and a clock, all in memory and all in one thread.
//!
//! # Layout
//!
//! - [`store`]: the truth, by the contract of the store
//! - [`script`]: what happens in a run, drawn by proptest so that it shrinks
//! - [`world`]: the clock, and all that is going to happen; carries a script out
//! - [`faults`]: what breaks
//! - [`node`]: what a node does with a client's frames, by the contract of the wire
//! - [`bus`]: how a node learns of what was committed, and what it tells its clients of it
//! - [`device`]: a client's host (socket, kept outbox), and what must hold at every moment
//! - [`rest`]: what must hold when everything has come to rest

pub(crate) mod bus;
pub(crate) mod device;
pub(crate) mod faults;
pub(crate) mod node;
pub(crate) mod rest;
pub(crate) mod script;
pub(crate) mod store;
pub(crate) mod world;

/// SplitMix64: one number gives all delays of a run.
#[derive(Clone, Debug)]
pub(crate) struct Random(pub u64);

impl Random {
    /// A number below `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    /// True about `percent` times of a hundred.
    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}
