//! The hearing side: tasks that stay subscribed, and a callback that moves payloads into the inbox.

use super::Context;
use super::link::{LIMITS, Link, Side, Target};
use crate::redis::dial::Session;
use crate::redis::{Endpoint, Servers};
use bytes::Bytes;
use redis::{ErrorKind, PushInfo, PushKind, RedisError, RedisResult, Value};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use trunkline_protocol::NodeId;

/// What a node hears. Ends when it is dropped, or when nobody listens any more.
#[derive(Debug)]
pub(super) struct Subscription {
    tasks: Vec<AbortOnDropHandle<()>>,
}

/// What one connection hears.
#[derive(Clone)]
struct Ear {
    /// All on one server.
    channels: Vec<String>,
    /// Whether they are sharded.
    sharded: bool,
    inbox: mpsc::Sender<Bytes>,
    dropped: Arc<AtomicU64>,
}

impl Subscription {
    /// Hears for `node` what is published to all and to it. In a Cluster the two channels lie apart.
    pub(super) fn start(context: &Context, node: NodeId, inbox: mpsc::Sender<Bytes>) -> Self {
        let channels = vec![context.channels.all(), context.channels.node(node)];
        let sharded = context.servers.is_cluster();
        let apart: Vec<_> =
            if sharded { channels.into_iter().map(|channel| vec![channel]).collect() } else { vec![channels] };
        let ear = |channels| Ear { channels, sharded, inbox: inbox.clone(), dropped: context.dropped.clone() };
        let tasks = apart.into_iter().filter_map(|channels| {
            let target = Target::Channel(channels.first()?.clone());
            let link = Link::new(Side::Subscriber, target, context);
            Some(AbortOnDropHandle::new(tokio::spawn(run(link, ear(channels)))))
        });
        Self { tasks: tasks.collect() }
    }

    /// Ends it and waits for that.
    pub(super) async fn end(self) {
        for task in self.tasks {
            task.abort();
            // It says only that it was told to.
            drop(task.await);
        }
    }
}

/// Hears over one connection after another, until it is aborted or nobody listens any more.
async fn run(mut link: Link, ear: Ear) {
    let inbox = ear.inbox.clone();
    let hearing = async {
        loop {
            let (at, session, lost) = link.open(|servers, at| ear.clone().subscribe(servers, at)).await;
            link.up(&at);
            let unsubscribed = async {
                lost.cancelled().await;
                RedisError::from((ErrorKind::Client, "the server has ended the subscription"))
            };
            let end = link.hold(&at, &session, unsubscribed).await;
            link.close(session, end).await;
        }
    };
    tokio::select! {
        () = inbox.closed() => {}
        () = hearing => {}
    }
}

impl Ear {
    /// Gives with the connection what tells that the subscription was lost without it.
    async fn subscribe(self, servers: Servers, at: Endpoint) -> RedisResult<(Session, CancellationToken)> {
        let lost = CancellationToken::new();
        let (ear, losing) = (self.clone(), lost.clone());
        let session = servers.dial(&at, LIMITS, Some(Box::new(move |push| ear.hear(push, &losing)))).await?;
        let subscribe = redis::cmd(if self.sharded { "SSUBSCRIBE" } else { "SUBSCRIBE" });
        for channel in &self.channels {
            subscribe.clone().arg(channel).query_async::<Value>(&mut session.connection.clone()).await?;
        }
        Ok((session, lost))
    }

    /// Runs in the task that reads the socket, so that an envelope needs one task switch from there to the router.
    fn hear(&self, push: PushInfo, losing: &CancellationToken) {
        match push.kind {
            // With the channel and the payload.
            PushKind::Message | PushKind::SMessage => {
                let Some(Value::BulkString(payload)) = push.data.into_iter().nth(1) else { return };
                if let Err(mpsc::error::TrySendError::Full(_)) = self.inbox.try_send(payload.into()) {
                    self.dropped.fetch_add(1, Ordering::Relaxed);
                }
            }
            // We never ask for it: the slot has moved to another server.
            PushKind::Unsubscribe | PushKind::SUnsubscribe => losing.cancel(),
            // The other kinds only confirm what we asked for.
            _ => {}
        }
    }
}
