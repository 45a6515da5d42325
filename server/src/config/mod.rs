//! One typed configuration, from flags, environment and file; the first one that names a setting wins.
//!
//! [`Options`] is what was said, [`Config`] what it means after checking. Nonsense is refused with a sentence that
//! says what to do. Secrets (the passwords in URLs) are never printed: see [`BusUrl`] and [`DatabaseUrl`].

mod database;
mod network;
mod options;

pub use database::DatabaseUrl;
pub use network::{Network, NotANetwork};
pub use options::{Options, Task};

use crate::node::Routing;
use crate::redis::RedisUrl;
use crate::store::Durability;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;
use trunkline_app::backend::Registration;
use trunkline_protocol::limits;

/// Beyond this a node is the limit.
const MOST_SENDS: u32 = 100_000;

/// A checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// How browsers reach the site; `None` if by whatever host they name.
    pub public_url: Option<Origin>,
    /// Further origins whose pages may open a WebSocket.
    pub allowed_origins: Vec<Origin>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// Where everything is stored.
    pub database: DatabaseUrl,
    /// When a write counts as durable.
    pub durability: Durability,
    /// What carries envelopes between nodes.
    pub bus: BusUrl,
    /// Prefix of everything in Redis.
    pub bus_prefix: String,
    /// Which nodes are told.
    pub routing: Routing,
    /// Who may register.
    pub registration: Registration,
    /// Messages a second that one user may keep up on a node.
    pub sends_per_second: u32,
    /// How long a login lasts.
    pub session_lifetime: Duration,
    /// How long connections are given to move when the node stops.
    pub drain: Duration,
    /// What is logged.
    pub log: String,
    /// Whether logs are JSON.
    pub log_json: bool,
    /// Where spans are sent.
    pub otlp: Option<String>,
}

/// Scheme, host and port, as a browser's `Origin` header has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    text: String,
}

impl Origin {
    /// Whether a header says just this.
    #[must_use]
    pub fn is(&self, header: &str) -> bool {
        self.text == header
    }

    /// Whether the site is reached over TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.text.starts_with("https://")
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What carries envelopes between nodes. Is shown without user, password and files: as the servers alone.
#[derive(Clone, PartialEq, Eq)]
pub enum BusUrl {
    /// One node alone.
    Memory,
    /// Redis, in one of its forms.
    Redis(Box<RedisUrl>),
}

impl fmt::Debug for BusUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for BusUrl {
    /// What two nodes have in common that use the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory"),
            Self::Redis(url) => url.fmt(f),
        }
    }
}

/// A setting that makes no sense, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {problem}")]
pub struct ConfigError {
    setting: &'static str,
    problem: String,
}

impl ConfigError {
    fn new(setting: &'static str, problem: impl Into<String>) -> Self {
        Self { setting, problem: problem.into() }
    }
}

impl TryFrom<Options> for Config {
    type Error = ConfigError;

    fn try_from(options: Options) -> Result<Self, ConfigError> {
        let origins = options.allowed_origins.unwrap_or_default();
        Ok(Self {
            listen: options.listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 3000))),
            public_url: options.public_url.map(|url| origin("public-url", &url)).transpose()?,
            allowed_origins: origins.iter().map(|url| origin("allowed-origins", url)).collect::<Result<_, _>>()?,
            trusted_proxies: options.trusted_proxies.unwrap_or_default(),
            database: DatabaseUrl::parse(options.database.as_deref().unwrap_or("sqlite:data/trunkline.db"))?,
            durability: options.durability.unwrap_or(Durability::Fsync),
            bus: bus(options.bus.as_deref().unwrap_or("memory"))?,
            bus_prefix: prefix(options.bus_prefix.unwrap_or_else(|| "trunkline".to_owned()))?,
            routing: options.routing.unwrap_or(Routing::Directed),
            registration: options.registration.map_or(Registration::Open, Into::into),
            sends_per_second: sends(options.sends_per_second.unwrap_or(limits::SENDS_PER_SECOND))?,
            session_lifetime: days(options.session_days.unwrap_or(30))?,
            drain: Duration::from_secs(drain(options.drain_seconds.unwrap_or(5))?),
            log: options.log.unwrap_or_else(|| "info".to_owned()),
            log_json: options.log_json.unwrap_or(false),
            otlp: options.otlp.map(collector).transpose()?,
        })
    }
}

fn origin(setting: &'static str, url: &str) -> Result<Origin, ConfigError> {
    let trimmed = url.trim_end_matches('/');
    let host = trimmed.strip_prefix("https://").or_else(|| trimmed.strip_prefix("http://"));
    let valid = host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ', '*']));
    if !valid {
        let problem = format!("{url:?} is not an origin; give scheme and host, such as https://chat.example.org");
        return Err(ConfigError::new(setting, problem));
    }
    let lower = trimmed.to_ascii_lowercase();
    let default_port = if lower.starts_with("https:") { ":443" } else { ":80" };
    Ok(Origin { text: lower.strip_suffix(default_port).unwrap_or(&lower).to_owned() })
}

