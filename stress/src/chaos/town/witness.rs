//! Who looks whether what must hold does hold at certain moments.

use super::{GUEST, REVOKED, Town};
use crate::chaos::cluster::ask::Ask;
use crate::chaos::device::{Device, Holds};
use crate::chaos::history::{Load, Sent};
use crate::chaos::rng::Rng;
use anyhow::Result;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use trunkline_protocol::Millis;

/// How long an answer may take; a node that is not well gives none.
const ANSWER: Duration = Duration::from_secs(2);
/// How often somebody reads after an ack.
const READS_EVERY: Duration = Duration::from_millis(120);
/// How often a membership changes.
const CHANGES_EVERY: Duration = Duration::from_millis(1_200);
/// How often somebody whose session is to be ended says something.
const SAYS_EVERY: Duration = Duration::from_millis(150);

/// Reads, after acks and as their owners, what was acknowledged, of whichever node (I7). Until it is aborted.
pub(crate) async fn read_after_acks(town: Arc<Town>, nodes: Vec<SocketAddr>, mut rng: Rng) {
    loop {
        sleep(READS_EVERY).await;
        let Some(_turn) = town.turn().await else { continue };
        let last = {
            let events = town.history.events();
            let acked = events.acked.iter().rev().nth(rng.below(3)).copied();
            acked.and_then(|acked| {
                let sent: Option<&Sent> = events.sent.iter().rev().find(|sent| sent.key == acked.key);
                sent.map(|sent| (acked, sent.author))
            })
        };
        let Some((acked, author)) = last else { continue };
        let Some(user) = town.people.number(author) else { continue };
        let node = rng.below(nodes.len());
        let (here, seq) = (acked.conversation, acked.seq);
        let what = format!("GET /api/v1/conversations/{here}/changes?from={seq}&to={seq}");
        let asked = Ask { what: &what, cookie: town.people.cookie(user), body: "" }.of(nodes[node], ANSWER).await;
        // No answer is no load.
        let Some(answer) = asked.ok().filter(|answer| answer.status == 200) else { continue };
        let found = answer.body.contains(&acked.key.to_string());
        let what = format!("user {author} of node {} at {seq} of {here}", node + 1);
        town.history.events().loads.push(Load { key: acked.key, found, what });
    }
}

/// Removes somebody from a group and adds them again. Until it is aborted.
pub(crate) async fn change_members(town: Arc<Town>, nodes: Vec<SocketAddr>, mut rng: Rng) {
    let (here, guest) = (town.people.changing, town.people.name(GUEST));
    let (remove, add) = (
        format!("DELETE /api/v1/conversations/{here}/members/{guest}"),
        format!("POST /api/v1/conversations/{here}/members"),
    );
    let body = serde_json::json!({ "add": [guest] }).to_string();
    loop {
        sleep(CHANGES_EVERY).await;
        if let Some(_turn) = town.turn().await {
            // What is not done is done the next time.
            let (what, body) = if rng.percent(50) { (&remove, "") } else { (&add, body.as_str()) };
            let ask = Ask { what, cookie: town.people.cookie(0), body };
            let _ = ask.of(*rng.one_of(&nodes), ANSWER).await;
        }
    }
}

/// Somebody whose session is ended while something happens (I15).
#[derive(Debug)]
pub(crate) struct Revocation {
    device: Device,
    nodes: Vec<SocketAddr>,
}

impl Revocation {
    /// Logs in, and connects.
    ///
    /// # Errors
    /// If a node that is well refuses.
    pub(crate) async fn begin(town: &Town, nodes: Vec<SocketAddr>, door: SocketAddr) -> Result<Self> {
        let owner = town.people.log_in(REVOKED, nodes[0], door).await?;
        Ok(Self { device: town.visitor(owner, Holds::Latest(1)), nodes })
    }

    /// Talks, ends the session after this time, at whichever node does it, and goes on talking for as long as it can.
    /// Gives the moment when the end of the session was confirmed, if it was.
    pub(crate) async fn end_after(&self, town: &Town, pause: Duration, within: Duration) -> Option<Millis> {
        let here = town.people.talks.iter().find(|(_, members)| members.len() == super::TALKERS)?.0;
        let talking = async {
            loop {
                self.device.send(here, format!("while it lasts {}", town.history.clock.now()));
                sleep(SAYS_EVERY).await;
            }
        };
        let ending = async {
            sleep(pause).await;
            let begun = Instant::now();
            for node in self.nodes.iter().cycle() {
                let ask = Ask { what: "POST /api/fn/log_out", cookie: &self.device.owner.cookie, body: "_=_" };
                let answered = ask.of(*node, ANSWER).await;
                // A refusal is answered by a redirection too; only who is out has their cookie taken away.
                if answered.is_ok_and(|answer| answer.session().as_deref() == Some("trunkline=")) {
                    return Some(town.history.clock.now());
                }
                if begun.elapsed() > within {
                    return None;
                }
                sleep(Duration::from_millis(50)).await;
            }
            None
        };
        let ended = tokio::select! {
            () = talking => None,
            ended = ending => ended,
        };
        // A bit longer: these must not be acknowledged.
        let _ = timeout(Duration::from_secs(1), async {
            loop {
                self.device.send(here, format!("too late {}", town.history.clock.now()));
                sleep(SAYS_EVERY).await;
            }
        })
        .await;
        ended
    }

    /// What was told too late to somebody whose session had ended then; `since` is when the clock of that begins.
    pub(crate) fn judge(&self, town: &Town, ended: Millis, since: Millis, limit: Millis) -> Vec<String> {
        let mut wrong = Vec::new();
        // A device on a dead line need not know: it hears nothing.
        let heard = self.device.view().heard;
        if heard > since + limit {
            wrong.push(format!("something was heard {} ms after the end of a session", heard - ended));
        }
        let events = town.history.events();
        let late = events.sent.iter().filter(|sent| sent.device == self.device.number && sent.at > ended);
        for sent in late {
            if events.acked.iter().any(|acked| acked.key == sent.key) {
                wrong.push(format!(
                    "a send that began {} ms after the end of a session was acknowledged",
                    sent.at - ended
                ));
            }
        }
        wrong
    }

    /// It is over. What it showed counts.
    pub(crate) fn finish(self, town: &Town) {
        town.bury(&self.device);
    }
}
