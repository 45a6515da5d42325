//! Reads an address. What is wrong with it is said without repeating it.

use super::{Form, Login, RedisUrl, UrlError};
use crate::redis::Endpoint;
use crate::tls::TlsFiles;
use percent_encoding::percent_decode_str;
use std::path::PathBuf;

const REDIS_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

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
