//! One fault, or two at once: people talk, it happens, it is made good, and everything is looked at.

use super::check::{self, Evidence, Verdict};
use super::cluster::Cluster;
use super::device::Device;
use super::faults::strike::{Field, strike};
use super::faults::wound::{Left, Strike, heal};
use super::faults::{Extent, Fault, Part};
use super::proxy::Cut;
use super::rest;
use super::rng::Rng;
use super::row::{Figures, Row, Times};
use super::town::witness::Revocation;
use super::town::{Town, talk, witness};
use anyhow::{Result, ensure};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, sleep_until};
use trunkline_protocol::Millis;
use trunkline_protocol::client::Link;

/// How long people talk before it happens.
const BEFORE: Duration = Duration::from_millis(400);
/// How long clients have to notice that they are to come back, so that they spread over all nodes.
const SPREAD: Duration = Duration::from_millis(100);
/// How long people talk after it was made good.
const AFTER: Duration = Duration::from_millis(600);
/// I11: from the end of the last fault until all is at rest.
const RECOVERED_WITHIN: Duration = Duration::from_secs(15);
/// I12: with all nudges dropped, from an ack to the last device.
const DELIVERED_WITHIN: Millis = 12_000;
/// I15: from the end of a session to the last that is heard, and with Redis in trouble.
const REVOKED_WITHIN: (Millis, Millis) = (2_000, 4_000);
/// How much longer it is waited for what is late already: whether it comes at all is another question.
const GRACE: Duration = Duration::from_secs(15);
/// How long it may take until all is well before anything happens.
const WELL_WITHIN: Duration = Duration::from_secs(40);
/// After which part of a fault a session is ended.
const ENDS_AFTER: Duration = Duration::from_millis(700);

