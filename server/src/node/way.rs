//! The way of one message, put together from what the store knows for good and what the nodes remember.

use super::Node;
use super::questions::{Answer, Question};
use super::trace::Found;
use crate::store::StoreError;
use std::collections::BTreeMap;
use trunkline_protocol::{Change, Conversation, ConversationId, Member, NodeId, Seq, UserId};

/// What is known of a message's way.
#[derive(Clone, Debug)]
pub struct Way {
    /// The message, as the store has it.
    pub change: Change,
    /// Everybody else who is in the conversation now and may see it, with how far they have come: the store's word.
    pub recipients: Vec<Member>,
    /// What each node remembers; `None` for one that did not answer.
    pub nodes: BTreeMap<NodeId, Option<Found>>,
    /// Whether there may be nodes that are not named.
    pub incomplete: bool,
}

/// Why a message's way is not shown.
#[derive(Debug, thiserror::Error)]
pub enum WayError {
    /// The conversation has no message at this seq.
    #[error("there is no message at this seq")]
    UnknownMessage,
    /// Somebody else sent it.
    #[error("only who sent a message may see which way it took")]
    NotTheSender,
    /// The store could not be read, or the conversation is not the viewer's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Node {
    /// The way of a message, for who sent it, as long as they are in the conversation, or for an administrator.
    ///
    /// # Errors
    /// As [`WayError`] says.
    pub async fn way(
        &self,
        viewer: UserId,
        admin: bool,
        conversation: ConversationId,
        seq: Seq,
    ) -> Result<Way, WayError> {
        let change = if admin {
            self.store.changes(conversation, seq, seq).await?.pop()
        } else {
            self.store.range(viewer, conversation, seq, seq).await?.changes.pop()
        };
        let change = change.filter(|change| change.seq == seq && change.body.text().is_some());
        let change = change.ok_or(WayError::UnknownMessage)?;
        if change.author != viewer && !admin {
            return Err(WayError::NotTheSender);
        }
        let question = Question::Trace { conversation, seq, at: change.at };
        // Asked before the store is: what it says of who has received it then is not older than what they say.
        let answers = self.ask_all(question).await;
        let nodes = answers.nodes.into_iter().map(|(node, answer)| {
            let found = match answer {
                Some(Answer::Trace(found)) => Some(found),
                _ => None,
            };
            (node, found)
        });
        let nodes = nodes.collect();
        let members = self.description_by_anyone(conversation, change.author).await?.map(|known| known.members);
        let recipients = members.unwrap_or_default().into_iter();
        let recipients = recipients.filter(|member| member.user.id != change.author && member.since <= seq).collect();
        Ok(Way { change, recipients, nodes, incomplete: answers.incomplete })
    }

    /// A conversation as its author sees it, or somebody else who is in it; `None` if nobody is.
    async fn description_by_anyone(
        &self,
        conversation: ConversationId,
        author: UserId,
    ) -> Result<Option<Conversation>, StoreError> {
        let members = self.store.membership(conversation).await?.users;
        let viewer = if members.contains(&author) { Some(author) } else { members.first().copied() };
        match viewer {
            Some(viewer) => self.description(viewer, conversation).await,
            None => Ok(None),
        }
    }
}
