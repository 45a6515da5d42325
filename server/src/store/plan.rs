//! What an amendment of a group comes to: who may, and what it writes. Every SQL store reads the group, asks here, and
//! carries out the plan before anybody else amends the group.

use super::{Amendment, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use trunkline_protocol::limits::GROUP_MEMBERS;
use trunkline_protocol::{ChangeBody, ConversationKind, Seq, User, UserId};

/// What a plan rests on.
pub(super) struct Group {
    /// Only groups are amended.
    pub(super) kind: ConversationKind,
    /// What it is called.
    pub(super) name: Option<String>,
    /// Whose it is.
    pub(super) owner: Option<UserId>,
    /// Who is in it, and since when.
    pub(super) members: BTreeMap<UserId, Seq>,
}

/// What is to be written, all of it or nothing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// The changes, in order. None: nothing is to be done.
    pub(super) bodies: Vec<ChangeBody>,
    /// The new name.
    pub(super) name: Option<String>,
    /// The new owner.
    pub(super) owner: Option<UserId>,
    /// Who comes in, from the last change on.
    pub(super) joined: Vec<UserId>,
    /// Who goes.
    pub(super) left: Option<UserId>,
}

/// The first members of a new group, the owner among them, and no more of them than there may be.
pub(super) fn first_members(owner: UserId, members: &[UserId]) -> Result<BTreeSet<UserId>, StoreError> {
    let everyone: BTreeSet<_> = members.iter().copied().chain([owner]).collect();
    if everyone.len() > GROUP_MEMBERS { Err(StoreError::GroupFull) } else { Ok(everyone) }
}

/// The changes that a new group's log begins with.
pub(super) fn creation(name: &str, members: Vec<User>) -> Vec<ChangeBody> {
    vec![ChangeBody::Created { name: name.to_owned() }, ChangeBody::MembersAdded { members }]
}

impl Group {
    /// The plan for one amendment. `active` finds users who may be written to: they exist, and are not disabled.
    pub(super) fn plan<E: From<StoreError>>(
        &self,
        actor: UserId,
        amendment: Amendment,
        active: impl FnMut(UserId) -> Result<Option<User>, E>,
    ) -> Result<Plan, E> {
        if !self.members.contains_key(&actor) {
            return Err(StoreError::NotAMember.into());
        }
        if self.kind != ConversationKind::Group {
            return Err(StoreError::Forbidden.into());
        }
        match amendment {
            Amendment::AddMembers(users) => self.add(&users, active),
            Amendment::RemoveMember(user) if user == actor => Ok(self.leave(user)),
            Amendment::RemoveMember(user) => {
                self.demand_owner(actor)?;
                Ok(if self.members.contains_key(&user) { remove(user) } else { Plan::default() })
            }
            Amendment::Rename(name) => {
                self.demand_owner(actor)?;
                Ok(self.rename(name))
            }
            Amendment::ChangeOwner(owner) => {
                self.demand_owner(actor)?;
                Ok(self.hand_over(owner)?)
            }
            Amendment::RenameAndChangeOwner { name, owner } => {
                self.demand_owner(actor)?;
                let (mut plan, handed) = (self.rename(name), self.hand_over(owner)?);
                plan.bodies.extend(handed.bodies);
                Ok(Plan { owner: handed.owner, ..plan })
            }
        }
    }

    fn demand_owner(&self, actor: UserId) -> Result<(), StoreError> {
        if self.owner == Some(actor) { Ok(()) } else { Err(StoreError::Forbidden) }
    }

    fn add<E: From<StoreError>>(
        &self,
        users: &[UserId],
        mut active: impl FnMut(UserId) -> Result<Option<User>, E>,
    ) -> Result<Plan, E> {
        let new: BTreeSet<_> = users.iter().copied().filter(|user| !self.members.contains_key(user)).collect();
        if new.is_empty() {
            return Ok(Plan::default());
        }
        let members = new.iter().map(|user| active(*user)?.ok_or_else(|| StoreError::UnknownUser.into()));
        let members = members.collect::<Result<Vec<_>, E>>()?;
        if self.members.len() + new.len() > GROUP_MEMBERS {
            return Err(StoreError::GroupFull.into());
        }
        let bodies = vec![ChangeBody::MembersAdded { members }];
        Ok(Plan { bodies, joined: new.into_iter().collect(), ..Plan::default() })
    }

    /// The owner hands over first, so that a group with people in it is never without one of them as its owner.
    fn leave(&self, user: UserId) -> Plan {
        let others = self.members.iter().filter(|(member, _)| **member != user);
        let heir = others.min_by_key(|(member, since)| (**since, **member)).map(|(member, _)| *member);
        let mut plan = remove(user);
        if let Some(heir) = heir.filter(|_| self.owner == Some(user)) {
            plan.bodies.insert(0, ChangeBody::OwnerChanged { owner: heir });
            plan.owner = Some(heir);
        }
        plan
    }

    fn rename(&self, name: String) -> Plan {
        if self.name.as_ref() == Some(&name) {
            return Plan::default();
        }
        Plan { bodies: vec![ChangeBody::Renamed { name: name.clone() }], name: Some(name), ..Plan::default() }
    }

    fn hand_over(&self, owner: UserId) -> Result<Plan, StoreError> {
        if !self.members.contains_key(&owner) {
            return Err(StoreError::UnknownUser);
        }
        if self.owner == Some(owner) {
            return Ok(Plan::default());
        }
        Ok(Plan { bodies: vec![ChangeBody::OwnerChanged { owner }], owner: Some(owner), ..Plan::default() })
    }
}

fn remove(member: UserId) -> Plan {
    Plan { bodies: vec![ChangeBody::MemberRemoved { member }], left: Some(member), ..Plan::default() }
}
