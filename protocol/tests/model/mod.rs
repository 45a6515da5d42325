//! A world in a test: clients, nodes, a bus, a store and a clock, all in memory and all in one thread.
//!
//! # Layout
//!
//! - [`store`]: the truth, by the contract of the store
//! - [`script`]: what happens in a run, drawn by proptest so that it shrinks
//! - [`world`]: the clock, the bus and the sockets; carries a script out
//! - [`node`]: what a node does with a client's frames, by the contract of the wire
//! - [`device`]: a client's host (socket, kept outbox), and what must hold at every moment
//! - [`rest`]: what must hold when everything has come to rest

pub mod device;
pub mod node;
pub mod rest;
pub mod script;
pub mod store;
pub mod world;

/// SplitMix64: one number gives all delays of a run.
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    /// True about `percent` times of a hundred.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}
