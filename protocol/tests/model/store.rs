//! The truth: dense logs, send keys, cursors and memberships, with commit positions.

use std::collections::BTreeMap;
use trunkline_protocol::limits::FETCH_CHANGES;
use trunkline_protocol::{
    Change, ChangeBody, Conversation, ConversationId, ConversationKind, Epoch, Member, Millis, SendKey, Seq, User,
    UserId,
};

/// A member, or somebody who was one.
#[derive(Clone, Debug)]
pub(crate) struct Membership {
    pub since: Seq,
    pub delivered: Seq,
    pub read: Seq,
    /// The position of their leaving.
    pub left: Option<u64>,
}

/// A conversation's row and log.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub kind: ConversationKind,
    pub name: Option<String>,
    pub owner: Option<UserId>,
    pub log: Vec<Change>,
    pub members: BTreeMap<UserId, Membership>,
    pub touched: u64,
    /// When who was in it: from the change that let them in to the one that removed them, if any.
    pub periods: Vec<(UserId, Seq, Option<Seq>)>,
}

impl Row {
    pub(crate) fn head(&self) -> Seq {
        Seq(self.log.len() as u64)
    }

    pub(crate) fn member(&self, user: UserId) -> Option<&Membership> {
        self.members.get(&user).filter(|member| member.left.is_none())
    }

    /// Whether a change is something that a user may be shown: their own removal included.
    pub(crate) fn is_theirs(&self, user: UserId, seq: Seq) -> bool {
        let mut periods = self.periods.iter().filter(|period| period.0 == user);
        periods.any(|&(_, from, to)| from <= seq && to.is_none_or(|to| seq <= to))
    }

    pub(crate) fn unread(&self, user: UserId) -> u64 {
        let read = self.members[&user].read;
        let behind = self.log.iter().filter(|change| change.seq > read && change.author != user);
        behind.filter(|change| change.body.text().is_some()).count() as u64
    }
}

/// What an append gives.
#[derive(Clone, Debug)]
pub(crate) enum Appended {
    Fresh(Change),
    Known(Change),
    NotAMember,
}

/// The store. Cloned for a backup.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    pub epoch: Epoch,
    pub position: u64,
    pub rows: BTreeMap<ConversationId, Row>,
    pub names: BTreeMap<UserId, String>,
    pub keys: BTreeMap<SendKey, (ConversationId, Seq)>,
    /// The order in which messages were taken, over all conversations.
    pub taken: Vec<SendKey>,
}

impl Store {
    pub(crate) fn new(epoch: Epoch) -> Self {
        let names = (1..=3).map(|id| (UserId(id), format!("User {id}"))).collect();
        let taken = Vec::new();
        Self { epoch, position: 1, rows: BTreeMap::new(), names, keys: BTreeMap::new(), taken }
    }

    pub(crate) fn user(&self, id: UserId) -> User {
        User { id, name: format!("user{id}"), display_name: self.names[&id].clone() }
    }

    /// Makes a conversation; a group's log begins with its making.
    pub(crate) fn create(&mut self, id: ConversationId, kind: ConversationKind, users: &[UserId]) {
        self.position += 1;
        let fresh = Membership { since: Seq(1), delivered: Seq(0), read: Seq(0), left: None };
        let members = users.iter().map(|&user| (user, fresh.clone())).collect();
        let group = kind == ConversationKind::Group;
        let (name, owner) = (group.then(|| "Group".to_owned()), group.then(|| users[0]));
        let periods = users.iter().map(|&user| (user, Seq(1), None)).collect();
        self.rows.insert(id, Row { kind, name, owner, log: Vec::new(), members, touched: self.position, periods });
        if group {
            self.log(0, id, users[0], None, ChangeBody::Created { name: "Group".to_owned() });
            let members = users.iter().map(|&user| self.user(user)).collect();
            self.log(0, id, users[0], None, ChangeBody::MembersAdded { members });
        }
    }

    fn log(
        &mut self,
        at: Millis,
        id: ConversationId,
        author: UserId,
        key: Option<SendKey>,
        body: ChangeBody,
    ) -> Change {
        self.position += 1;
        let row = self.rows.get_mut(&id).expect("the conversation");
        let change = Change { conversation: id, seq: row.head().next(), at, author, key, body };
        row.log.push(change.clone());
        row.touched = self.position;
        change
    }

    pub(crate) fn append(
        &mut self,
        at: Millis,
        author: UserId,
        id: ConversationId,
        key: SendKey,
        text: &str,
    ) -> Appended {
        if let Some((known, seq)) = self.keys.get(&key) {
            let change = self.rows[known].log[seq.0 as usize - 1].clone();
            assert_eq!(
                (change.conversation, change.body.text()),
                (id, Some(text)),
                "a key was used for something else"
            );
            return Appended::Known(change);
        }
        if self.rows[&id].member(author).is_none() {
            return Appended::NotAMember;
        }
        let change = self.log(at, id, author, Some(key), ChangeBody::Posted { text: text.to_owned() });
        self.keys.insert(key, (id, change.seq));
        self.taken.push(key);
        Appended::Fresh(change)
    }

    pub(crate) fn rename(&mut self, at: Millis, id: ConversationId, name: String) -> Change {
        let row = self.rows.get_mut(&id).expect("the conversation");
        row.name = Some(name.clone());
        let owner = row.owner.expect("a group");
        self.log(at, id, owner, None, ChangeBody::Renamed { name })
    }

