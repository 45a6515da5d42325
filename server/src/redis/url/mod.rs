//! How the setting names Redis, in each of the forms that people run it:
//!
//! | form | address |
//! |---|---|
//! | one server | `redis://[user:password@]host[:port][/database]` |
//! | its Unix socket | `redis+unix:///path[?user=…&pass=…&db=…]` |
//! | Sentinel | `redis+sentinel://[user:password@]host[:port],…/service[?db=…&sentinel_user=…&sentinel_password=…]` |
//! | Cluster | `redis+cluster://[user:password@]host[:port],…` |
//!
//! `rediss` instead of `redis` is TLS, with `ca`, `cert` and `key` in the query for files (see [`TlsFiles`]). `valkey`
//! and `valkeys` are other words for the same. User, password and values of the query are percent-encoded where they hold
//! something that means something in an address.
//!
//! Whatever is shown of an address, in errors too, holds no user, no password and no query.

mod parse;

use super::Endpoint;
use crate::tls::TlsFiles;
use std::fmt;
use thiserror::Error;

/// A checked address. Neither `Debug` nor `Display` shows a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl {
    pub(in crate::redis) form: Form,
    pub(in crate::redis) login: Login,
    /// The number of the database; a Cluster has only 0.
    pub(in crate::redis) database: i64,
    /// Over TLS, with these files.
    pub(in crate::redis) tls: Option<TlsFiles>,
}

/// Which servers there are, and how they are told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::redis) enum Form {
    Single(Endpoint),
    Sentinel { sentinels: Vec<Endpoint>, service: String, login: Login },
    Cluster(Vec<Endpoint>),
}

/// By what a server lets us in.
#[derive(Clone, Default, PartialEq, Eq)]
pub(in crate::redis) struct Login {
    pub(in crate::redis) user: Option<String>,
    pub(in crate::redis) password: Option<String>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::default() { "nobody" } else { "…" })
    }
}

/// What is wrong with an address. Repeats nothing of it but names of settings.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UrlError {
    /// Another scheme.
    #[error("begin it with redis://, rediss://, redis+unix://, redis+sentinel:// or redis+cluster://")]
    Scheme,
    /// No host, or a host or port that can not be one.
    #[error("name at least one host, each as host or host:port")]
    Host,
    /// One of the forms that know one host was given several.
    #[error("name one host; several are for redis+sentinel:// and redis+cluster://")]
    SeveralHosts,
    /// No path of a socket.
    #[error("name the path of the socket, as in redis+unix:///run/redis.sock")]
    Path,
    /// What should be the number of a database is none.
    #[error("a database is named by its number, and a Cluster has only one")]
    Database,
    /// Sentinel without the name of what it watches.
    #[error("name the service that Sentinel watches after the hosts, as in redis+sentinel://host:26379/mymaster")]
    Service,
    /// A part that is not percent-encoded as it should be.
    #[error("write what is special in user, password and query as %XX")]
    Encoding,
    /// A word in the query that means nothing here.
    #[error("its query says something that is not understood; it may say {0}")]
    Query(&'static str),
}

