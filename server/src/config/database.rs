//! Where everything is stored.

use super::{ConfigError, redact};
use std::fmt;
use std::path::PathBuf;

/// Where everything is stored. Is shown without user, password and parameters.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL database, by its URL, which may hold a password.
    Postgres(String),
}

impl DatabaseUrl {
    pub(super) fn parse(url: &str) -> Result<Self, ConfigError> {
        if let Some(path) = url.strip_prefix("sqlite:").filter(|path| !path.is_empty()) {
            return Ok(Self::Sqlite(PathBuf::from(path)));
        }
        let server = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://"));
        if server.is_some_and(|server| !server.is_empty()) {
            return Ok(Self::Postgres(url.to_owned()));
        }
        let problem = format!(
            "{} is not supported; give sqlite: and a file, such as sqlite:data/trunkline.db, or the address of a \
             PostgreSQL database, such as postgres://user:password@host/database",
            redact(url)
        );
        Err(ConfigError::new("database", problem))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => path.display().fmt(f),
            Self::Postgres(url) => {
                let server = url.split_once("://").map_or("", |(_, server)| server);
                // A password may contain a question mark, and more.
                let server = server.rsplit_once('@').map_or(server, |(_, server)| server);
                let server = server.split_once('?').map_or(server, |(server, _)| server);
                write!(f, "postgres://{server}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_shown_without_its_secrets() {
        let shown = |url: &str| DatabaseUrl::parse(url).map(|url| format!("{url} {url:?}")).unwrap_or_default();
        assert_eq!(shown("sqlite:data/t.db"), "data/t.db data/t.db");
        assert_eq!(shown("postgres://u:p@h:5432/d?password=p"), "postgres://h:5432/d postgres://h:5432/d");
        assert_eq!(shown("postgresql://u:p?a@h/d"), "postgres://h/d postgres://h/d");
        assert_eq!(shown("postgres://u:a@b@h/d"), "postgres://h/d postgres://h/d");
        for wrong in ["postgres://", "postgres:/u:secret@h", "sqlite:", "mysql://u:secret@h/d"] {
            let error = DatabaseUrl::parse(wrong).map(drop).expect_err(wrong);
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