/// Where it happens.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) cluster: Cluster,
    town: Arc<Town>,
    rng: Rng,
    tasks: Vec<AbortHandle>,
    set: Instant,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl Stage {
    /// A cluster, and people who are connected to it.
    ///
    /// # Errors
    /// If something does not start.
    pub(crate) async fn set(cluster: Cluster, mut rng: Rng) -> Result<Self> {
        let town = Town::found(&cluster).await?;
        let nodes = cluster.addresses();
        let mut chance = || Rng::new(rng.next());
        let tasks = [
            tokio::spawn(talk::run(town.clone(), chance())).abort_handle(),
            tokio::spawn(witness::read_after_acks(town.clone(), nodes.clone(), chance())).abort_handle(),
            tokio::spawn(witness::change_members(town.clone(), nodes, chance())).abort_handle(),
        ];
        Ok(Self { cluster, town, rng, tasks: tasks.to_vec(), set: Instant::now() })
    }

    /// How long it has been there.
    pub(crate) fn age(&self) -> Duration {
        self.set.elapsed()
    }

    /// Lets these happen at the same time.
    ///
    /// # Errors
    /// If one does not come about, or is not got over so that the next could begin.
    pub(crate) async fn round(&mut self, faults: &[Fault], extent: Extent, old: Option<PathBuf>) -> Result<Row> {
        self.becomes_well().await?;
        let clock = self.town.history.clock;
        let begun = clock.now();
        let door = self.cluster.door.address;
        let revocation = Revocation::begin(&self.town, self.cluster.addresses(), door).await?;
        self.town.talk();
        sleep(BEFORE).await;
        let longest = faults.iter().map(|fault| fault.lasts(extent)).max().unwrap_or_default();
        let (town, within) = (self.town.clone(), longest + WELL_WITHIN);
        let revoking = tokio::spawn(async move {
            let ended = revocation.end_after(&town, ENDS_AFTER, within).await;
            (revocation, ended)
        });
        let Strike { what, wounds, wrong } = self.strike(faults, extent, old).await?;
        let mut verdict = Verdict::default();
        wrong.into_iter().for_each(|(invariant, wrong)| verdict.add(invariant, [wrong]));
        sleep(longest).await;
        let left = heal(&mut self.cluster, wounds).await?;
        let (healed, deadline) = (clock.now(), Instant::now() + RECOVERED_WITHIN);
        sleep(AFTER).await;
        self.town.hush().await;
        let late = self.comes_to_rest(&left, deadline).await;
        verdict.add(11, late);
        let (revocation, ended) = revoking.await?;
        let (fresh, differences) = rest::compared(&self.town, &self.cluster).await?;
        for (invariant, what) in differences {
            verdict.add(invariant, [what]);
        }
        if let Some(ended) = ended {
            verdict.add(15, self.revoked(&revocation, faults, ended, healed).await);
        }
        revocation.finish(&self.town);
        let lives = self.judge(fresh, &mut verdict);
        let figures = {
            let events = self.town.history.events();
            Figures::of(&events, &lives, Times { begun, healed }, &verdict)
        };
        if faults.contains(&Fault::NudgesDropped) && figures.slowest > DELIVERED_WITHIN {
            verdict.add(12, [format!("a message took {} ms", figures.slowest)]);
        }
        for guest in &left.guests {
            self.town.leave(guest);
        }
        let figures = Figures { took: clock.now() - begun, ..figures };
        let asked = |invariant| asked(faults, invariant) && (invariant != 15 || ended.is_some());
        Ok(Row::judged(faults, self.cluster.plan.database, what, &verdict, asked, figures))
    }

    /// Makes them happen, one right after the other.
    async fn strike(&mut self, faults: &[Fault], extent: Extent, old: Option<PathBuf>) -> Result<Strike> {
        let mut all = Strike::default();
        for (node, fault) in self.targets(faults) {
            let (cluster, town, rng) = (&mut self.cluster, &self.town, &mut self.rng);
            let field = &mut Field { cluster, town, rng, extent, node, old: old.clone() };
            let struck = match strike(fault, field).await {
                Ok(struck) => struck,
                Err(error) => {
                    // What is left of the others must not meet whoever comes next.
                    heal(&mut self.cluster, all.wounds).await?;
                    return Err(error.context(format!("{} could not be done", fault.says())));
                }
            };
            let between = if all.what.is_empty() { "" } else { "; " };
            all.what = format!("{}{between}{}", all.what, struck.what);
            all.wounds.extend(struck.wounds);
            all.wrong.extend(struck.wrong);
        }
        Ok(all)
    }

    /// Two faults do not happen to the same node.
    fn targets(&mut self, faults: &[Fault]) -> Vec<(usize, Fault)> {
        let first = self.rng.below(super::cluster::NODES);
        faults.iter().enumerate().map(|(number, fault)| ((first + number) % super::cluster::NODES, *fault)).collect()
    }

    async fn becomes_well(&self) -> Result<()> {
        let until = Instant::now() + WELL_WITHIN;
        // A node that was gone has nobody any more, and what happens to it next would matter to nobody.
        self.cluster.door.link().cut(Cut::Reset);
        sleep(SPREAD).await;
        while !self.cluster.is_well().await {
            ensure!(Instant::now() < until, "the cluster is not well, before anything happens");
            sleep(Duration::from_millis(50)).await;
        }
        let settled = rest::settled(&self.town, until).await;
        settled.map_err(|waits| anyhow::anyhow!("not at rest before anything happens: {}", waits.join("; ")))
    }

    /// Who is not at rest in time (I11), crowd included.
    async fn comes_to_rest(&self, left: &Left, deadline: Instant) -> Vec<String> {
        let is_late = |device: &Device| device.view().client.link() != Link::Live;
        while left.crowd.iter().any(is_late) && Instant::now() < deadline {
            sleep(Duration::from_millis(50)).await;
        }
        let mut wrong = Vec::new();
        let late = left.crowd.iter().filter(|device| is_late(device)).count();
        if late > 0 {
            wrong.push(format!("{late} of {} were not served again in time", left.crowd.len()));
        }
        if let Err(late) = rest::settled(&self.town, deadline).await {
            let ever = rest::settled(&self.town, deadline + GRACE).await;
            let after = if ever.is_ok() { "late" } else { "still not" };
            wrong.extend(late.into_iter().map(|what| format!("{after} at rest: {what}")));
        }
        wrong
    }

    async fn revoked(&self, revocation: &Revocation, faults: &[Fault], ended: Millis, healed: Millis) -> Vec<String> {
        let in_trouble = |fault: &Fault| matches!(fault.part(), Part::Redis | Part::Wires | Part::Nodes);
        let limit = if faults.iter().any(in_trouble) { REVOKED_WITHIN.1 } else { REVOKED_WITHIN.0 };
        // What was held back on its way, or frozen with its node, was said before.
        let held = faults.iter().any(|fault| fault.holds_back());
        let since = if held { ended.max(healed) } else { ended };
        sleep_until(self.town.history.clock.at(since + limit + 500)).await;
        revocation.judge(&self.town, ended, since, limit)
    }

    fn judge(&self, fresh: rest::Fresh, verdict: &mut Verdict) -> Vec<super::history::Life> {
        let lives = self.town.lives();
        let evidence = {
            let mut events = self.town.history.events();
            for (invariant, what) in std::mem::take(&mut events.wrong) {
                verdict.add(invariant, [what]);
            }
            let (sent, acked, loads) = (events.sent.clone(), events.acked.clone(), events.loads.clone());
            Evidence { sent, acked, loads, lives, logs: fresh.logs }
        };
        for (invariant, what) in check::judge(&evidence).0 {
            verdict.add(invariant, what);
        }
        evidence.lives
    }
}

/// Whether these faults bring an invariant about.
fn asked(faults: &[Fault], invariant: u8) -> bool {
    match invariant {
        10 => false,
        12 => faults.contains(&Fault::NudgesDropped),
        13 => faults.contains(&Fault::KillAfterAck),
        16 => faults.contains(&Fault::SlowReader),
        _ => true,
    }
}
