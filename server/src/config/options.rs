//! What flags, environment and file can say.

use super::Network;
use crate::node::Routing;
use crate::store::Durability;
use anyhow::Context;
use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::PathBuf;
use trunkline_app::backend::Registration;

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "trunkline",
    version,
    about = "Chat that crosses nodes: serves the pages, the API and the WebSockets.",
    after_help = "Every setting can be given as a flag, as an environment variable, or in the file named by \
                  --config (TOML, the same names with underscores). A flag wins over the environment, and the \
                  environment over the file."
)]
struct CommandLine {
    /// File with settings (TOML)
    #[arg(long, global = true, env = "TRUNKLINE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    task: Option<Task>,
}

/// What the program is to do; the first of them if nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Subcommand)]
pub enum Task {
    /// Serve as a node: what is done if no command is given
    #[default]
    Serve,
    /// Write everything that the database holds into a file, to be imported into another database. Nodes may be running
    Export {
        /// The file to be written; it must not exist
        file: PathBuf,
    },
    /// Read an exported file into an empty database, all of it or nothing, as a new history. No node may be running
    Import {
        /// The file to be read
        file: PathBuf,
    },
    /// Write a consistent copy of the SQLite file. Nodes may be running
    Backup {
        /// The file to be written; it must not exist
        file: PathBuf,
    },
    /// Give the database a new history: after an older copy of its files was put back, before the first node starts
    NewEpoch,
}

/// All settings, each of them optional.
#[derive(Clone, Debug, Default, Args, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Address to listen on [default: 127.0.0.1:3000]
    #[arg(long, global = true, env = "TRUNKLINE_LISTEN", value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// How browsers reach the site, such as `https://chat.example.org`. With https, cookies are Secure. Without
    /// it, the site answers to whatever host a browser names
    #[arg(long, global = true, env = "TRUNKLINE_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,
    /// Further origins whose pages may open a WebSocket, separated by commas
    #[arg(long, global = true, env = "TRUNKLINE_ALLOWED_ORIGINS", value_name = "URLS", value_delimiter = ',')]
    pub allowed_origins: Option<Vec<String>>,
    /// Proxies whose X-Forwarded-For is believed: addresses, and networks such as 10.42.0.0/16, separated by commas
    /// [default: none]
    #[arg(long, global = true, env = "TRUNKLINE_TRUSTED_PROXIES", value_name = "ADDRESSES", value_delimiter = ',')]
    pub trusted_proxies: Option<Vec<Network>>,
    /// Where everything is stored: `sqlite:` and a file, or the address of a PostgreSQL database as
    /// `postgres://user:password@host:port/database`, with `?sslmode=verify-full&sslrootcert=FILE` for TLS that checks
    /// the server [default: sqlite:data/trunkline.db]
    #[arg(long, global = true, env = "TRUNKLINE_DATABASE", value_name = "URL", hide_env_values = true)]
    pub database: Option<String>,
    /// When a message counts as stored: after an fsync, which survives a power cut, or once the operating
    /// system has it, which survives a crash of the program only [default: fsync]
    #[arg(long, global = true, env = "TRUNKLINE_DURABILITY")]
    pub durability: Option<Durability>,
    /// What carries messages between nodes: `memory` for one node alone, or Redis or Valkey as
    /// `redis://[user:password@]host:port`, `redis+unix:///path/of/socket`, `redis+sentinel://host:port,…/service` or
    /// `redis+cluster://host:port,…`; `rediss…` is TLS, with `?ca=FILE&cert=FILE&key=FILE` [default: memory]
    #[arg(long, global = true, env = "TRUNKLINE_BUS", value_name = "URL", hide_env_values = true)]
    pub bus: Option<String>,
    /// Prefix of everything this cluster keeps in Redis [default: trunkline]
    #[arg(long, global = true, env = "TRUNKLINE_BUS_PREFIX", value_name = "TEXT")]
    pub bus_prefix: Option<String>,
    /// Which nodes are told of a message: all of them, or those that have a member of the conversation
    /// [default: directed]
    #[arg(long, global = true, env = "TRUNKLINE_ROUTING")]
    pub routing: Option<Routing>,
    /// Who may make an account; the first account is the administrator's [default: open]
    #[arg(long, global = true, env = "TRUNKLINE_REGISTRATION")]
    pub registration: Option<RegistrationOption>,
    /// Messages a second that one user may keep up on a node; three times as many may come at once, and frames of all
    /// kinds are read accordingly faster. People need no more than the default, programs may [default: 10]
    #[arg(long, global = true, env = "TRUNKLINE_SENDS_PER_SECOND", value_name = "MESSAGES")]
    pub sends_per_second: Option<u32>,
    /// Days that a login lasts [default: 30]
    #[arg(long, global = true, env = "TRUNKLINE_SESSION_DAYS", value_name = "DAYS")]
    pub session_days: Option<u32>,
    /// Seconds that clients are given to move to another node when this one stops [default: 5]
    #[arg(long, global = true, env = "TRUNKLINE_DRAIN_SECONDS", value_name = "SECONDS")]
    pub drain_seconds: Option<u64>,
    /// What is logged, such as info, debug or trunkline_server=trace [default: info]
    #[arg(long, global = true, env = "TRUNKLINE_LOG", value_name = "FILTER")]
    pub log: Option<String>,
    /// Log as JSON, one object a line
    #[arg(long, global = true, env = "TRUNKLINE_LOG_JSON", num_args = 0..=1, default_missing_value = "true")]
    pub log_json: Option<bool>,
    /// OpenTelemetry collector that spans are sent to (OTLP over HTTP), such as `http://127.0.0.1:4318`, by a program
    /// that was built with it [default: none]
    #[arg(long, global = true, env = "TRUNKLINE_OTLP", value_name = "URL")]
    pub otlp: Option<String>,
}

