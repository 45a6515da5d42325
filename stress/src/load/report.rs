//! What a run found, for people and for programs.

use crate::check::Faults;
use crate::histogram::Histogram;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    /// How it was loaded, in words.
    pub(crate) mode: String,
    /// Logged-in users, each with one connection.
    pub(crate) users: usize,
    /// Nodes they were spread over.
    pub(crate) nodes: usize,
    /// Members of a conversation.
    pub(crate) group: usize,
    /// Bytes of a message's text.
    pub(crate) size: usize,
    /// Seconds that were measured.
    pub(crate) seconds: f64,
    /// Messages received by somebody in that time.
    pub(crate) delivered: u64,
    /// The same from the first message to the last, measured or not.
    pub(crate) delivered_in_all: u64,
    /// Messages received by somebody in the measured time, a second.
    pub(crate) delivered_per_second: f64,
    /// Messages acknowledged in that time, a second.
    pub(crate) acked_per_second: f64,
    /// From the time a message was due until a receiver had it, in milliseconds.
    pub(crate) delivery_ms: Latency,
    /// From the time a message was due until its sender had the ack, in milliseconds.
    pub(crate) ack_ms: Latency,
    /// CPU microseconds for each delivered message, by process, then together.
    pub(crate) cpu_micros: Vec<Share>,
    /// Sum of those.
    pub(crate) cpu_micros_total: f64,
    /// Share of its core that this program was busy: near 1 it, and not the servers, was the limit.
    pub(crate) driver_busy: f64,
    /// KiB of memory (PSS) that each idle logged-in connection added, by process.
    pub(crate) idle_kib: Vec<Share>,
    /// Sum of those.
    pub(crate) idle_kib_total: f64,
    /// Times a node asked to send again later.
    pub(crate) postponed: u64,
    /// Own messages that came as changes too.
    pub(crate) echoed: u64,
    /// What was wrong.
    pub(crate) faults: Faults,
}

/// One process' part.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Share {
    /// Its name.
    pub(crate) name: String,
    /// Its part.
    pub(crate) value: f64,
}

/// Latencies in milliseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Latency {
    p50: f64,
    p90: f64,
    p99: f64,
    p999: f64,
    most: f64,
}

impl From<&Histogram> for Latency {
    fn from(nanos: &Histogram) -> Self {
        let at = |share| nanos.quantile(share) as f64 / 1e6;
        Self { p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), most: nanos.most() as f64 / 1e6 }
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { p50, p90, p99, p999, most } = self;
        write!(f, "p50 {p50:.2}  p90 {p90:.2}  p99 {p99:.2}  p99.9 {p999:.2}  most {most:.2} ms")
    }
}

fn shares(shares: &[Share]) -> String {
    let parts: Vec<_> = shares.iter().map(|share| format!("{} {:.1}", share.name, share.value)).collect();
    parts.join(", ")
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Faults { lost, doubled, reordered, altered } = self.faults;
        let (users, nodes, group, size) = (self.users, self.nodes, self.group, self.size);
        writeln!(f, "{}: {users} users on {nodes} nodes, {group} to a conversation, {size}-byte messages", self.mode)?;
        writeln!(
            f,
            "delivered   {:.0} a second ({} in {:.1} s)",
            self.delivered_per_second, self.delivered, self.seconds
        )?;
        writeln!(f, "acked       {:.0} a second", self.acked_per_second)?;
        writeln!(f, "delivery    {}", self.delivery_ms)?;
        writeln!(f, "ack         {}", self.ack_ms)?;
        if !self.cpu_micros.is_empty() {
            writeln!(
                f,
                "CPU         {:.1} µs a delivered message ({})",
                self.cpu_micros_total,
                shares(&self.cpu_micros)
            )?;
            writeln!(f, "idle        {:.1} KiB a connection ({})", self.idle_kib_total, shares(&self.idle_kib))?;
        }
        writeln!(f, "driver      {:.0} % of its core", self.driver_busy * 100.0)?;
        writeln!(f, "postponed   {}, echoed {}", self.postponed, self.echoed)?;
        write!(f, "faults      {lost} lost, {doubled} doubled, {reordered} reordered, {altered} altered")
    }
}
