//! The description of a conversation, kept up to date by newer descriptions, by changes, and by cursors.

use super::{LARGEST_GAP, Replica};
use crate::ids::{Seq, UserId};
use crate::limits::{FETCH_CHANGES, FORMER_MEMBERS};
use crate::model::{Change, ChangeBody, Conversation, Member, User};

impl Replica {
    /// Takes a description that was read from the store while changes went on coming. To be followed by
    /// [`Replica::catch_up`].
    pub fn describe(&mut self, me: UserId, given: Conversation) {
        let read = given.member(me).map_or(Seq(0), |member| member.read);
        self.unread.given(given.unread, read, given.head, self.known_read(me));
        if given.head >= self.applied.max(self.described) {
            self.replace_description(given);
        } else {
            // Overtaken by changes. Names of people and cursors are not in the log, so they may be news.
            for member in &given.members {
                self.move_cursor(member.user.id, member.delivered, member.read);
            }
            let members = given.members.into_iter().map(|member| member.user);
            given.former.into_iter().chain(members).for_each(|user| self.call(user));
        }
        self.recount(me);
    }

    /// Somebody is called this, whether they are a member or were one.
    fn call(&mut self, user: User) {
        let former = self.conversation.former.iter_mut().find(|known| known.id == user.id);
        if let Some(known) = former {
            *known = user;
        } else if let Some(known) = self.member_mut(user.id) {
            known.user = user;
        }
    }

    fn replace_description(&mut self, mut given: Conversation) {
        let head = given.head;
        for known in std::mem::take(&mut self.conversation.members) {
            self.remember_cursors(known.user.id, known.delivered, known.read);
        }
        for member in &mut given.members {
            self.take_remembered(member);
        }
        given.head = head.max(self.conversation.head);
        self.conversation = given;
        self.described = head;
        let lowest = self.lowest();
        match &self.held {
            Some(held) if held.first() >= lowest && head.0 - self.applied.0 <= LARGEST_GAP => {}
            Some(_) => self.hold_anew(self.latest(FETCH_CHANGES)),
            None => self.applied = head,
        }
        self.drop_applied();
    }

    /// A member's cursors stand here now; for the user themselves with the unread count at a head. Returns
    /// whether anything is another now.
    pub fn cursor_moved(&mut self, user: UserId, delivered: Seq, read: Seq, own: Option<(u64, Seq)>) -> bool {
        if let Some((unread, head)) = own {
            self.unread.given(unread, read, head, self.known_read(user));
        }
        let moved = self.move_cursor(user, delivered, read);
        let before = self.conversation.unread;
        if own.is_some() {
            self.recount(user);
        }
        moved || self.conversation.unread != before
    }

    /// What a change does to the description.
    pub(super) fn take_effect(&mut self, change: &Change) {
        match &change.body {
            ChangeBody::Posted { .. } => self.conversation.last_message = Some(change.clone()),
            ChangeBody::Created { name } | ChangeBody::Renamed { name } => self.conversation.name = Some(name.clone()),
            ChangeBody::OwnerChanged { owner } => self.conversation.owner = Some(*owner),
            ChangeBody::MemberRemoved { member } => {
                if let Ok(at) = self.place(*member) {
                    let gone = self.conversation.members.remove(at);
                    self.remember_cursors(*member, gone.delivered, gone.read);
                    self.conversation.former.insert(0, gone.user);
                    self.conversation.former.truncate(FORMER_MEMBERS);
                }
            }
            ChangeBody::MembersAdded { members } => {
                // What was said before they came is not theirs, so the store starts their cursors there.
                let start = change.seq.previous();
                for user in members {
                    if let Err(at) = self.place(user.id) {
                        let mut member =
                            Member { user: user.clone(), delivered: start, read: start, since: change.seq };
                        self.take_remembered(&mut member);
                        self.conversation.members.insert(at, member);
                        self.conversation.former.retain(|former| former.id != user.id);
                    }
                }
            }
            ChangeBody::Unknown => {}
        }
    }

    /// Returns whether a cursor moved.
    fn move_cursor(&mut self, user: UserId, delivered: Seq, read: Seq) -> bool {
        let Some(member) = self.member_mut(user) else {
            self.remember_cursors(user, delivered, read);
            return false;
        };
        let moved = delivered > member.delivered || read > member.read;
        member.delivered = member.delivered.max(delivered);
        member.read = member.read.max(read);
        moved
    }

    /// Cursors may overtake the changes that add somebody, again or for the first time.
    fn remember_cursors(&mut self, user: UserId, delivered: Seq, read: Seq) {
        let known = self.strangers.get_or_insert_with(user, Default::default);
        *known = (known.0.max(delivered), known.1.max(read));
    }

    fn take_remembered(&mut self, member: &mut Member) {
        let (delivered, read) = self.strangers.remove(&member.user.id).unwrap_or_default();
        member.delivered = member.delivered.max(delivered);
        member.read = member.read.max(read);
    }

    /// Where a member is among the members, who are in order; or where they would be.
    fn place(&self, user: UserId) -> Result<usize, usize> {
        self.conversation.members.binary_search_by_key(&user, |member| member.user.id)
    }

    fn member_mut(&mut self, user: UserId) -> Option<&mut Member> {
        let at = self.place(user).ok()?;
        self.conversation.members.get_mut(at)
    }
}
