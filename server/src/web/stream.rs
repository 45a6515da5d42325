//! A peer's TCP stream, which can not be held by a peer that reads nothing, and whose end arrives.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Sleep, sleep, timeout};

/// How long, and how many bytes, a peer that is being left may still say.
const LINGER: (Duration, u64) = (Duration::from_secs(1), 4 * 1024 * 1024);

/// See the module.
///
/// A socket that is closed with something unread in it, or that hears more afterwards, answers with a reset, and a reset
/// takes back what the peer has not read yet: the very words that say why it was closed. So whatever is dropped first
/// says that nothing more comes, and then reads for a moment what the peer had on its way.
#[derive(Debug)]
pub struct Stream {
    tcp: Option<(TcpStream, OwnedSemaphorePermit)>,
    /// Whether the peer said that nothing more comes, or is gone.
    ended: bool,
    patience: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Stream {
    /// A peer, who may leave unread what is written for so long. The place is free again once they are gone.
    #[must_use]
    pub fn new(tcp: TcpStream, patience: Duration, place: OwnedSemaphorePermit) -> Self {
        Self { tcp: Some((tcp, place)), ended: false, patience, stalled: None }
    }

    fn tcp(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        // It is taken by the drop only.
        let (tcp, _) = self.tcp.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        Ok(Pin::new(tcp))
    }

    /// What came of writing, unless it has come to nothing for too long.
    fn written<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match written {
            Poll::Ready(written) => {
                self.stalled = None;
                self.ended |= written.is_err();
                Poll::Ready(written)
            }
            Poll::Pending => {
                let patience = self.patience;
                let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(patience)));
                ready!(stalled.as_mut().poll(cx));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let (room, before) = (buf.remaining(), buf.filled().len());
        let read = ready!(self.tcp()?.poll_read(cx, buf));
        self.ended |= read.is_err() || (room > 0 && buf.filled().len() == before);
        Poll::Ready(read)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = self.tcp()?.poll_write(cx, buf);
        self.written(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.tcp()?.poll_write_vectored(cx, bufs);
        self.written(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.as_ref().is_some_and(|(tcp, _)| tcp.is_write_vectored())
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tcp()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tcp()?.poll_shutdown(cx)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let Some((tcp, place)) = self.tcp.take().filter(|_| !self.ended) else { return };
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let _ = timeout(LINGER.0, leave(tcp)).await;
                drop(place);
            });
        }
    }
}

/// Ends by itself when the peer has hung up too; it is for the caller to lose patience.
async fn leave(mut tcp: TcpStream) -> io::Result<()> {
    tcp.shutdown().await?;
    let mut rest = tcp.take(LINGER.1);
    let mut unread = [0; 4 * 1024];
    while rest.read(&mut unread).await? > 0 {}
    Ok(())
}
