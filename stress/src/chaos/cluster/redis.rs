//! Redis, which keeps nothing.

use super::program::{Program, children, find, signal_to};
use anyhow::{Context as _, Result};
use rustix::process::Signal;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Debug)]
pub(crate) struct Redis {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    folder: PathBuf,
    program: Option<Program>,
}

impl Redis {
    /// Starts it.
    ///
    /// # Errors
    /// If it is missing or does not start.
    pub(super) async fn new(address: SocketAddr, folder: &Path) -> Result<Self> {
        let mut redis = Self { address, folder: folder.to_owned(), program: None };
        redis.start().await?;
        Ok(redis)
    }

    /// Starts it again.
    ///
    /// # Errors
    /// If it does not start.
    pub(crate) async fn start(&mut self) -> Result<()> {
        let mut command = Command::new(find("redis-server")?);
        command.args(["--bind", "127.0.0.1", "--port", &self.address.port().to_string()]);
        command.args(["--save", "", "--appendonly", "no"]).current_dir(&self.folder);
        let mut program = Program::start("redis", &mut command, &self.folder)?;
        let address = self.address;
        program.ready(async || said(address, &["PING"]).await.is_ok_and(|said| said.starts_with("+PONG"))).await?;
        self.program = Some(program);
        Ok(())
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&mut self) {
        self.program = None;
    }

    /// Ends it in order.
    pub(crate) async fn stop(&mut self) {
        if let Some(mut program) = self.program.take() {
            program.signal(Signal::TERM);
            program.ended(Duration::from_secs(5)).await;
        }
    }

    /// Lets it run no more.
    pub(crate) fn freeze(&self) {
        self.signal_all(Signal::STOP);
    }

    /// Lets it run on.
    pub(crate) fn thaw(&self) {
        self.signal_all(Signal::CONT);
    }

    /// Gives it a command.
    ///
    /// # Errors
    /// If it does not answer, or refuses.
    pub(crate) async fn command(&self, words: &[&str]) -> Result<String> {
        let said = said(self.address, words).await?;
        anyhow::ensure!(!said.starts_with('-'), "Redis refused {words:?}: {said}");
        Ok(said)
    }

    fn signal_all(&self, signal: Signal) {
        if let Some(program) = &self.program {
            signal_to(program.id(), signal);
            children(program.id()).into_iter().for_each(|child| signal_to(child, signal));
        }
    }
}

async fn said(address: SocketAddr, words: &[&str]) -> Result<String> {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        let words = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len()));
        let request = words.clone().fold(format!("*{}\r\n", words.len()), |all, word| all + &word);
        stream.write_all(request.as_bytes()).await?;
        let mut answer = vec![0; 64 * 1024];
        let length = stream.read(&mut answer).await?;
        anyhow::Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
    };
    timeout(ANSWER, exchange).await.context("Redis does not answer")?
}
