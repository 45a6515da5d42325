//! What it costs to tell all nodes, or only those concerned: by number of nodes, size of groups and share of
//! conversations whose members are all on one node.

use std::process::ExitCode;

use anyhow::{Context as _, Result};

use super::cluster::{Cluster, Prepared, Store, System};
use super::programs::ask;
use super::registry::{self, Way};
use super::table::{self, Figure};
use super::{Extent, number};
use crate::progress::{Progress, note};
use crate::workspace::Workspace;

/// Where the results go.
const DOCUMENT: &str = "docs/decisions/routing.md";
/// Users: a multiple of every size of group, and few enough that eight nodes on one core serve them.
pub(super) const USERS: usize = 960;
const SIZES: [usize; 3] = [2, 8, 32];
const ROUTINGS: [&str; 2] = ["broadcast", "directed"];

/// One setting.
#[derive(Clone, Copy, Debug)]
struct Case {
    nodes: usize,
    group: usize,
    local: &'static str,
}

/// One after the other, each differs from the first of its kind in one thing.
const CASES: [Case; 8] = [
    Case { nodes: 2, group: 2, local: "0" },
    Case { nodes: 4, group: 2, local: "0" },
    Case { nodes: 8, group: 2, local: "0" },
    Case { nodes: 4, group: 2, local: "0.5" },
    Case { nodes: 4, group: 2, local: "1" },
    Case { nodes: 4, group: 8, local: "0" },
    Case { nodes: 8, group: 8, local: "0" },
    Case { nodes: 4, group: 32, local: "0" },
];

/// What one way of routing costs in one setting.
#[derive(Debug, Default)]
struct Cost {
    delivered: Figure,
    cpu: Figure,
    redis: Figure,
    /// Bytes out of Redis for each byte in.
    ratio: Figure,
    /// Bytes out of Redis for each delivered message.
    bytes: Figure,
    /// Nothing was lost, doubled, altered or out of order.
    faulty: bool,
}