impl fmt::Display for RedisUrl {
    /// The servers alone, by which nodes with different users know that they use the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tls = if self.tls.is_some() { "s" } else { "" };
        let list = |endpoints: &[Endpoint]| {
            let mut names: Vec<_> = endpoints.iter().map(Endpoint::to_string).collect();
            // The order says nothing.
            names.sort();
            names.join(",")
        };
        let database = if self.database == 0 { String::new() } else { format!("/{}", self.database) };
        match &self.form {
            Form::Single(Endpoint::Unix(path)) => write!(f, "redis+unix://{}", path.display()),
            Form::Single(endpoint) => write!(f, "redis{tls}://{endpoint}{database}"),
            Form::Sentinel { sentinels, service, .. } => {
                write!(f, "redis{tls}+sentinel://{}/{service}", list(sentinels))
            }
            Form::Cluster(seeds) => write!(f, "redis{tls}+cluster://{}", list(seeds)),
        }
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn parse(url: &str) -> RedisUrl {
        RedisUrl::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    fn tcp(host: &str, port: u16) -> Endpoint {
        Endpoint::Tcp { host: host.into(), port }
    }

    #[test]
    fn each_form_is_understood() {
        let url = parse("redis://host");
        assert_eq!((url.form, url.database, url.tls), (Form::Single(tcp("host", 6379)), 0, None));
        let url = parse("redis://user:p%40ss%2F@[::1]:7000/3");
        assert_eq!((url.form, url.database), (Form::Single(tcp("::1", 7000)), 3));
        assert_eq!((url.login.user.as_deref(), url.login.password.as_deref()), (Some("user"), Some("p@ss/")));
        let url = parse("redis+unix:///run/redis.sock?user=a&pass=b%26c&db=2");
        assert_eq!((url.form, url.database), (Form::Single(Endpoint::Unix("/run/redis.sock".into())), 2));
        assert_eq!((url.login.user.as_deref(), url.login.password.as_deref()), (Some("a"), Some("b&c")));
        let url = parse("rediss://:secret@host/?ca=/etc/ca.pem&cert=/etc/own.pem&key=/etc/own.key");
        let path = |path: &str| Some(PathBuf::from(path));
        let files = TlsFiles { ca: path("/etc/ca.pem"), certificate: path("/etc/own.pem"), key: path("/etc/own.key") };
        assert_eq!((url.tls, url.login.user), (Some(files), None));
        let url = parse("redis+sentinel://a,b:7001/mymaster?sentinel_user=s&sentinel_password=t&db=1");
        let login = Login { user: Some("s".into()), password: Some("t".into()) };
        let sentinels = vec![tcp("a", 26379), tcp("b", 7001)];
        assert_eq!(url.form, Form::Sentinel { sentinels, service: "mymaster".into(), login });
        let url = parse("valkeys+cluster://u:p@a:1,b:2");
        assert_eq!((url.form, url.tls), (Form::Cluster(vec![tcp("a", 1), tcp("b", 2)]), Some(TlsFiles::default())));
    }

    #[test]
    fn what_is_wrong_is_said_without_the_secret() {
        let cases = [
            ("http://user:secret@host", UrlError::Scheme),
            ("redis:secret", UrlError::Scheme),
            ("rediss+unix:///secret", UrlError::Scheme),
            ("redis+kafka://secret", UrlError::Scheme),
            ("redis://", UrlError::Host),
            ("redis://user:secret@:6379", UrlError::Host),
            ("redis://user:secret@host:port", UrlError::Host),
            ("redis://user:secret@a,b", UrlError::SeveralHosts),
            ("redis://host/secret", UrlError::Database),
            ("redis+cluster://host/1", UrlError::Database),
            ("redis+sentinel://user:secret@host", UrlError::Service),
            ("redis+unix://secret", UrlError::Path),
            ("redis://user:%ff@host", UrlError::Encoding),
            ("redis://host?password=secret", UrlError::Query("nothing")),
            ("rediss://host?password=secret", UrlError::Query("ca, cert and key")),
        ];
        for (url, expected) in cases {
            let error = RedisUrl::parse(url).expect_err(url);
            assert_eq!(error, expected, "{url}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn what_is_shown_names_the_servers_and_no_secret() {
        for (url, shown) in [
            ("redis://user:secret@host/1", "redis://host:6379/1"),
            ("redis://user:se/cr?et@host", "redis://host:6379"),
            ("valkey://[::1]:7", "redis://[::1]:7"),
            ("redis+unix:///run/redis.sock?user=a&pass=secret", "redis+unix:///run/redis.sock"),
            ("rediss+sentinel://u:secret@b,a/one?sentinel_password=secret", "rediss+sentinel://a:26379,b:26379/one"),
            ("redis+cluster://u:secret@b:2,a:1", "redis+cluster://a:1,b:2"),
        ] {
            let url = parse(url);
            assert_eq!((url.to_string(), format!("{url:?}")), (shown.to_owned(), shown.to_owned()));
            assert!(!format!("{:?} {:?}", url.form, url.login).contains("secret"));
        }
    }
}
