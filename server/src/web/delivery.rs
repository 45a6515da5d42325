//! The way of a message, for its page and for the HTTP API.

use super::state::AppState;
use crate::auth::accounts::refusal;
use crate::node::trace::{self, By};
use crate::node::way::{Way, WayError};
use crate::store::StoreError;
use std::collections::BTreeMap;
use trunkline_app::backend::Refusal;
use trunkline_app::backend::delivery::{
    Delivery, DeviceSteps, Found, NodeMemory, Recipient, SentMessage, SentMessages,
};
use trunkline_app::state::people::conversation_name;
use trunkline_protocol::{ConversationId, ErrorCode, Member, NodeId, Seq, User, UserId};

/// Changes among which one's own messages are looked for.
const LOOKED_AT: u64 = 100;
/// Characters of a message that are enough to know it again.
const BEGINNING: usize = 80;

/// The way of a message, as far as this viewer may see it.
///
/// # Errors
/// Why not.
pub(super) async fn load(
    state: &AppState,
    viewer: UserId,
    admin: bool,
    (conversation, seq): (ConversationId, Seq),
) -> Result<Delivery, Refusal> {
    state.node.admit_look(viewer).map_err(|_| {
        Refusal::new(ErrorCode::RateLimited, "You are looking faster than this server can; please wait a moment.")
    })?;
    let way = state.node.way(viewer, admin, conversation, seq).await.map_err(refused)?;
    let author = state.node.store.user(way.change.author).await.map_err(refusal)?;
    let author = author.ok_or_else(|| refusal(StoreError::UnknownUser))?;
    Ok(compose(way, author, viewer))
}

fn refused(error: WayError) -> Refusal {
    match error {
        WayError::Store(error) => refusal(error),
        WayError::NotTheSender => Refusal::new(ErrorCode::Forbidden, crate::text::sentence(&error.to_string())),
        WayError::UnknownMessage => Refusal::new(ErrorCode::Invalid, crate::text::sentence(&error.to_string())),
    }
}

fn compose(way: Way, author: User, viewer: UserId) -> Delivery {
    let Way { change, recipients, nodes, incomplete } = way;
    let mut devices = devices(&nodes);
    let recipient = |member: Member| Recipient {
        delivered: member.delivered.max(member.read) >= change.seq,
        read: member.read >= change.seq,
        devices: devices.remove(&member.user.id).unwrap_or_default(),
        user: member.user,
    };
    let mut recipients: Vec<_> = recipients.into_iter().map(recipient).collect();
    recipients.sort_by_cached_key(|recipient| (recipient.user.display_name.to_lowercase(), recipient.user.id));
    let memory = |(node, found): (NodeId, Option<trace::Found>)| NodeMemory { node, found: found.map(memory) };
    Delivery {
        conversation: change.conversation,
        seq: change.seq,
        key: change.key,
        at: change.at,
        text: change.body.text().filter(|_| change.author == viewer).map(str::to_owned),
        author,
        nodes: nodes.into_iter().map(memory).collect(),
        recipients,
        incomplete,
    }
}

fn memory(found: trace::Found) -> Found {
    Found {
        since: found.since,
        stored: found.stored,
        routed: found.routed.map(|routed| (routed.at, routed.to)),
        heard: found.heard.map(|heard| (heard.at, heard.by == By::Store)),
    }
}

/// What all nodes remember of each user's devices, in the order of time. A device that connects anew says again how far
/// it has come: where it was handed nothing and another one had it before, that is no news of this message. Unless it is
/// the one on which it was read first.
fn devices(nodes: &BTreeMap<NodeId, Option<trace::Found>>) -> BTreeMap<UserId, Vec<DeviceSteps>> {
    let mut all = BTreeMap::<UserId, Vec<DeviceSteps>>::new();
    for (&node, found) in nodes {
        for steps in found.iter().flat_map(|found| &found.devices) {
            let trace::DeviceSteps { user, connection, handed, fetched, written, acknowledged, read } = *steps;
            let connection = (connection > 0).then_some(connection);
            let steps = DeviceSteps { node, connection, handed, fetched, written, acknowledged, read };
            all.entry(user).or_default().push(steps);
        }
    }
    for devices in all.values_mut() {
        devices.sort_by_key(|device| device.handed.or(device.acknowledged));
        let first = devices.iter().filter_map(|device| device.acknowledged).min();
        let first_read = devices.iter().filter_map(|device| device.read).min();
        let is_reader = |device: &DeviceSteps| device.read.is_some() && device.read == first_read;
        devices.retain(|device| device.handed.is_some() || device.acknowledged == first || is_reader(device));
    }
    all
}

