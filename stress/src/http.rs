//! As much of an HTTP client as making accounts needs: one request at a time, one connection a request.

use crate::socket::dial;
use anyhow::{Context, Result, ensure};
use rustix::net::SocketFlags;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// How long an answer may take: many passwords are hashed before it.
const ANSWER: Duration = Duration::from_secs(30);

/// Somebody who asks a node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller<'a> {
    /// The node.
    pub(crate) node: SocketAddr,
    /// The address to come from, so that many people do not share one person's allowance.
    pub(crate) from: Option<IpAddr>,
    /// The session, if there is one.
    pub(crate) cookie: Option<&'a str>,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status code.
    pub(crate) status: u16,
    head: String,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The cookie of this name that the answer sets, as `name=value`.
    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let set = lines.filter(|(header, _)| header.eq_ignore_ascii_case("set-cookie"));
        let mut pairs = set.filter_map(|(_, cookie)| cookie.split(';').next());
        pairs.find(|pair| pair.strip_prefix(name).is_some_and(|rest| rest.starts_with('='))).map(str::to_owned)
    }

    /// The number of this name in a JSON object.
    ///
    /// # Errors
    /// If it was refused, with what was said.
    pub(crate) fn number(&self, name: &str) -> Result<u64> {
        let said = String::from_utf8_lossy(&self.body);
        ensure!((200..300).contains(&self.status), "it was refused with {}: {said}", self.status);
        let value: serde_json::Value = serde_json::from_slice(&self.body).context("the answer is not JSON")?;
        value[name].as_u64().with_context(|| format!("the answer has no {name}: {said}"))
    }
}

impl Caller<'_> {
    /// Sends a body, or asks with an empty one (then it is a GET), and waits for the answer.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) fn ask(&self, path: &str, kind: &str, body: &str) -> Result<Answer> {
        let mut stream = dial(self.node, self.from, SocketFlags::empty())?;
        stream.set_read_timeout(Some(ANSWER))?;
        let method = if body.is_empty() { "GET" } else { "POST" };
        let cookie = self.cookie.map(|cookie| format!("Cookie: {cookie}\r\n")).unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.0\r\nHost: {}\r\n{cookie}Accept: application/json\r\nContent-Type: {kind}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.node,
            body.len()
        );
        stream.write_all(request.as_bytes())?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).with_context(|| format!("{path} was not answered"))?;
        parse(&bytes).with_context(|| format!("{path} was not answered in HTTP"))
    }
}

/// HTTP/1.0: the body ends with the connection.
fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|end| end == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, head, body: bytes[end + 4..].to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_cookie_and_number_are_found() {
        let text =
            b"HTTP/1.0 201 Created\r\nset-cookie: other=1\r\nSet-Cookie: trunkline=abc; Path=/\r\n\r\n{\"id\":7}";
        let answer = parse(text).unwrap();
        assert_eq!((answer.status, answer.cookie("trunkline").as_deref()), (201, Some("trunkline=abc")));
        assert_eq!(answer.number("id").unwrap(), 7);
        assert!(answer.number("no").is_err() && answer.cookie("trunk").is_none());
    }
}
