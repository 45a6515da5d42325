//! Everything that can happen to a cluster, by name.
//!
//! # Layout
//!
//! - [`strike`]: how each of them is made to happen, and [`wound`]: how it is made good again
//! - `nodes`, `storage`, `network`: what happens to which part
//! - `crowd`: a storm of thousands, and a slow reader

mod crowd;
mod network;
mod nodes;
mod storage;
pub(crate) mod strike;
pub(crate) mod wound;

use super::cluster::Database;
use clap::ValueEnum;
use std::time::Duration;

/// How long faults last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// As long as it takes to matter.
    Short,
    /// As long as it may take in earnest.
    Long,
}

/// What it happens to. Two faults of one part can not be told apart, and are no pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Nodes,
    Store,
    Redis,
    Wires,
    Balancer,
    Clients,
}

macro_rules! faults {
    ($($(#[doc = $doc:literal])+ $fault:ident: $part:ident, $short:literal, $long:literal;)+) => {
        /// What can happen. The name on the command line is the variant's, with hyphens.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
        pub(crate) enum Fault {
            $($(#[doc = $doc])+ $fault,)+
        }

        impl Fault {
            /// All of them.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$fault,)+];

            /// As people say it.
            pub(crate) fn says(self) -> &'static str {
                match self {
                    $(Self::$fault => concat!($($doc,)+).trim(),)+
                }
            }

            /// What it happens to.
            pub(crate) const fn part(self) -> Part {
                match self {
                    $(Self::$fault => Part::$part,)+
                }
            }

            /// How long it lasts, from its beginning until it is made good.
            pub(crate) const fn lasts(self, extent: Extent) -> Duration {
                let (short, long) = match self {
                    $(Self::$fault => ($short, $long),)+
                };
                Duration::from_millis(match extent {
                    Extent::Short => short,
                    Extent::Long => long,
                })
            }
        }
    };
}

// Milliseconds, short and long.
faults! {
    /// nothing
    Nothing: Clients, 1_000, 10_000;
    /// node killed before the commit
    KillBeforeCommit: Nodes, 1_000, 10_000;
    /// node killed after the commit, before the ack
    KillAfterCommit: Nodes, 1_000, 10_000;
    /// node killed after the ack, until its users are seen offline
    KillAfterAck: Nodes, 0, 10_000;
    /// all nodes killed
    KillAll: Nodes, 1_000, 20_000;
    /// node stopped for 5 s
    Stopped: Nodes, 5_000, 5_000;
    /// node stopped beyond its lease
    StoppedLong: Nodes, 14_000, 60_000;
    /// rolling restart
    RollingRestart: Nodes, 0, 0;
    /// old and new version together
    OldAndNew: Nodes, 1_000, 10_000;
    /// a node's clock an hour ahead
    ClockAhead: Nodes, 2_000, 30_000;
    /// a node's clock an hour behind
    ClockBehind: Nodes, 2_000, 30_000;
    /// database killed and restarted
    StoreKilled: Store, 2_000, 30_000;
    /// database slow
    StoreSlow: Store, 3_000, 30_000;
    /// disk full
    DiskFull: Store, 4_000, 30_000;
    /// Redis restarted
    RedisRestarted: Redis, 500, 500;
    /// Redis killed
    RedisKilled: Redis, 3_000, 60_000;
    /// Redis flushed
    RedisFlushed: Redis, 1_000, 10_000;
    /// Redis paused
    RedisPaused: Redis, 8_000, 60_000;
    /// Redis out of memory
    RedisFull: Redis, 4_000, 60_000;
    /// Redis' subscribers cut
    SubscriberCut: Redis, 1_500, 20_000;
    /// all nudges dropped
    NudgesDropped: Redis, 5_000, 30_000;
    /// all nudges doubled
    NudgesDoubled: Redis, 2_000, 30_000;
    /// node cut off from Redis
    CutFromRedis: Wires, 8_000, 60_000;
    /// node cut off from the database
    CutFromStore: Wires, 7_000, 60_000;
    /// node cut off from its clients
    CutFromClients: Wires, 3_000, 60_000;
    /// half-open: the node's side is gone
    HalfOpenNode: Wires, 1_000, 20_000;
    /// half-open: the clients' side is gone
    HalfOpenClients: Wires, 1_000, 20_000;
    /// 30 % of all packets lost
    Loss: Wires, 4_000, 60_000;
    /// delay and jitter in every way
    Delay: Wires, 4_000, 60_000;
    /// limited rate in every way
    Rate: Wires, 4_000, 60_000;
    /// everything in slices of a few bytes
    Slicing: Wires, 3_000, 30_000;
    /// all connections reset
    Reset: Wires, 1_000, 10_000;
    /// all connections half closed
    HalfClose: Wires, 1_000, 10_000;
    /// black hole before the balancer
    BlackHole: Wires, 1_000, 20_000;
    /// balancer restarted
    BalancerRestarted: Balancer, 500, 5_000;
    /// balancer that ends what is silent for 10 s
    BalancerIdle: Balancer, 12_000, 60_000;
    /// reconnect storm
    Storm: Clients, 500, 2_000;
    /// slow reader
    SlowReader: Clients, 0, 0;
}

impl Fault {
    /// Why it can not happen on this database, if it can not.
    pub(crate) fn needs(self, database: Database) -> Result<(), &'static str> {
        match (self, database) {
            (Self::StoreKilled | Self::CutFromStore, Database::Sqlite) => {
                Err("a file has no process and no way to it: it ends with its nodes")
            }
            _ => Ok(()),
        }
    }

    /// Whether another database could make it another fault: what happens to the store, and to whoever writes there.
    pub(crate) const fn concerns_store(self) -> bool {
        matches!(self.part(), Part::Store)
            || matches!(
                self,
                Self::KillBeforeCommit
                    | Self::KillAfterCommit
                    | Self::KillAfterAck
                    | Self::KillAll
                    | Self::StoppedLong
                    | Self::OldAndNew
                    | Self::CutFromStore
                    | Self::NudgesDropped
            )
    }

    /// Whether the database's files have to lie on a small disk of their own.
    pub(crate) const fn needs_small_disk(self) -> bool {
        matches!(self, Self::DiskFull)
    }

    /// Whether what was said before the fault ended may arrive after it, since somebody was frozen or bytes were held.
    pub(crate) const fn holds_back(self) -> bool {
        matches!(
            self,
            Self::Stopped
                | Self::StoppedLong
                | Self::CutFromClients
                | Self::CutFromStore
                | Self::KillAfterCommit
                | Self::Loss
                | Self::Delay
                | Self::Rate
                | Self::StoreSlow
                | Self::StoreKilled
                | Self::DiskFull
                | Self::KillBeforeCommit
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::name;

    #[test]
    fn the_fault_that_needs_an_earlier_server_is_called_as_xtask_knows_it() {
        assert_eq!(name(Fault::OldAndNew), "old-and-new");
    }

    #[test]
    fn every_fault_has_a_name_of_its_own_and_a_bounded_short_form() {
        let mut names: Vec<_> = Fault::ALL.iter().map(|fault| fault.says()).collect();
        assert!(Fault::ALL.iter().all(|fault| fault.lasts(Extent::Short) <= Duration::from_secs(14)));
        assert!(Fault::ALL.iter().all(|fault| fault.lasts(Extent::Short) <= fault.lasts(Extent::Long)));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Fault::ALL.len());
    }
}
