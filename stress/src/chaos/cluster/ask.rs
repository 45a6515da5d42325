//! As much of an HTTP client as a nemesis and a witness need: one request a connection, and an answer in time or none.

use anyhow::{Context as _, Result};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask<'a> {
    /// Method and path.
    pub(crate) what: &'a str,
    /// The session, or nothing.
    pub(crate) cookie: &'a str,
    /// JSON, a form, or nothing.
    pub(crate) body: &'a str,
}

/// What was answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// The status code.
    pub(crate) status: u16,
    /// Everything before the body.
    pub(crate) head: String,
    /// The body.
    pub(crate) body: String,
}

impl Ask<'_> {
    /// Asks, and waits so long for the whole answer.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) async fn of(self, node: SocketAddr, within: Duration) -> Result<Answer> {
        timeout(within, self.exchange(node)).await.context("no answer in time")?
    }

    async fn exchange(self, node: SocketAddr) -> Result<Answer> {
        let Self { what, cookie, body } = self;
        let mut stream = TcpStream::connect(node).await?;
        let cookie = if cookie.is_empty() { String::new() } else { format!("Cookie: {cookie}\r\n") };
        let kind = if body.starts_with('{') { "application/json" } else { "application/x-www-form-urlencoded" };
        let length = body.len();
        let request = format!(
            "{what} HTTP/1.0\r\nHost: {node}\r\n{cookie}Accept: application/json\r\nContent-Type: {kind}\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await?;
        let text = String::from_utf8_lossy(&bytes);
        let (head, body) = text.split_once("\r\n\r\n").context("the answer is no HTTP")?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("no status")?;
        Ok(Answer { status, head: head.to_owned(), body: body.to_owned() })
    }
}

impl Answer {
    /// The session cookie that it sets.
    pub(crate) fn session(&self) -> Option<String> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut set = lines.filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
        let cookie = set.find_map(|(_, cookie)| cookie.starts_with("trunkline=").then_some(cookie))?;
        cookie.split(';').next().map(str::to_owned)
    }
}
