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

use super::Endpoint;
use crate::tls::TlsFiles;
use percent_encoding::percent_decode_str;
use std::fmt;
use std::path::PathBuf;
use thiserror::Error;

const REDIS_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

/// A checked address. Neither `Debug` nor `Display` shows a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl {
    pub(super) form: Form,
    pub(super) login: Login,
    /// The number of the database; a Cluster has only 0.
    pub(super) database: i64,
    /// Over TLS, with these files.
    pub(super) tls: Option<TlsFiles>,
}

/// Which servers there are, and how they are told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Single(Endpoint),
    Sentinel { sentinels: Vec<Endpoint>, service: String, login: Login },
    Cluster(Vec<Endpoint>),
}

/// By what a server lets us in.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
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

impl RedisUrl {
    /// Reads an address.
    ///
    /// # Errors
    /// [`UrlError`], with a sentence that says what to do.
    pub fn parse(url: &str) -> Result<Self, UrlError> {
        let (scheme, rest) = url.split_once("://").ok_or(UrlError::Scheme)?;
        let scheme = scheme.replacen("valkey", "redis", 1);
        let (is_tls, form) = match scheme.strip_prefix("rediss") {
            Some(form) => (true, form),
            None => (false, scheme.strip_prefix("redis").ok_or(UrlError::Scheme)?),
        };
        if form == "+unix" && !is_tls {
            return unix(rest);
        }
        // Read from the end: an address whose password was not encoded must not show it as a host.
        let (login, rest) = rest.rsplit_once('@').map_or((None, rest), |(login, rest)| (Some(login), rest));
        let (rest, query) = rest.split_once('?').map_or((rest, ""), |(rest, query)| (rest, query));
        let (hosts, path) = rest.split_once('/').map_or((rest, ""), |(hosts, path)| (hosts, path));
        let parts = Parts { hosts, path: path.trim_end_matches('/'), query: Query::parse(query)? };
        let (form, database, mut query) = match form {
            "" => parts.single()?,
            "+sentinel" => parts.sentinel()?,
            "+cluster" => parts.cluster()?,
            _ => return Err(UrlError::Scheme),
        };
        let tls = is_tls.then(|| TlsFiles {
            ca: query.take("ca").map(PathBuf::from),
            certificate: query.take("cert").map(PathBuf::from),
            key: query.take("key").map(PathBuf::from),
        });
        query.finish(match (is_tls, &form) {
            (true, Form::Sentinel { .. }) => "db, sentinel_user, sentinel_password, ca, cert and key",
            (false, Form::Sentinel { .. }) => "db, sentinel_user and sentinel_password",
            (true, _) => "ca, cert and key",
            (false, _) => "nothing",
        })?;
        Ok(Self { form, login: login.map_or(Ok(Login::default()), user_and_password)?, database, tls })
    }
}

/// What stands after the login.
struct Parts<'a> {
    hosts: &'a str,
    path: &'a str,
    query: Query,
}

impl Parts<'_> {
    fn single(self) -> Result<(Form, i64, Query), UrlError> {
        let mut hosts = hosts(self.hosts, REDIS_PORT)?;
        let host = hosts.pop().ok_or(UrlError::Host)?;
        if !hosts.is_empty() {
            return Err(UrlError::SeveralHosts);
        }
        Ok((Form::Single(host), database(self.path)?, self.query))
    }

    fn sentinel(mut self) -> Result<(Form, i64, Query), UrlError> {
        if self.path.is_empty() || self.path.contains('/') {
            return Err(UrlError::Service);
        }
        let login = Login { user: self.query.take("sentinel_user"), password: self.query.take("sentinel_password") };
        let database = database(&self.query.take("db").unwrap_or_default())?;
        let (sentinels, service) = (hosts(self.hosts, SENTINEL_PORT)?, decode(self.path)?);
        Ok((Form::Sentinel { sentinels, service, login }, database, self.query))
    }

    fn cluster(self) -> Result<(Form, i64, Query), UrlError> {
        if database(self.path)? != 0 {
            return Err(UrlError::Database);
        }
        Ok((Form::Cluster(hosts(self.hosts, REDIS_PORT)?), 0, self.query))
    }
}

fn unix(rest: &str) -> Result<RedisUrl, UrlError> {
    let (path, query) = rest.split_once('?').map_or((rest, ""), |(path, query)| (path, query));
    if !path.starts_with('/') {
        return Err(UrlError::Path);
    }
    let (path, mut query) = (decode(path)?, Query::parse(query)?);
    let login = Login { user: query.take("user"), password: query.take("pass") };
    let database = database(&query.take("db").unwrap_or_default())?;
    query.finish("user, pass and db")?;
    Ok(RedisUrl { form: Form::Single(Endpoint::Unix(path.into())), login, database, tls: None })
}

fn hosts(text: &str, default_port: u16) -> Result<Vec<Endpoint>, UrlError> {
    text.split(',').map(|host| Endpoint::parse(host, default_port).ok_or(UrlError::Host)).collect()
}

fn database(text: &str) -> Result<i64, UrlError> {
    if text.is_empty() {
        return Ok(0);
    }
    text.parse().ok().filter(|number| *number >= 0).ok_or(UrlError::Database)
}

fn user_and_password(text: &str) -> Result<Login, UrlError> {
    let (user, password) = text.split_once(':').map_or((text, None), |(user, password)| (user, Some(password)));
    let user = if user.is_empty() { None } else { Some(decode(user)?) };
    Ok(Login { user, password: password.map(decode).transpose()? })
}

fn decode(text: &str) -> Result<String, UrlError> {
    percent_decode_str(text).decode_utf8().map(Into::into).map_err(|_| UrlError::Encoding)
}

/// What a query says, each word once.
struct Query(Vec<(String, String)>);

impl Query {
    fn parse(text: &str) -> Result<Self, UrlError> {
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        });
        pairs.collect::<Result<_, _>>().map(Self)
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.swap_remove(at).1)
    }

    /// # Errors
    /// If it says something that nobody took.
    fn finish(self, allowed: &'static str) -> Result<(), UrlError> {
        if self.0.is_empty() { Ok(()) } else { Err(UrlError::Query(allowed)) }
    }
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
