//! Where one server listens.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// Where one server listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Endpoint {
    /// A host, by name or address, and a port.
    Tcp {
        /// Without the brackets of an IPv6 address.
        host: Arc<str>,
        /// Not 0.
        port: u16,
    },
    /// A socket in the file system.
    Unix(PathBuf),
}

impl Endpoint {
    /// `host`, `host:port`, `[address]` or `[address]:port`; `None` for anything else.
    pub(super) fn parse(text: &str, default_port: u16) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => rest.split_once(']').map(|(host, rest)| (host, rest.strip_prefix(':')))?,
            None => text.rsplit_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
        };
        let port = match port {
            None => default_port,
            Some(port) => port.parse().ok().filter(|port| *port != 0)?,
        };
        let fits = |letter: char| letter.is_ascii_alphanumeric() || "-_.:".contains(letter);
        (!host.is_empty() && host.chars().all(fits)).then(|| Self::Tcp { host: host.into(), port })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}