/// Who may make an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum RegistrationOption {
    /// Anyone.
    Open,
    /// Who has an invite link.
    Invite,
    /// Nobody.
    Closed,
}

impl From<RegistrationOption> for Registration {
    fn from(option: RegistrationOption) -> Self {
        match option {
            RegistrationOption::Open => Self::Open,
            RegistrationOption::Invite => Self::Invite,
            RegistrationOption::Closed => Self::Closed,
        }
    }
}

impl Options {
    /// Reads flags, environment and file. Ends the process for `--help` and for flags that can not be read.
    ///
    /// # Errors
    /// If the file can not be read.
    pub fn load() -> anyhow::Result<(Task, Self)> {
        let CommandLine { config, options, task } = CommandLine::parse();
        let task = task.unwrap_or_default();
        let Some(path) = config else { return Ok((task, options)) };
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("config: the file {} can not be read", path.display()))?;
        let file = Self::parse(&text)
            .with_context(|| format!("config: the file {} has something that is no setting", path.display()))?;
        Ok((task, options.or(file)))
    }

    /// Reads what a configuration file says.
    ///
    /// # Errors
    /// If it is no TOML, or has something that is no setting.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// These settings, and those of `other` where nothing is said.
    fn or(self, other: Self) -> Self {
        Self {
            listen: self.listen.or(other.listen),
            public_url: self.public_url.or(other.public_url),
            allowed_origins: self.allowed_origins.or(other.allowed_origins),
            trusted_proxies: self.trusted_proxies.or(other.trusted_proxies),
            database: self.database.or(other.database),
            durability: self.durability.or(other.durability),
            bus: self.bus.or(other.bus),
            bus_prefix: self.bus_prefix.or(other.bus_prefix),
            routing: self.routing.or(other.routing),
            registration: self.registration.or(other.registration),
            sends_per_second: self.sends_per_second.or(other.sends_per_second),
            session_days: self.session_days.or(other.session_days),
            drain_seconds: self.drain_seconds.or(other.drain_seconds),
            log: self.log.or(other.log),
            log_json: self.log_json.or(other.log_json),
            otlp: self.otlp.or(other.otlp),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn a_flag_wins_over_the_file_and_the_file_fills_the_rest() {
        let CommandLine { options, .. } = CommandLine::parse_from(["trunkline", "--routing", "broadcast"]);
        let file = Options::parse("routing = 'directed'\nsession_days = 7").expect("a file");
        let options = options.or(file);
        assert_eq!((options.routing, options.session_days), (Some(Routing::Broadcast), Some(7)));
    }

    #[test]
    fn a_file_with_an_unknown_setting_is_refused() {
        assert!(Options::parse("rooting = 'directed'").is_err());
    }
}
