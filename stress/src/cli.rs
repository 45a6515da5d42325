//! What can be asked for on the command line.

use crate::chaos::{Database, Fault};
use crate::dialect::Dialect;
use crate::processes::Watched;
use clap::{Args, Parser, Subcommand};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Many clients of Trunkline in one cheap process.
#[derive(Debug, Parser)]
#[command(name = "stress", version)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// One command and its options.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make accounts, log them in and make their conversations, and keep them in a file.
    Users(UsersOptions),
    /// Send, receive, check and measure.
    Load(LoadOptions),
    /// Kill the node that everybody is on, and see them come back elsewhere.
    Storm(StormOptions),
    /// Start a cluster, let people talk, and let everything happen to it that can; prints what came of it as JSON.
    Chaos(ChaosOptions),
}

/// Who is to be made.
#[derive(Clone, Debug, Args)]
pub(crate) struct UsersOptions {
    /// The file; what it holds already is kept.
    pub(crate) users: PathBuf,
    /// A node, as address and port; several times for several.
    #[arg(long, required = true, value_name = "ADDRESS")]
    pub(crate) node: Vec<SocketAddr>,
    /// How many users.
    #[arg(long, default_value_t = 1_000)]
    pub(crate) count: usize,
    /// Members of a conversation.
    #[arg(long, default_value_t = 2)]
    pub(crate) group: usize,
}

/// How to load the nodes.
#[derive(Clone, Debug, Args)]
pub(crate) struct LoadOptions {
    /// The file that `stress users` wrote; none for others than Trunkline.
    #[arg(required_if_eq("dialect", "trunkline"))]
    pub(crate) users: Option<PathBuf>,
    /// Whom the load is put on.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) dialect: Dialect,
    /// A node, as address and port; several times for several.
    #[arg(long, required = true, value_name = "ADDRESS")]
    pub(crate) node: Vec<SocketAddr>,
    /// A server process whose CPU time and memory are measured, with all its children; several times for several.
    #[arg(long, value_name = "NAME=PID")]
    pub(crate) process: Vec<Watched>,
    /// How many users.
    #[arg(long, default_value_t = 1_000)]
    pub(crate) count: usize,
    /// Members of a conversation; each user is in one.
    #[arg(long, default_value_t = 2)]
    pub(crate) group: usize,
    /// Share of the conversations whose members are all on one node, from 0 to 1.
    #[arg(long, default_value_t = 0.0)]
    pub(crate) local: f64,
    /// Bytes of a message's text.
    #[arg(long, default_value_t = 100)]
    pub(crate) size: usize,
    /// Messages of each user that are on their way at the same time.
    #[arg(long, default_value_t = 4, conflicts_with = "rate")]
    pub(crate) in_flight: usize,
    /// Messages a second by all users together, whether the nodes keep up or not.
    #[arg(long)]
    pub(crate) rate: Option<f64>,
    /// Seconds before the measurement begins.
    #[arg(long, default_value_t = 3.0)]
    pub(crate) warmup: f64,
    /// Seconds that are measured.
    #[arg(long, default_value_t = 10.0)]
    pub(crate) seconds: f64,
    /// The core to run on.
    #[arg(long)]
    pub(crate) core: Option<usize>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Who is to be cut off.
#[derive(Clone, Debug, Args)]
pub(crate) struct StormOptions {
    /// The file that `stress users` wrote.
    pub(crate) users: PathBuf,
    /// The node that is lost, then those where clients can go.
    #[arg(long, required = true, value_name = "ADDRESS")]
    pub(crate) node: Vec<SocketAddr>,
    /// The process of the node that is lost.
    #[arg(long, value_name = "PID")]
    pub(crate) kill: u32,
    /// A server process that is left, whose CPU time is measured; several times for several.
    #[arg(long, value_name = "NAME=PID")]
    pub(crate) process: Vec<Watched>,
    /// How many clients.
    #[arg(long, default_value_t = 2_000)]
    pub(crate) count: usize,
    /// The core to run on.
    #[arg(long)]
    pub(crate) core: Option<usize>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What is to happen.
#[derive(Clone, Debug, Args)]
pub(crate) struct ChaosOptions {
    /// The server's binary.
    #[arg(long)]
    pub(crate) server: PathBuf,
    /// The project's folder `deploy`.
    #[arg(long)]
    pub(crate) deploy: PathBuf,
    /// What the nodes keep everything in.
    #[arg(long, value_enum, default_value = "postgres")]
    pub(crate) database: Database,
    /// A fault; several times for several; all of them if none is named.
    #[arg(long, value_enum)]
    pub(crate) fault: Vec<Fault>,
    /// How many pairs of them happen after that, chosen by chance.
    #[arg(long, default_value_t = 0)]
    pub(crate) pairs: usize,
    /// Makes the same choices again.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Each for as long as it may take in earnest.
    #[arg(long)]
    pub(crate) long: bool,
    /// Only those faults that another database could make another.
    #[arg(long)]
    pub(crate) store_only: bool,
    /// Only some of the faults: every so-many-th, from this one on, such as `0/2`.
    #[arg(long, value_parser = part, default_value = "0/1")]
    pub(crate) part: (usize, usize),
    /// Where what came of it is written, instead of being printed.
    #[arg(long)]
    pub(crate) report: Option<PathBuf>,
    /// A server's binary of an earlier version, which shares the cluster for a while.
    #[arg(long)]
    pub(crate) old: Option<PathBuf>,
    /// Why there is none.
    #[arg(long, value_name = "WHY", conflicts_with = "old")]
    pub(crate) without_old: Option<String>,
}

impl ChaosOptions {
    /// The binary of an earlier version, or why there is none.
    ///
    /// # Errors
    /// The reason.
    pub(crate) fn earlier(&self) -> Result<&Path, &str> {
        let why = self.without_old.as_deref().unwrap_or("no server of an earlier version was given (--old)");
        self.old.as_deref().ok_or(why)
    }
}

fn part(text: &str) -> Result<(usize, usize), String> {
    let numbers = text.split_once('/').and_then(|(at, of)| Some((at.parse().ok()?, of.parse().ok()?)));
    numbers.filter(|(at, of)| at < of).ok_or_else(|| "give something like 0/2".to_owned())
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
    fn why_there_is_no_earlier_server_is_said_by_whoever_knows() {
        let of = |more: &[&str]| {
            let all = ["stress", "chaos", "--server", "s", "--deploy", "d"].iter().chain(more);
            let Command::Chaos(options) = Cli::try_parse_from(all).unwrap().command else { panic!("not chaos") };
            options.earlier().map(Path::to_owned).map_err(str::to_owned)
        };
        assert_eq!(of(&["--old", "o"]), Ok("o".into()));
        assert_eq!(of(&["--without-old", "no history"]), Err("no history".to_owned()));
        assert!(of(&[]).unwrap_err().contains("--old"));
    }
}
