//! What a storm found.

use crate::load::report::Latency;
use serde::Serialize;
use std::fmt;

/// One storm.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Report {
    /// Clients that lost their node.
    pub(crate) clients: usize,
    /// Those that were served again.
    pub(crate) served: usize,
    /// Connections they tried.
    pub(crate) tries: u64,
    /// Seconds from the cut until the last one was served.
    pub(crate) seconds: f64,
    /// From the cut until each was served.
    pub(crate) since_cut_ms: Latency,
    /// From the first try to come back until each was served.
    pub(crate) since_return_ms: Latency,
    /// CPU seconds that the servers which are left used for all of it.
    pub(crate) cpu_seconds: f64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { clients, served, tries, seconds, since_cut_ms, since_return_ms, cpu_seconds } = self;
        writeln!(f, "{served} of {clients} clients served again after {seconds:.1} s, with {tries} connections")?;
        writeln!(f, "since the cut     {since_cut_ms}")?;
        writeln!(f, "since they came   {since_return_ms}")?;
        write!(f, "CPU               {cpu_seconds:.2} s")
    }
}
