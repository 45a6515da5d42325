//! Thousands of clients lose their node at once and come back to the other one.

use std::process::ExitCode;

use anyhow::Result;

use super::cluster::{Cluster, Prepared, Store, System};
use super::table::{self, Figure};
use super::{DOCUMENT, Extent, number};
use crate::progress::{Progress, note};
use crate::workspace::Workspace;

/// What may pass until 99 of 100 clients are served again after the cut, and until the last one is after it came back.
const WITHIN_MS: (f64, f64) = (15_000.0, 5_000.0);

/// What was found with one number of clients.
#[derive(Debug, Default)]
struct Row {
    p50: Figure,
    p99: Figure,
    most: Figure,
    since_return: Figure,
    cpu: Figure,
    tries: Figure,
    missing: f64,
}

/// Measures and writes the table.
///
/// # Errors
/// As for all measurements.
pub(crate) fn run(workspace: &Workspace, extent: Extent) -> Result<ExitCode> {
    let built = super::build(workspace, extent)?;
    let counts: &[usize] = if extent.quick { &[2_000] } else { &[2_000, 5_000] };
    let users = counts.iter().copied().max().unwrap_or_default();
    let mut progress = Progress::new(1 + counts.len() * extent.rounds as usize);
    let prepared = progress.step("Making accounts", || Prepared::make(&built, Store::Sqlite, users, &[2]))?;
    let mut rows: Vec<Row> = counts.iter().map(|_| Row::default()).collect();
    for round in 1..=extent.rounds {
        for (count, row) in counts.iter().zip(&mut rows) {
            progress.step(&format!("Round {round}: {count} clients"), || {
                let system = System::Trunkline(Store::Sqlite, true);
                let cluster = Cluster::start(&built, system, 2, Some(&prepared), &[])?;
                row.add(&cluster.storm(&built, &prepared, *count)?);
                Ok(())
            })?;
        }
    }
    let text = render(counts, &rows, extent);
    println!("\n{text}");
    if !extent.quick {
        table::replace(&workspace.root.join(DOCUMENT), "storms", &text)?;
        println!("Wrote {DOCUMENT}.");
    }
    let (cut, back) = WITHIN_MS;
    let well = rows.iter().all(|row| row.missing == 0.0 && row.p99.most() <= cut && row.since_return.most() <= back);
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Row {
    fn add(&mut self, report: &serde_json::Value) {
        let cut = &report["since_cut_ms"];
        self.p50.add(number(cut, "p50"));
        self.p99.add(number(cut, "p99"));
        self.most.add(number(cut, "most"));
        self.since_return.add(number(&report["since_return_ms"], "most"));
        self.cpu.add(number(report, "cpu_seconds"));
        self.tries.add(number(report, "tries"));
        self.missing += number(report, "clients") - number(report, "served");
        note(&format!("the last one was served after {:.0} ms", number(cut, "most")));
    }
}

fn render(counts: &[usize], rows: &[Row], extent: Extent) -> String {
    let head = [
        "clients",
        "served again, p50 ms after the cut",
        "p99",
        "the last one",
        "longest from coming back to being served, ms",
        "connections tried",
        "CPU seconds of node and Redis",
        "not served",
    ];
    let cells = |(count, row): (&usize, &Row)| {
        vec![
            count.to_string(),
            row.p50.show(0),
            row.p99.show(0),
            row.most.show(0),
            row.since_return.show(0),
            row.tries.show(0),
            row.cpu.show(2),
            format!("{:.0}", row.missing),
        ]
    };
    let rows: Vec<_> = counts.iter().zip(rows).map(cells).collect();
    format!(
        "Medians of {} rounds, and what the rounds lay between. {}.\n\n{}",
        extent.rounds,
        table::machine(&[]),
        table::table(&head, &rows)
    )
}
