//! A conversation's log, and who may see what of it.

use trunkline_protocol::{Change, ChangeBody, Conversation, ConversationKind, Seq, UserId};

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    /// Everything from the first change on.
    pub(crate) changes: Vec<Change>,
    /// The two who are in it, if it is no group.
    pair: Option<Vec<UserId>>,
}

impl Log {
    /// Of this conversation.
    pub(crate) fn new(conversation: &Conversation, changes: Vec<Change>) -> Self {
        let members = || conversation.members.iter().map(|member| member.user.id).collect();
        Self { changes, pair: (conversation.kind == ConversationKind::Direct).then(members) }
    }

    /// The change at a seq, if there is one.
    pub(crate) fn at(&self, seq: Seq) -> Option<&Change> {
        let index = usize::try_from(seq.0.checked_sub(1)?).ok()?;
        self.changes.get(index).filter(|change| change.seq == seq)
    }

    /// The parts that a user may see, first and last seq.
    pub(crate) fn visible(&self, user: UserId) -> Vec<(Seq, Seq)> {
        const EVER: Seq = Seq(u64::MAX);
        if let Some(pair) = &self.pair {
            return if pair.contains(&user) { vec![(Seq(1), EVER)] } else { Vec::new() };
        }
        let mut parts: Vec<(Seq, Seq)> = Vec::new();
        for change in &self.changes {
            let is_in = parts.last().is_some_and(|part| part.1 == EVER);
            match &change.body {
                ChangeBody::Created { .. } if change.author == user => parts.push((change.seq, EVER)),
                // The first members belong to it from its beginning.
                ChangeBody::MembersAdded { members } if !is_in && members.iter().any(|member| member.id == user) => {
                    let first = if change.seq == Seq(2) { Seq(1) } else { change.seq };
                    parts.push((first, EVER));
                }
                ChangeBody::MemberRemoved { member } if *member == user => {
                    parts.iter_mut().filter(|part| part.1 == EVER).for_each(|part| part.1 = change.seq);
                }
                _ => {}
            }
        }
        parts
    }
}
