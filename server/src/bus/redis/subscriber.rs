//! The hearing side: one task that stays subscribed, and a callback that moves payloads into the inbox.

use super::link::{Dialer, Link, Session};
use bytes::Bytes;
use redis::{PushInfo, PushKind, RedisResult, Value};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc;

/// Hears `channels`, over one connection after another, until it is aborted or nobody listens any more.
pub(super) async fn run(mut link: Link, channels: [String; 2], inbox: mpsc::Sender<Bytes>, dropped: Arc<AtomicU64>) {
    let hearing = async {
        loop {
            let session = link.open(|dialer| subscribe(dialer, &channels, inbox.clone(), dropped.clone())).await;
            link.up();
            let end = link.hold(&session, std::future::pending()).await;
            link.close(session, end).await;
        }
    };
    tokio::select! {
        () = inbox.closed() => {}
        () = hearing => {}
    }
    link.give_up();
}

async fn subscribe(
    dialer: Dialer,
    channels: &[String; 2],
    inbox: mpsc::Sender<Bytes>,
    dropped: Arc<AtomicU64>,
) -> RedisResult<Session> {
    let mut session = dialer.dial(move |push| hear(push, &inbox, &dropped)).await?;
    session.connection.subscribe(&channels[..]).await?;
    Ok(session)
}

/// Runs in the task that reads the socket, so that an envelope needs one task switch from there to the router.
fn hear(push: PushInfo, inbox: &mpsc::Sender<Bytes>, dropped: &AtomicU64) {
    // `message`, with the channel and the payload. The other kinds only confirm what we asked for.
    if push.kind != PushKind::Message {
        return;
    }
    let Some(Value::BulkString(payload)) = push.data.into_iter().nth(1) else { return };
    if let Err(mpsc::error::TrySendError::Full(_)) = inbox.try_send(payload.into()) {
        dropped.fetch_add(1, Ordering::Relaxed);
    }
}
