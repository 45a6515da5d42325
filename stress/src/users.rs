//! The people of the load: accounts, logins and conversations, made through the nodes' own doors and kept in a file, so
//! that a prepared database and this file serve many runs. (A registration costs tens of milliseconds of Argon2.)

use crate::http::{Answer, Caller};
use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// Everybody's.
pub(crate) const PASSWORD: &str = "a password for load";
const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
/// Requests at once.
const AT_ONCE: usize = 8;
/// How often something is asked again that was refused for the moment, and after which pause.
const TRIES: (u32, Duration) = (100, Duration::from_millis(200));

/// Everybody.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Users {
    /// In order of their numbers.
    pub(crate) users: Vec<User>,
    /// Conversations by the number of members: those of size `n` hold the users `0..n`, `n..2n` …
    pub(crate) conversations: BTreeMap<usize, Vec<u64>>,
}

/// Somebody with an account and a login.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct User {
    /// Login name.
    pub(crate) name: String,
    /// Id.
    pub(crate) id: u64,
    /// The `Cookie` header of the session.
    pub(crate) cookie: String,
}

impl Users {
    /// Reads the file.
    ///
    /// # Errors
    /// If it is not there or is another one.
    pub(crate) fn load(file: &Path) -> Result<Self> {
        let text = fs::read(file).with_context(|| format!("{} can not be read", file.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("{} holds no users", file.display()))
    }

    /// Writes the file.
    ///
    /// # Errors
    /// If it can not be written.
    pub(crate) fn save(&self, file: &Path) -> Result<()> {
        fs::write(file, serde_json::to_vec(self)?).with_context(|| format!("{} can not be written", file.display()))
    }

    /// Makes what is missing: accounts, and their conversations of this size.
    ///
    /// # Errors
    /// If a node refuses.
    pub(crate) fn grow(&mut self, nodes: &[SocketAddr], count: usize, size: usize) -> Result<()> {
        ensure!(size >= 2, "a conversation has two members at least");
        let known = self.users.len();
        let made = in_parallel(count.saturating_sub(known), |number| {
            let number = known + number;
            enter(nodes[number % nodes.len()], number).with_context(|| format!("user {number} could not be made"))
        })?;
        self.users.extend(made);
        let users = &self.users;
        let conversations = self.conversations.entry(size).or_default();
        let known = conversations.len();
        let made = in_parallel((count / size).saturating_sub(known), |number| {
            let at = (known + number) * size;
            let node = nodes[number % nodes.len()];
            converse(node, &users[at..at + size]).context("a conversation could not be made")
        })?;
        conversations.extend(made);
        Ok(())
    }
}

/// Makes an account, or logs into the one that is there.
fn enter(node: SocketAddr, number: usize) -> Result<User> {
    let name = format!("load-{number:05}");
    let from = address(node, number);
    let form = format!("name={name}&password={}", PASSWORD.replace(' ', "+"));
    let caller = Caller { node, from, cookie: None };
    let cookie = patiently(|| {
        let registered = caller.ask("/api/fn/register", FORM, &form)?;
        if let Some(cookie) = registered.cookie("trunkline") {
            return Ok(Some(cookie));
        }
        let logged_in = caller.ask("/api/fn/log_in", FORM, &form)?;
        Ok(logged_in.cookie("trunkline"))
    })?;
    let me = Caller { cookie: Some(&cookie), ..caller }.ask("/api/v1/me", JSON, "")?;
    ensure!(me.status == 200, "{}", String::from_utf8_lossy(&me.body));
    let me: serde_json::Value = serde_json::from_slice(&me.body)?;
    let id = me["user"]["id"].as_u64().or_else(|| me["id"].as_u64()).context("the answer has no id")?;
    Ok(User { name, id, cookie })
}

/// Makes a conversation, or finds the direct one that is there.
fn converse(node: SocketAddr, members: &[User]) -> Result<u64> {
    let [owner, others @ ..] = members else { bail!("nobody") };
    let caller = Caller { node, from: None, cookie: Some(&owner.cookie) };
    let ask = || -> Result<Answer> {
        if let [other] = others {
            let body = serde_json::json!({ "to": other.name });
            return caller.ask("/api/v1/conversations/direct", JSON, &body.to_string());
        }
        let names: Vec<_> = others.iter().map(|user| &user.name).collect();
        let body = serde_json::json!({ "name": "Load", "members": names });
        caller.ask("/api/v1/conversations/group", JSON, &body.to_string())
    };
    patiently(|| {
        let answer = ask()?;
        // Too much in hand, or too fast: it is asked again.
        if matches!(answer.status, 429 | 503) { Ok(None) } else { answer.number("id").map(Some) }
    })
}

/// Asks until there is an answer.
fn patiently<T>(mut ask: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let (tries, pause) = TRIES;
    for _ in 0..tries {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        thread::sleep(pause);
    }
    bail!("the node refused {tries} times")
}

/// An address of this machine for each user: nodes count new accounts by place.
fn address(node: SocketAddr, number: usize) -> Option<IpAddr> {
    let [_, _, high, low] = u32::try_from(number + 1).unwrap_or(1).to_be_bytes();
    (node.is_ipv4() && node.ip().is_loopback()).then(|| Ipv4Addr::new(127, 9, high, low).into())
}

/// The results for `0..count`, in order.
fn in_parallel<T: Send>(count: usize, work: impl Fn(usize) -> Result<T> + Sync) -> Result<Vec<T>> {
    let next = AtomicUsize::new(0);
    let mut results = thread::scope(|scope| {
        let worker = || {
            let mut done = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return Ok(done);
                }
                match work(number) {
                    Ok(result) => done.push((number, result)),
                    Err(error) => {
                        // The others need not go on.
                        next.store(count, Ordering::Relaxed);
                        return Err(error);
                    }
                }
            }
        };
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(worker)).collect();
        let joined = workers.into_iter().map(|worker| worker.join().unwrap_or_else(|_| bail!("a thread panicked")));
        joined.collect::<Result<Vec<_>>>().map(|parts| parts.into_iter().flatten().collect::<Vec<_>>())
    })?;
    results.sort_unstable_by_key(|&(number, _)| number);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_in_parallel_keeps_its_order_and_stops_at_an_error() {
        let squares = in_parallel(1_000, |number| Ok(number * number)).unwrap();
        assert_eq!(squares, (0..1_000).map(|number| number * number).collect::<Vec<_>>());
        let failed = in_parallel(1_000, |number| if number == 500 { bail!("no") } else { Ok(()) });
        assert!(failed.is_err());
    }

    #[test]
    fn every_user_has_an_address_of_their_own() {
        let node = SocketAddr::from(([127, 0, 0, 1], 1));
        let addresses: std::collections::BTreeSet<_> = (0..10_000).map(|number| address(node, number)).collect();
        assert_eq!(addresses.len(), 10_000);
        assert_eq!(address(SocketAddr::from(([10, 0, 0, 1], 1)), 1), None);
    }
}
