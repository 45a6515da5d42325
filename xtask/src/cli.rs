//! What can be asked for on the command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Trunkline's own commands.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// One command and its options.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Build everything into one binary and start it.
    Run {
        /// Optimise: a small bundle and a fast server, after a longer build.
        #[arg(long)]
        release: bool,
        /// Given to the server as they are; `-- --help` lists them.
        #[arg(last = true)]
        args: Vec<String>,
    },
    /// Build everything into one binary.
    Build {
        /// Optimise: a small bundle and a fast server, after a longer build.
        #[arg(long)]
        release: bool,
    },
    /// Build everything and start it as `deploy/compose.yaml` describes: nginx, three nodes, Redis, until Ctrl-C.
    Cluster {
        /// Optimise.
        #[arg(long)]
        release: bool,
        /// How many nodes.
        #[arg(long, value_parser = nodes, default_value = "3")]
        nodes: usize,
        /// What they keep everything in: a file that they share, or a server that is started too.
        #[arg(long, value_enum, default_value_t = Database::Sqlite)]
        database: Database,
        /// Start what was built before, and build nothing.
        #[arg(long)]
        built: bool,
        /// When all answer, write their ports and processes to this file, as JSON: for programs.
        #[arg(long, value_name = "FILE")]
        describe: Option<PathBuf>,
    },
    /// Leave the optimised binary in `dist/`.
    Dist {
        /// Build the server for this target of the toolchain, such as `x86_64-unknown-linux-musl` for a static binary.
        #[arg(long)]
        target: Option<String>,
    },
    /// Write `docs/THIRD-PARTY.md` anew: the crates that ship, by licence. `test lint` says when it is time.
    Licences,
    /// Measure what a delivered message costs, beside what others need for it; writes `docs/PERFORMANCE.md`. Takes a
    /// quarter of an hour, in which the machine should do nothing else.
    #[cfg(target_os = "linux")]
    Bench {
        /// What to measure.
        #[arg(value_enum, default_value_t)]
        subject: Subject,
        /// How often everything is measured.
        #[arg(long, default_value_t = 3)]
        rounds: u32,
        /// One short round, and nothing is written.
        #[arg(long)]
        quick: bool,
        /// Measure what was built for release before, and build nothing.
        #[arg(long)]
        built: bool,
    },
    /// Let a fuzzer look for bytes that break something, and add what it finds to its corpus.
    Fuzz {
        /// What to try, as named in `fuzz/src/lib.rs`; everything in turn when nothing is named.
        targets: Vec<String>,
        /// How long each is tried.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
    /// Run a cluster in one process, with a virtual clock and with faults that come from a seed, for many seeds.
    Sim {
        /// How many seeds.
        #[arg(long, default_value_t = 1_000)]
        seeds: u64,
        /// The first of them.
        #[arg(long, default_value_t = 0)]
        from: u64,
        /// Replay this one and show what happens in it.
        #[arg(long, conflicts_with_all = ["seeds", "from"])]
        seed: Option<u64>,
        /// Run the model of another design on the same scripts too, and say what became of the messages there and here.
        #[arg(long, conflicts_with = "seed")]
        article: bool,
    },
    /// Plant bugs into a copy of the sources, one after the other, and see that the simulation catches each.
    #[cfg(target_os = "linux")]
    Planted {
        /// Which, by the names of the patches in `sim/planted`; all of them, and none of them once, when nothing is named.
        bugs: Vec<String>,
        /// How many seeds the simulation has for each, unless its patch asks for more.
        #[arg(long, default_value_t = 300)]
        seeds: u64,
        /// Write the table in `docs/RELIABILITY.md`.
        #[arg(long, conflicts_with = "bugs")]
        write: bool,
    },
    /// Let everything happen to a cluster of real processes that can, while people talk, and hold what was shown against
    /// what must always hold. In short: some minutes.
    #[cfg(target_os = "linux")]
    Chaos {
        /// What the nodes keep everything in; each of both in turn if none is named.
        #[arg(long, value_enum)]
        database: Option<Database>,
        /// A fault, such as `kill-after-ack` (`target/debug/stress chaos --help` names them); several times for several.
        #[arg(long, value_name = "NAME")]
        fault: Vec<String>,
        /// How many random pairs happen on each database, after each fault by itself.
        #[arg(long, default_value_t = 2)]
        pairs: usize,
        /// Makes the same choices again.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// What does not concern the store happens on PostgreSQL only, and no pairs do: the short form of the tests.
        #[arg(long)]
        brief: bool,
        /// Each fault for as long as it may last in earnest.
        #[arg(long)]
        long: bool,
        /// Write the table in `docs/RELIABILITY.md`.
        #[arg(long)]
        write: bool,
        /// Use what was built before, and build nothing.
        #[arg(long)]
        built: bool,
        /// Make the table of what earlier runs have found, in `target/xtask` or by `stress chaos --report`, and let nothing
        /// happen; several times for several, of which a later one takes the place of an earlier one.
        #[arg(long, value_name = "FILE")]
        rows: Vec<std::path::PathBuf>,
        /// Let the server of this revision share the cluster for a while, in place of the predecessor's that is named in
        /// `xtask/src/chaos/earlier.rs`. It is built from git's history, and kept.
        #[arg(long, value_name = "REVISION")]
        old: Option<String>,
        /// How many clusters side by side for each database.
        #[arg(long, default_value_t = 2)]
        parts: usize,
    },
    /// Check and test everything, or the named parts.
    Test {
        /// The parts to do; all of them when none is named.
        parts: Vec<Part>,
        /// Stop after the first part that fails. Otherwise every part runs, and failures are summed up.
        #[arg(long)]
        fail_fast: bool,
        /// Given to `cargo test` (unit, contract, input) or to Playwright (e2e), to run some tests only.
        #[arg(last = true)]
        args: Vec<String>,
    },
}

/// What `bench` can be asked for.
#[cfg(target_os = "linux")]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum Subject {
    /// What a message costs, beside others.
    #[default]
    Messages,
    /// Broadcast and directed routing; writes `docs/decisions/routing.md`.
    Routing,
    /// Thousands of clients that lose their node at once; writes `docs/PERFORMANCE.md`.
    Storm,
}

/// What a cluster can keep everything in.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Database {
    /// One file, which all nodes of a machine share.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
}

/// A number of nodes that one machine can be asked for.
fn nodes(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| (1..=16).contains(count)).ok_or_else(|| "give a number from 1 to 16".to_owned())
}

/// What `test` can be asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Part {
    /// Formatting, clippy, rustdoc and the list of licences, for every package and target that ships.
    Lint,
    /// All Rust tests that need nothing but the toolchain.
    Unit,
    /// A cluster with virtual time and drawn faults.
    Sim,
    /// The contracts of the seams, against a real Redis server.
    Contract,
    /// Bad input: the fuzzer's corpora, the Autobahn cases, Schemathesis, and clients that keep to no protocol.
    Input,
    /// Real browsers against real servers.
    E2e,
    /// Real processes under faults, in short.
    #[cfg(target_os = "linux")]
    Chaos,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_follows_two_dashes_belongs_to_the_server() {
        let cli = Cli::try_parse_from(["cargo xtask", "run", "--release", "--", "--help"]).unwrap();
        let Command::Run { release, args } = cli.command else { panic!("not run") };
        assert!(release);
        assert_eq!(args, ["--help"]);
    }
}
