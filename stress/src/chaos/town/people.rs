//! Accounts, logins and conversations, made through the nodes' own doors.

use super::{EVERYBODY, GUEST, PINNED, REVOKED, SLOW, TALKERS};
use crate::chaos::cluster::ask::{Answer, Ask};
use crate::chaos::device::Owner;
use crate::users::{PASSWORD, User, Users};
use anyhow::{Context as _, Result, ensure};
use std::net::SocketAddr;
use std::time::Duration;
use trunkline_protocol::{ConversationId, UserId};

/// How long an answer may take when nothing is wrong: a password is hashed before some.
const ANSWER: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Debug)]
pub(crate) struct People {
    users: Vec<User>,
    /// Conversations, each with who talks there.
    pub(crate) talks: Vec<(ConversationId, Vec<usize>)>,
    /// Where somebody comes and goes, and nobody else does anything.
    pub(crate) changing: ConversationId,
    /// Of the pinned, and the watcher.
    pub(crate) pinned: ConversationId,
    /// Of who reads slowly, and some who say much.
    pub(crate) flooded: ConversationId,
}

impl People {
    /// Makes them all.
    ///
    /// # Errors
    /// If a node refuses.
    pub(crate) async fn make(nodes: Vec<SocketAddr>) -> Result<Self> {
        let known = nodes.clone();
        let made = tokio::task::spawn_blocking(move || {
            let mut users = Users::default();
            users.grow(&known, EVERYBODY, 2).map(|()| users)
        });
        let Users { users, conversations } = made.await??;
        let node = nodes[0];
        let pairs = conversations.get(&2).context("there are no pairs")?.iter().take(TALKERS / 2);
        let pairs = pairs.zip(0..).map(|(&id, pair)| (ConversationId(id), vec![2 * pair, 2 * pair + 1]));
        let mut talks: Vec<_> = pairs.collect();
        let all: Vec<_> = (0..TALKERS).collect();
        let everyone: Vec<_> = all.iter().copied().chain([REVOKED]).collect();
        talks.push((group(node, &users, &everyone).await?, all.clone()));
        for team in all.chunks(5) {
            talks.push((group(node, &users, team).await?, team.to_vec()));
        }
        let changing = group(node, &users, &[0, 1, 2, 3, GUEST]).await?;
        talks.push((changing, vec![0, 1, 2, 3]));
        let watched: Vec<_> = [0].into_iter().chain(PINNED).collect();
        let pinned = group(node, &users, &watched).await?;
        let flooded = group(node, &users, &[4, 5, 6, 7, SLOW]).await?;
        Ok(Self { users, talks, changing, pinned, flooded })
    }

    /// The id of somebody.
    pub(crate) fn id(&self, user: usize) -> UserId {
        UserId(self.users[user].id)
    }

    /// So many more, who do nothing but be there.
    ///
    /// # Errors
    /// If a node refuses.
    pub(crate) async fn onlookers(&self, nodes: Vec<SocketAddr>, count: usize, door: SocketAddr) -> Result<Vec<Owner>> {
        let mut users = Users { users: self.users.clone(), ..Users::default() };
        let known = users.users.len();
        let made = tokio::task::spawn_blocking(move || {
            // In no conversation: none has room for so many.
            users.grow(&nodes, known + count, usize::MAX).map(|()| users)
        });
        let users = made.await??.users;
        Ok(users[known..].iter().map(|user| user.at(door)).collect())
    }

    /// The ids of all.
    pub(crate) fn ids(&self) -> Vec<UserId> {
        (0..self.users.len()).map(|user| self.id(user)).collect()
    }

    /// Who has this id.
    pub(crate) fn number(&self, id: UserId) -> Option<usize> {
        self.users.iter().position(|user| user.id == id.0)
    }

    /// The login name of somebody.
    pub(crate) fn name(&self, user: usize) -> &str {
        &self.users[user].name
    }

    /// The session of somebody.
    pub(crate) fn cookie(&self, user: usize) -> &str {
        &self.users[user].cookie
    }

    /// Somebody who connects there.
    pub(crate) fn owner(&self, user: usize, door: SocketAddr) -> Owner {
        self.users[user].at(door)
    }

    /// The same, logged in once more.
    ///
    /// # Errors
    /// If the node refuses.
    pub(crate) async fn log_in(&self, user: usize, node: SocketAddr, door: SocketAddr) -> Result<Owner> {
        let form = format!("name={}&password={}", self.name(user), PASSWORD.replace(' ', "+"));
        let answer = Ask { what: "POST /api/fn/log_in", cookie: "", body: &form }.of(node, ANSWER).await?;
        let cookie = answer.session().with_context(|| format!("no session: {}", answer.body))?;
        Ok(Owner { cookie, ..self.owner(user, door) })
    }
}

impl User {
    /// They, where they connect.
    fn at(&self, door: SocketAddr) -> Owner {
        Owner { user: UserId(self.id), name: self.name.clone(), cookie: self.cookie.clone(), door }
    }
}

/// A group of these, the first of whom owns it.
async fn group(node: SocketAddr, users: &[User], members: &[usize]) -> Result<ConversationId> {
    let names: Vec<_> = members[1..].iter().map(|&member| &users[member].name).collect();
    let body = serde_json::json!({ "name": "Group", "members": names }).to_string();
    let cookie = &users[members[0]].cookie;
    let ask = Ask { what: "POST /api/v1/conversations/group", cookie, body: &body };
    let Answer { status, body, .. } = ask.of(node, ANSWER).await?;
    ensure!((200..300).contains(&status), "a group was refused with {status}: {body}");
    let made: serde_json::Value = serde_json::from_str(&body)?;
    made["id"].as_u64().map(ConversationId).context("the group has no id")
}