/// Measures and writes the table.
///
/// # Errors
/// As for all measurements.
pub(crate) fn run(workspace: &Workspace, extent: Extent) -> Result<ExitCode> {
    let built = super::build(workspace, extent)?;
    let cases = if extent.quick { &CASES[..3] } else { &CASES[..] };
    let mut progress = Progress::new(2 + cases.len() * ROUTINGS.len() * extent.rounds as usize);
    let prepared = progress.step("Making accounts", || Prepared::make(&built, Store::Sqlite, USERS, &SIZES))?;
    let mut costs: Vec<[Cost; 2]> = cases.iter().map(|_| Default::default()).collect();
    for _ in 0..extent.rounds {
        for (case, costs) in cases.iter().zip(&mut costs) {
            for (routing, cost) in ROUTINGS.iter().zip(costs) {
                let Case { nodes, group, local } = *case;
                let title = format!("{routing}: {nodes} nodes, groups of {group}, {local} local");
                progress.step(&title, || {
                    let system = System::Trunkline(Store::Sqlite, false);
                    let cluster = Cluster::start(&built, system, nodes, Some(&prepared), &["--routing", routing])?;
                    let (users, group) = (USERS.to_string(), group.to_string());
                    // As many messages on their way to somebody whatever the size of the group.
                    let in_flight = if group == "2" { "4" } else { "1" };
                    let args = ["--count", &users, "--group", &group, "--local", local, "--in-flight", in_flight];
                    let times = if extent.quick {
                        ["--warmup", "1", "--seconds", "4"]
                    } else {
                        ["--warmup", "2", "--seconds", "8"]
                    };
                    let before = traffic(cluster.redis)?;
                    let report = cluster.load(&built, Some(&prepared), &[&args[..], &times].concat())?;
                    cost.add(&report, before, traffic(cluster.redis)?);
                    Ok(())
                })?;
            }
        }
    }
    let text = render(cases, &costs, extent);
    let registries = progress.step("The registries, at Redis alone", registries)?;
    println!("\n{text}\n{registries}");
    if !extent.quick {
        table::replace(&workspace.root.join(DOCUMENT), "figures", &text)?;
        table::replace(&workspace.root.join(DOCUMENT), "registries", &registries)?;
        println!("Wrote {DOCUMENT}.");
    }
    let faulty = costs.iter().flatten().any(|cost| cost.faulty);
    Ok(if faulty { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

impl Cost {
    fn add(&mut self, report: &serde_json::Value, before: (f64, f64), after: (f64, f64)) {
        let parts = report["cpu_micros"].as_array().map(Vec::as_slice).unwrap_or_default();
        let redis = parts.iter().find(|part| part["name"] == "redis").map_or(f64::NAN, |part| number(part, "value"));
        // All that was delivered, what was not measured included: the bytes count from the first message to the last.
        let delivered = number(report, "delivered_in_all");
        self.delivered.add(number(report, "delivered_per_second"));
        self.cpu.add(number(report, "cpu_micros_total"));
        self.redis.add(redis);
        self.ratio.add((after.1 - before.1) / (after.0 - before.0));
        self.bytes.add((after.1 - before.1) / delivered);
        self.faulty |= report["faults"].as_object().into_iter().flatten().any(|(_, count)| count != 0);
        note(&format!("{:.1} µs, {:.2} bytes out for each in", self.cpu.median(), self.ratio.median()));
    }
}

/// Bytes into Redis and out of it so far.
pub(super) fn traffic(redis: u16) -> Result<(f64, f64)> {
    let stats = ask(redis, "INFO stats\r\n").context("Redis does not answer")?;
    let value = |name: &str| {
        let line = stats.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.and_then(|value| value.trim().parse().ok()).with_context(|| format!("Redis does not say {name}"))
    };
    Ok((value("total_net_input_bytes")?, value("total_net_output_bytes")?))
}

/// What each message costs Redis, by how the receivers' nodes are found.
fn registries() -> Result<String> {
    let mut rows = Vec::new();
    for (nodes, group) in [(2, 2), (4, 2), (8, 2), (4, 8), (8, 8), (4, 32)] {
        for (way, name) in [(Way::Leases, "leases"), (Way::Channels, "a channel per user")] {
            let price = registry::measure(way, nodes, group)?;
            rows.push(vec![
                nodes.to_string(),
                group.to_string(),
                name.to_owned(),
                format!("{:.1}", price.cpu),
                format!("{:.0}", price.bytes_in),
                format!("{:.0}", price.bytes_out),
                format!("{:.2}", price.memory),
            ]);
        }
    }
    let head = ["nodes", "group", "registry", "Redis: CPU µs a message", "bytes in", "bytes out", "KiB a user"];
    Ok(table::table(&head, &rows))
}

fn render(cases: &[Case], costs: &[[Cost; 2]], extent: Extent) -> String {
    let head = [
        "nodes",
        "group",
        "local",
        "routing",
        "CPU µs a delivered message",
        "of it Redis",
        "delivered a second",
        "Redis: bytes out for each in",
        "Redis: bytes out for each delivered message",
    ];
    let mut rows = Vec::new();
    for (case, costs) in cases.iter().zip(costs) {
        for (routing, cost) in ROUTINGS.iter().zip(costs) {
            rows.push(vec![
                case.nodes.to_string(),
                case.group.to_string(),
                case.local.to_owned(),
                (*routing).to_owned(),
                cost.cpu.show(1),
                cost.redis.show(1),
                cost.delivered.show(0),
                cost.ratio.show(2),
                cost.bytes.show(0),
            ]);
        }
    }
    format!(
        "Medians of {} rounds, and what the rounds lay between. {}.\n\n{}",
        extent.rounds,
        table::machine(&[]),
        table::table(&head, &rows)
    )
}
