//! Which other nodes must hear of a change, and how they are told, by one of two routes.
//!
//! - [`Routing::Broadcast`]: everything goes to all nodes; each looks whether it has somebody to hand it to.
//! - [`Routing::Directed`]: it goes to the nodes that have a member of the conversation, by the presence registry.
//!
//! Both may fail or be wrong without harm: the store has the change, and every node follows the store.

use super::{Node, Routing};
use crate::bus::{
    Destination,
    envelope::{Bundle, Envelope, Signal},
};
use crate::store::Membership;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use trunkline_protocol::{ConversationId, NodeId, Seq, UserId};

/// Batches that may wait to be routed. Beyond that they are dropped: following the store is the faster way then.
pub const QUEUE: usize = 256;
/// Member lists kept, by conversation. Emptied when full: it fills again by reading.
const MEMBER_LISTS: usize = 10_000;

/// How long a list is believed for a signal, which does not say which list it goes to.
const BELIEVED: Duration = Duration::from_secs(10);

/// Something on its way to the nodes of a conversation's members.
#[derive(Clone, Debug)]
pub struct Outbound {
    /// Whose members are to hear of it.
    pub conversation: ConversationId,
    /// Which member list it goes to; `None` for what may be lost, which goes to those who were in it lately.
    pub members_at: Option<Seq>,
    /// Who must hear of it besides: it removes them.
    pub removed: Option<UserId>,
    /// What is told.
    pub envelope: Envelope,
}

/// Member lists by conversation, and when they were read; exact as long as their `members_at` is the change's.
type Lists = HashMap<ConversationId, (Membership, Instant)>;

impl Node {
    /// Hands on what members elsewhere are to hear of. Never waits.
    pub(super) fn hand_to_router(&self, routed: Vec<Outbound>) {
        // One process alone has nobody to tell.
        if routed.is_empty() || self.bus.is_alone() {
            return;
        }
        if let Err(dropped) = self.outbound.try_send(routed) {
            let count = dropped.into_inner().iter().filter(|dropped| dropped.members_at.is_some()).count();
            self.metrics.nudges_dropped.inc_by(count as u64);
        }
    }

    /// Hands on a signal about a conversation.
    pub(super) fn route_signal(&self, conversation: ConversationId, signal: Signal) {
        let envelope = Envelope::Signal(signal);
        self.hand_to_router(vec![Outbound { conversation, members_at: None, removed: None, envelope }]);
    }
}

/// Runs until the node stops and all that waits is published.
pub async fn run(node: Arc<Node>, mut routed: mpsc::Receiver<Vec<Outbound>>) {
    let mut lists = Lists::new();
    let mut waiting = Vec::new();
    loop {
        let count = tokio::select! {
            biased;
            count = routed.recv_many(&mut waiting, QUEUE) => count,
            () = node.stop.cancelled() => { routed.close(); routed.recv_many(&mut waiting, QUEUE).await }
        };
        if count == 0 {
            return;
        }
        let batch: Vec<_> = waiting.drain(..).flatten().collect();
        let mut post = Post::new(&node);
        match node.routing {
            Routing::Broadcast => batch.iter().for_each(|change| post.tell_all(change)),
            Routing::Directed => direct(&mut post, &mut lists, &batch).await,
        }
        post.send();
    }
}

/// What goes out together: one bundle for each destination.
struct Post<'a> {
    node: &'a Node,
    all: Bundle,
    nodes: BTreeMap<NodeId, Bundle>,
}

impl<'a> Post<'a> {
    fn new(node: &'a Node) -> Self {
        Self { node, all: Bundle::default(), nodes: BTreeMap::new() }
    }

    fn tell_all(&mut self, change: &Outbound) {
        self.note(change, None);
        self.all.push(&change.envelope);
        if self.all.is_full() {
            publish(self.node, Destination::All, std::mem::take(&mut self.all));
        }
    }

    fn tell_nodes(&mut self, nodes: BTreeSet<NodeId>, change: &Outbound) {
        self.note(change, Some(nodes.iter().copied().collect()));
        for node in nodes {
            let bundle = self.nodes.entry(node).or_default();
            bundle.push(&change.envelope);
            if bundle.is_full() {
                publish(self.node, Destination::Nodes(&[node]), std::mem::take(bundle));
            }
        }
    }

    fn note(&self, change: &Outbound, nodes: Option<Arc<[NodeId]>>) {
        if change.members_at.is_some() {
            self.node.metrics.nudges_sent.inc();
        }
        if let Envelope::Change(told) = &change.envelope {
            self.node.trace.told(told.conversation, told.seq, nodes);
        }
    }

    fn send(self) {
        publish(self.node, Destination::All, self.all);
        for (node, bundle) in self.nodes {
            publish(self.node, Destination::Nodes(&[node]), bundle);
        }
    }
}

fn publish(node: &Node, to: Destination<'_>, bundle: Bundle) {
    if let Some(bytes) = bundle.finish() {
        node.bus.publish(to, bytes);
    }
}

async fn direct(post: &mut Post<'_>, lists: &mut Lists, batch: &[Outbound]) {
    let node = post.node;
    for change in batch {
        remember_members(node, lists, change).await;
    }
    let users: BTreeSet<UserId> = batch.iter().flat_map(|change| recipients(lists, change)).collect();
    let seen = node.whereabouts(&users.into_iter().collect::<Vec<_>>()).await;
    for change in batch {
        // Nobody knows who is where, or who they are: tell everyone rather than no one.
        if seen.in_doubt_since.is_some() || !lists.contains_key(&change.conversation) {
            post.tell_all(change);
            continue;
        }
        let here = node.id();
        let at = recipients(lists, change).filter_map(|user| seen.users.get(&user)).flatten().copied();
        let nodes: BTreeSet<NodeId> = at.filter(|&at| at != here).collect();
        if !nodes.is_empty() {
            post.tell_nodes(nodes, change);
        }
    }
}

fn recipients<'a>(lists: &'a Lists, change: &'a Outbound) -> impl Iterator<Item = UserId> + 'a {
    let members = lists.get(&change.conversation).into_iter().flat_map(|(list, _)| list.users.iter().copied());
    members.chain(change.removed)
}

async fn remember_members(node: &Node, lists: &mut Lists, change: &Outbound) {
    let is_good = |(list, read): &(Membership, Instant)| match change.members_at {
        Some(members_at) => list.members_at >= members_at,
        None => read.elapsed() < BELIEVED,
    };
    if lists.get(&change.conversation).is_some_and(is_good) {
        return;
    }
    if lists.len() >= MEMBER_LISTS {
        lists.clear();
    }
    match node.store.membership(change.conversation).await {
        Ok(list) => {
            lists.insert(change.conversation, (list, Instant::now()));
        }
        Err(error) => {
            lists.remove(&change.conversation);
            tracing::warn!(conversation = %change.conversation, error = %error, "could not read who is to be told");
        }
    }
}