/// The viewer's own messages among the newest changes of a conversation.
///
/// # Errors
/// If the conversation is not theirs, or the store does not answer.
pub(super) async fn sent(
    state: &AppState,
    viewer: UserId,
    conversation: ConversationId,
) -> Result<SentMessages, Refusal> {
    let store = &state.node.store;
    let known = store.conversation(viewer, conversation).await.map_err(refusal)?;
    let from = Seq((known.head.0 + 1).saturating_sub(LOOKED_AT).max(1));
    let range = store.range(viewer, conversation, from, known.head).await.map_err(refusal)?;
    let own = range.changes.iter().rev().filter(|change| change.author == viewer);
    let messages = own.filter_map(|change| {
        let text = change.body.text()?;
        let others = || known.members.iter().filter(|member| member.user.id != viewer && member.since <= change.seq);
        Some(SentMessage {
            seq: change.seq,
            at: change.at,
            beginning: beginning(text),
            delivered: others().filter(|member| member.delivered.max(member.read) >= change.seq).count(),
            read: others().filter(|member| member.read >= change.seq).count(),
            others: others().count(),
        })
    });
    Ok(SentMessages { conversation, messages: messages.collect(), name: conversation_name(&known, viewer) })
}

fn beginning(text: &str) -> String {
    let mut letters = text.chars();
    let mut start: String = letters.by_ref().take(BEGINNING).collect();
    if letters.next().is_some() {
        start.push('…');
    }
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(connection: u64, handed: Option<i64>, acknowledged: Option<i64>) -> trace::DeviceSteps {
        let (user, fetched, written, read) = (UserId(2), false, None, None);
        trace::DeviceSteps { user, connection, handed, fetched, written, acknowledged, read }
    }

    #[test]
    fn a_device_that_came_back_is_not_taken_for_another_one() {
        let (a, b) = (NodeId::random(), NodeId::random());
        let first = trace::Found { devices: vec![steps(1, Some(10), Some(20))], ..trace::Found::default() };
        // The same device, now here: it was handed nothing.
        let again = trace::Found { devices: vec![steps(7, None, Some(90))], ..trace::Found::default() };
        let nodes = BTreeMap::from([(a, Some(first)), (b, Some(again.clone())), (NodeId::random(), None)]);
        let devices = devices(&nodes).remove(&UserId(2)).unwrap_or_default();
        assert_eq!(devices.iter().map(|device| (device.node, device.connection)).collect::<Vec<_>>(), [(a, Some(1))]);
        // Where nobody was handed anything, who says first that they have it has it from a page.
        let alone = super::devices(&BTreeMap::from([(b, Some(again))]));
        assert_eq!(alone[&UserId(2)].len(), 1);
    }

    #[test]
    fn who_was_handed_nothing_and_read_it_first_says_when_it_was_seen() {
        // It came to one page, and was read on another that was loaded with it, on the same device or not.
        let reads =
            |connection: u64, at: i64| trace::DeviceSteps { read: Some(at), ..steps(connection, None, Some(at)) };
        let page = trace::Found {
            devices: vec![steps(1, Some(10), Some(20)), reads(2, 30), reads(3, 40)],
            ..trace::Found::default()
        };
        let node = NodeId::random();
        let devices = devices(&BTreeMap::from([(node, Some(page))])).remove(&UserId(2)).unwrap_or_default();
        let seen: Vec<_> = devices.iter().map(|device| (device.connection, device.read)).collect();
        assert_eq!(seen, [(Some(1), None), (Some(2), Some(30))]);
    }

    #[test]
    fn a_long_text_is_shortened_between_characters() {
        assert_eq!(beginning("short"), "short");
        assert_eq!(beginning(&"ü".repeat(BEGINNING + 1)).chars().count(), BEGINNING + 1);
    }
}