fn bus(url: &str) -> Result<BusUrl, ConfigError> {
    if url == "memory" {
        return Ok(BusUrl::Memory);
    }
    RedisUrl::parse(url).map(|url| BusUrl::Redis(Box::new(url))).map_err(|error| {
        let problem = format!(
            "{} is neither memory nor an address of Redis, such as redis://127.0.0.1:6379: {error}",
            redact(url)
        );
        ConfigError::new("bus", problem)
    })
}

/// A URL that may hold a secret and is not understood: only its scheme is shown.
fn redact(url: &str) -> String {
    match url.split_once(':') {
        Some((scheme, _)) => format!("{scheme}:…"),
        None if url.contains('@') => "the given address".to_owned(),
        None => format!("{url:?}"),
    }
}

fn prefix(prefix: String) -> Result<String, ConfigError> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "-_.:".contains(letter);
    if prefix.is_empty() || prefix.len() > 64 || !prefix.chars().all(fits) {
        let problem = "give 1 to 64 letters, digits, dots, dashes, colons or underscores";
        return Err(ConfigError::new("bus-prefix", problem));
    }
    Ok(prefix)
}

fn days(days: u32) -> Result<Duration, ConfigError> {
    if !(1..=365).contains(&days) {
        return Err(ConfigError::new("session-days", "give 1 to 365"));
    }
    Ok(Duration::from_secs(u64::from(days) * 24 * 60 * 60))
}

fn collector(url: String) -> Result<String, ConfigError> {
    if !url.starts_with("http://") || url.contains(['@', '?', ' ']) {
        let problem = "give the http address of a collector, such as http://127.0.0.1:4318; one elsewhere is reached \
                       through one on this machine, which has TLS and keys";
        return Err(ConfigError::new("otlp", problem));
    }
    Ok(url)
}

fn sends(per_second: u32) -> Result<u32, ConfigError> {
    if !(1..=MOST_SENDS).contains(&per_second) {
        return Err(ConfigError::new("sends-per-second", format!("give 1 to {MOST_SENDS}")));
    }
    Ok(per_second)
}

fn drain(seconds: u64) -> Result<u64, ConfigError> {
    if seconds > 6 {
        return Err(ConfigError::new("drain-seconds", "give at most 6: a node exits within 10 seconds"));
    }
    Ok(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(options: Options) -> String {
        Config::try_from(options).expect_err("nonsense").to_string()
    }

    #[test]
    fn nothing_said_gives_one_node_that_needs_nothing_else() {
        let config = Config::try_from(Options::default()).expect("defaults");
        assert_eq!(config.bus, BusUrl::Memory);
        assert_eq!(config.listen.to_string(), "127.0.0.1:3000");
        assert_eq!(config.durability, Durability::Fsync);
        assert_eq!(config.routing, Routing::Directed);
    }

    #[test]
    fn redis_is_reached_in_all_its_forms() {
        for url in [
            "redis://127.0.0.1:6379",
            "redis+unix:///run/redis.sock",
            "redis+sentinel://a:26379,b:26379/mymaster",
            "rediss+cluster://a:6379,b:6379",
        ] {
            let options = Options { bus: Some(url.to_owned()), ..Options::default() };
            let config = Config::try_from(options).expect("an address");
            assert_eq!(config.bus.to_string(), url);
        }
    }

    #[test]
    fn nonsense_is_refused_with_a_sentence_that_helps() {
        let with = |change: fn(&mut Options)| {
            let mut options = Options::default();
            change(&mut options);
            error(options)
        };
        assert!(with(|options| options.bus = Some("redis:/x".into())).contains("such as redis://127.0.0.1:6379"));
        assert!(with(|options| options.public_url = Some("chat".into())).contains("such as https://chat"));
        assert!(with(|options| options.database = Some("mysql://a".into())).contains("sqlite:"));
        assert!(with(|options| options.sends_per_second = Some(0)).contains("1 to 100000"));
        assert!(with(|options| options.session_days = Some(0)).contains("1 to 365"));
        assert!(with(|options| options.bus_prefix = Some("a b".into())).contains("bus-prefix"));
    }

    #[test]
    fn a_password_is_never_shown() {
        let secret = "redis://user:secret@host:6379/1".to_owned();
        let config = Config::try_from(Options { bus: Some(secret), ..Options::default() }).expect("an address");
        assert_eq!(format!("{} {:?}", config.bus, config.bus), "redis://host:6379/1 redis://host:6379/1");
        assert!(!format!("{config:?}").contains("secret"));
        for wrong in ["redis://user:secret@host:port", "redis://user:secret@", "rediss://u:p@host?secret=secret"] {
            assert!(!error(Options { bus: Some(wrong.to_owned()), ..Options::default() }).contains("secret"));
        }
        let mut options = Options { bus: Some("rediss:user:secret@host".to_owned()), ..Options::default() };
        assert!(!error(options.clone()).contains("secret"));
        options.bus = None;
        options.database = Some("postgres:/user:secret@host/db".to_owned());
        assert!(!error(options).contains("secret"));
    }

    #[test]
    fn an_origin_is_compared_as_browsers_write_it() {
        let origin = origin("public-url", "https://Chat.Example.org:443/").expect("an origin");
        assert!(origin.is("https://chat.example.org"));
        assert!(!origin.is("http://chat.example.org"));
        assert!(!origin.is("https://chat.example.org.evil.example"));
    }
}