    pub(crate) fn add(&mut self, at: Millis, id: ConversationId, user: UserId) -> Option<Change> {
        let owner = self.rows[&id].owner.filter(|_| self.rows[&id].member(user).is_none())?;
        let members = vec![self.user(user)];
        let change = self.log(at, id, owner, None, ChangeBody::MembersAdded { members });
        let start = change.seq.previous();
        let member = Membership { since: change.seq, delivered: start, read: start, left: None };
        let row = self.rows.get_mut(&id).expect("the conversation");
        row.members.insert(user, member);
        row.periods.push((user, change.seq, None));
        Some(change)
    }

    pub(crate) fn remove(&mut self, at: Millis, id: ConversationId, user: UserId) -> Option<Change> {
        let owner = self.rows[&id].owner.filter(|&owner| owner != user)?;
        self.rows[&id].member(user)?;
        let change = self.log(at, id, owner, None, ChangeBody::MemberRemoved { member: user });
        let position = self.position;
        let row = self.rows.get_mut(&id).expect("the conversation");
        row.members.get_mut(&user).expect("a member").left = Some(position);
        let period = row.periods.iter_mut().rfind(|period| period.0 == user);
        period.expect("a member").2 = Some(change.seq);
        Some(change)
    }

    pub(crate) fn hand_over(&mut self, at: Millis, id: ConversationId, owner: UserId) -> Option<Change> {
        let before = self.rows[&id].owner?;
        self.rows[&id].member(owner)?;
        self.rows.get_mut(&id).expect("the conversation").owner = Some(owner);
        Some(self.log(at, id, before, None, ChangeBody::OwnerChanged { owner }))
    }

    pub(crate) fn call(&mut self, user: UserId, name: String) {
        self.position += 1;
        self.names.insert(user, name);
        for row in self.rows.values_mut().filter(|row| row.members.contains_key(&user)) {
            row.touched = self.position;
        }
    }

    /// Returns whether a cursor moved; `None` beyond the head.
    pub(crate) fn advance(&mut self, user: UserId, id: ConversationId, delivered: Seq, read: Seq) -> Option<bool> {
        let position = self.position + 1;
        let row = self.rows.get_mut(&id).expect("the conversation");
        if delivered.max(read) > row.head() {
            return None;
        }
        let member = row.members.get_mut(&user).expect("a member");
        let (read, before) = (read.max(member.read), (member.delivered, member.read));
        (member.delivered, member.read) = (delivered.max(member.delivered).max(read), read);
        let moved = before != (member.delivered, member.read);
        if moved {
            row.touched = position;
            self.position = position;
        }
        Some(moved)
    }

    pub(crate) fn describe(&self, user: UserId, id: ConversationId) -> Conversation {
        let row = &self.rows[&id];
        let since = row.members[&user].since;
        let members = row.members.iter().filter(|(_, member)| member.left.is_none());
        let member = |(&id, member): (&UserId, &Membership)| Member {
            user: self.user(id),
            delivered: member.delivered,
            read: member.read,
            since: member.since,
        };
        let mut former: Vec<_> = row.members.iter().filter_map(|(&id, member)| Some((member.left?, id))).collect();
        former.sort_unstable_by(|one, other| other.cmp(one));
        let mut seen = row.log.iter().filter(|change| change.body.text().is_some());
        let last_message = seen.next_back().filter(|change| change.seq >= since).cloned();
        Conversation {
            id,
            kind: row.kind,
            name: row.name.clone(),
            owner: row.owner,
            members: members.map(member).collect(),
            head: row.head(),
            since,
            unread: row.unread(user),
            last_message,
            former: former.into_iter().map(|(_, id)| self.user(id)).collect(),
        }
    }

    /// The conversations of a user.
    pub(crate) fn joined(&self, user: UserId) -> Vec<ConversationId> {
        self.rows.iter().filter(|(_, row)| row.member(user).is_some()).map(|(&id, _)| id).collect()
    }

    /// The conversations that a user is in, or was.
    pub(crate) fn heard_of(&self, user: UserId) -> Vec<ConversationId> {
        self.rows.iter().filter(|(_, row)| row.members.contains_key(&user)).map(|(&id, _)| id).collect()
    }

    /// Everything that happened to a user after `since`: conversations touched, conversations left.
    pub(crate) fn resume(&self, user: UserId, since: u64) -> (Vec<Conversation>, Vec<ConversationId>) {
        let touched = self.joined(user).into_iter().filter(|id| self.rows[id].touched > since);
        let conversations = touched.map(|id| self.describe(user, id)).collect();
        let is_out = |row: &Row| row.members.get(&user).and_then(|member| member.left).is_some_and(|at| at > since);
        (conversations, self.rows.iter().filter(|(_, row)| is_out(row)).map(|(&id, _)| id).collect())
    }

    /// The first seq given, and at most `limit` changes from there.
    pub(crate) fn range(&self, user: UserId, id: ConversationId, from: Seq, to: Seq, limit: u64) -> (Seq, Vec<Change>) {
        let row = &self.rows[&id];
        let from = from.max(row.members[&user].since);
        let to = to.0.min(from.0 + limit.min(FETCH_CHANGES) - 1).min(row.head().0);
        let range = (from.0 - 1) as usize..to.max(from.0 - 1) as usize;
        (from, row.log[range].to_vec())
    }
}
