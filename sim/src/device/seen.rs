//! Whether something goes back on a device while it runs (I8).

use std::collections::BTreeMap;
use trunkline_protocol::client::Client;
use trunkline_protocol::{ConversationId, Epoch, Position, Seq, UserId};

/// What was seen of a client, to notice when something goes back.
#[derive(Default)]
pub(super) struct Seen {
    position: (Option<Epoch>, Position),
    /// By conversation and since when the user is in it: known read cursor, own read cursor, head, end of the log.
    marks: BTreeMap<(ConversationId, Seq), [Seq; 4]>,
}

impl Seen {
    /// Looks at the client after something has happened, and says what is not as it has to be.
    pub(super) fn look(&mut self, user: UserId, client: &Client) -> Vec<String> {
        let mut wrong = Vec::new();
        let position = client.position();
        let before = std::mem::replace(&mut self.position, position);
        if position.0 == before.0 && position.1 < before.1 {
            wrong.push(format!("the position went back from {} to {}", before.1, position.1));
        }
        for replica in client.replicas() {
            let conversation = replica.conversation();
            // Removed: the page is about to hear that it is out.
            let Some(known) = conversation.member(user).map(|member| member.read) else { continue };
            let end = replica.held().last().map_or(Seq(0), |last| last.seq);
            let marks = [known, replica.cursors().1, conversation.head, end];
            let key = (conversation.id, conversation.since);
            let before = self.marks.insert(key, marks).unwrap_or_default();
            if marks[..3].iter().zip(&before[..3]).any(|(now, before)| now < before) {
                wrong.push(format!("in {} something went back from {before:?} to {marks:?}", conversation.id));
            }
            if replica.held().windows(2).any(|pair| pair[0].seq.next() != pair[1].seq) {
                wrong.push(format!("the log of {} has a hole on screen", conversation.id));
            }
        }
        wrong
    }

    /// The user is no longer in it: what comes later begins anew.
    pub(super) fn forget(&mut self, conversation: ConversationId) {
        self.marks.retain(|&(id, _), _| id != conversation);
    }
}
