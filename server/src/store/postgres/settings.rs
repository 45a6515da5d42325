//! Which server, and how: a `postgres://` URL as libpq reads it. Its password goes to the server and nowhere else.

use super::tls::Tls;
use crate::tls::{TlsError, TlsFiles};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use thiserror::Error;
use tokio_postgres::Config;
use tokio_postgres::config::{SslMode, TargetSessionAttrs};

/// How long a server that does not answer may hold up the making of a connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// When the system asks whether an idle connection still has another end, and how often, and how many times.
const KEEPALIVE: (Duration, Duration, u32) = (Duration::from_secs(5), Duration::from_secs(2), 3);
/// How long what was sent may stay unacknowledged by the other end's system.
const UNACKNOWLEDGED: Duration = Duration::from_secs(6);

/// Why a URL can not be used. Says nothing of what is in it.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// It is none.
    #[error("this is not an address of a PostgreSQL database, such as postgres://user:password@host/database")]
    Unreadable,
    /// The setting `sslmode` is none.
    #[error("sslmode is one of disable, prefer, require and verify-full")]
    SslMode,
    /// Certificates for a connection that needs none.
    #[error("sslrootcert, sslcert and sslkey mean nothing with sslmode disable or prefer: leave one of the two out")]
    Files,
    /// TLS can not be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// How connections are made.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) config: Config,
    pub(super) tls: Tls,
}

impl Settings {
    /// Reads the URL, and the certificates that it may name.
    pub(super) fn parse(url: &str) -> Result<Self, SettingsError> {
        let (plain, mode, files) = split(url);
        let mut config = Config::from_str(&plain).map_err(|_| SettingsError::Unreadable)?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(SettingsError::Unreadable);
        }
        let default = if files == TlsFiles::default() { "prefer" } else { "verify-full" };
        let (mode, tls) = match (mode.as_deref().unwrap_or(default), files == TlsFiles::default()) {
            ("disable", true) => (SslMode::Disable, Tls::unchecked()?),
            ("prefer", true) => (SslMode::Prefer, Tls::unchecked()?),
            ("require", true) => (SslMode::Require, Tls::unchecked()?),
            // Whoever names whom to trust wants that to be checked. With verify-ca the name is checked too.
            ("require", false) | ("verify-ca" | "verify-full", _) => (SslMode::Require, Tls::checked(&files)?),
            ("disable" | "prefer", false) => return Err(SettingsError::Files),
            _ => return Err(SettingsError::SslMode),
        };
        config.ssl_mode(mode);
        if config.get_application_name().is_none() {
            config.application_name("trunkline");
        }
        let (idle, interval, retries) = KEEPALIVE;
        config
            .connect_timeout(CONNECT_WITHIN)
            .keepalives_idle(idle)
            .keepalives_interval(interval)
            .keepalives_retries(retries)
            .tcp_user_timeout(UNACKNOWLEDGED)
            // Of several hosts, the one that can be written to.
            .target_session_attrs(TargetSessionAttrs::ReadWrite);
        Ok(Self { config, tls })
    }
}

/// The URL without what the driver does not know: `sslmode`, and the files of `sslrootcert`, `sslcert` and `sslkey`.
fn split(url: &str) -> (String, Option<String>, TlsFiles) {
    let (mut mode, mut files, mut kept) = (None, TlsFiles::default(), Vec::new());
    // A password may contain a question mark, if only where it should not.
    let after = url.rfind('@').unwrap_or(0);
    let Some(at) = url[after..].find('?').map(|at| after + at) else { return (url.to_owned(), mode, files) };
    for pair in url[at + 1..].split('&') {
        let file = |value: &str| Some(PathBuf::from(value.replace("%2F", "/")));
        match pair.split_once('=') {
            Some(("sslmode", value)) => mode = Some(value.to_owned()),
            Some(("sslrootcert", value)) => files.ca = file(value),
            Some(("sslcert", value)) => files.certificate = file(value),
            Some(("sslkey", value)) => files.key = file(value),
            _ => kept.push(pair),
        }
    }
    let query = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
    (format!("{}{query}", &url[..at]), mode, files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_driver_does_not_know_is_taken_out_of_the_address() {
        for (url, plain, mode) in [
            ("postgres://h/d", "postgres://h/d", None),
            ("postgres://u:p?w@h/d", "postgres://u:p?w@h/d", None),
            ("postgres://h/d?sslmode=verify-full&sslrootcert=/etc/ca.pem", "postgres://h/d", Some("verify-full")),
            ("postgres://h/d?connect_timeout=2&sslmode=disable", "postgres://h/d?connect_timeout=2", Some("disable")),
        ] {
            let (found, found_mode, files) = split(url);
            assert_eq!((found.as_str(), found_mode.as_deref()), (plain, mode));
            assert_eq!(files.ca.is_some(), url.contains("sslrootcert"));
        }
    }

    #[test]
    fn nonsense_is_refused_without_a_word_of_what_was_said() {
        for url in ["postgres://", "postgres://u:secret@h:port/d", "postgres://u:secret@h/d?sslmode=maybe"] {
            let Err(error) = Settings::parse(url) else { panic!("{url} was taken") };
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn files_that_would_not_be_used_are_refused() {
        for mode in ["disable", "prefer"] {
            let parsed = Settings::parse(&format!("postgres://h/d?sslmode={mode}&sslrootcert=/nowhere"));
            assert!(matches!(parsed, Err(SettingsError::Files)), "{mode}");
        }
        for mode in ["require", "verify-ca", "verify-full"] {
            let parsed = Settings::parse(&format!("postgres://h/d?sslmode={mode}&sslrootcert=/nowhere"));
            assert!(matches!(parsed, Err(SettingsError::Tls(_))), "{mode} reads the file");
        }
    }
}
