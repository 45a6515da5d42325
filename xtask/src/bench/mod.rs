//! Measurements: what a delivered message costs Trunkline and others, side by side on this machine.
//!
//! Everything that serves runs on one core, the driver (`stress load`) on another, so that its work is not theirs. Every
//! run begins with new processes on a copy of the same prepared database. Rounds are interleaved: a machine that
//! gets slower does not make one system look slow.
//!
//! # Layout
//!
//! - [`programs`]: servers, started and stopped
//! - [`cluster`]: nodes with what they need, and the load on them
//! - [`routing`], [`registry`]: broadcast and directed, and how the receivers' nodes are found
//! - [`storm`]: losing a node
//! - [`table`]: the results as Markdown

mod cluster;
mod programs;
mod registry;
pub(crate) mod routing;
pub(crate) mod storm;
pub(crate) mod table;

use std::process::{Command, ExitCode};
use std::thread::available_parallelism;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::pipeline::{self, Mode};
use crate::progress::{Progress, note};
use crate::tools::system::{self, NODE, NPM, REDIS};
use crate::workspace::Workspace;
use crate::{process, tools};
use cluster::{Built, Cluster, Prepared, Store, System, knows_postgres};
use table::Figure;

/// Where the results go.
const DOCUMENT: &str = "docs/PERFORMANCE.md";
/// Users, each with one connection.
const USERS: usize = 1_000;
/// Messages a second at which latency is compared.
const RATE: &str = "5000";

/// What is measured, and how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    /// How often everything is measured.
    pub(crate) rounds: u32,
    /// A look that takes a minute or two and is not written down.
    pub(crate) quick: bool,
    /// Nothing is built.
    pub(crate) built: bool,
}

/// One system's figures.
#[derive(Debug, Default)]
struct Row {
    cpu: Figure,
    parts: Vec<(String, Figure)>,
    delivered: Figure,
    p50: Figure,
    p99: Figure,
    cpu_at_rate: Figure,
    idle: Figure,
    faults: Vec<String>,
}

/// Builds everything, measures it, and writes the table.
///
/// # Errors
/// If something is missing or does not start, or there is only one core.
pub(crate) fn run(workspace: &Workspace, extent: Extent) -> Result<ExitCode> {
    let built = build(workspace, extent)?;
    let systems = systems(&built, extent)?;
    let mut progress = Progress::new(2 + systems.len() * extent.rounds as usize);
    let sqlite = progress.step("Making accounts in SQLite", || Prepared::make(&built, Store::Sqlite, USERS, &[2]))?;
    let has_postgres = systems.iter().any(|system| matches!(system, System::Trunkline(Store::Postgres, _)));
    let postgres = progress.step("Making accounts in PostgreSQL", || {
        has_postgres.then(|| Prepared::make(&built, Store::Postgres, USERS, &[2])).transpose()
    })?;
    let mut rows: Vec<Row> = systems.iter().map(|_| Row::default()).collect();
    for round in 1..=extent.rounds {
        for (system, row) in systems.iter().zip(&mut rows) {
            let prepared = match system {
                System::Trunkline(Store::Sqlite, _) => Some(&sqlite),
                System::Trunkline(Store::Postgres, _) => postgres.as_ref(),
                System::SocketIo => None,
            };
            progress.step(&format!("Round {round}: {}", system.name()), || {
                row.measure(&built, *system, prepared, extent)
            })?;
        }
    }
    let text = render(&systems, &rows, extent, &versions(workspace, &built)?);
    println!("\n{text}");
    if !extent.quick {
        table::replace(&workspace.root.join(DOCUMENT), "figures", &text)?;
        println!("Wrote {DOCUMENT}.");
    }
    let clean = rows.iter().zip(&systems).all(|(row, system)| *system == System::SocketIo || row.faults.is_empty());
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Row {
    /// One round: what a message costs at most speed, then latency at a fixed rate, each on new processes.
    fn measure(&mut self, built: &Built, system: System, prepared: Option<&Prepared>, extent: Extent) -> Result<()> {
        let times: &[&str] =
            if extent.quick { &["--warmup", "2", "--seconds", "5"] } else { &["--warmup", "3", "--seconds", "8"] };
        let run = |pace: &[&str]| {
            let cluster = Cluster::start(built, system, 2, prepared, &[])?;
            cluster.load(built, prepared, &[times, pace].concat())
        };
        let most = run(&["--in-flight", "4"])?;
        let steady = run(&["--rate", RATE])?;
        self.cpu.add(number(&most, "cpu_micros_total"));
        for part in most["cpu_micros"].as_array().into_iter().flatten() {
            let name = part["name"].as_str().unwrap_or_default();
            let at = self.parts.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
                self.parts.push((name.to_owned(), Figure::default()));
                self.parts.len() - 1
            });
            self.parts[at].1.add(number(part, "value"));
        }
        self.delivered.add(number(&most, "delivered_per_second"));
        self.idle.add(number(&most, "idle_kib_total"));
        self.p50.add(number(&steady["delivery_ms"], "p50"));
        self.p99.add(number(&steady["delivery_ms"], "p99"));
        self.cpu_at_rate.add(number(&steady, "cpu_micros_total"));
        for report in [&most, &steady] {
            let faults = &report["faults"];
            if faults.as_object().into_iter().flatten().any(|(_, count)| count != 0) {
                self.faults.push(faults.to_string());
            }
        }
        note(&format!(
            "{} µs a message, {} a second; at {RATE}/s p50 {} ms, p99 {} ms",
            most["cpu_micros_total"],
            most["delivered_per_second"],
            steady["delivery_ms"]["p50"],
            steady["delivery_ms"]["p99"]
        ));
        Ok(())
    }
}

fn number(value: &Value, name: &str) -> f64 {
    value[name].as_f64().unwrap_or(f64::NAN)
}

/// Builds what is measured and what it is compared with.
///
/// # Errors
/// If a build fails or something is missing.
fn build(workspace: &Workspace, extent: Extent) -> Result<Built> {
    let cores = available_parallelism().map_or(1, usize::from);
    ensure!(cores >= 2, "measuring needs two cores: one for the servers, one for the driver");
    system::ensure(&[REDIS, NODE, NPM])?;
    let server = pipeline::binary(workspace, Mode::Release);
    if !extent.built {
        pipeline::build(workspace, Mode::Release)?;
        let mut cargo = workspace.cargo();
        cargo.args(["build", "--release", "--package", "trunkline-stress"]);
        process::run(&mut cargo, "the driver does not build")?;
    }
    let peers = workspace.root.join("bench/peers");
    if !peers.join("node_modules").is_dir() {
        let mut npm = Command::new(NPM.find().context("there is no npm")?);
        npm.args(["ci", "--no-audit", "--no-fund"]).current_dir(&peers);
        process::run(&mut npm, "npm can not install what is compared with")?;
    }
    Ok(Built { server, stress: workspace.target.join("release/stress"), peers })
}

fn systems(built: &Built, extent: Extent) -> Result<Vec<System>> {
    let mut systems =
        vec![System::SocketIo, System::Trunkline(Store::Sqlite, false), System::Trunkline(Store::Sqlite, true)];
    if knows_postgres(&built.server)? {
        systems.push(System::Trunkline(Store::Postgres, false));
        if !extent.quick {
            systems.push(System::Trunkline(Store::Postgres, true));
        }
    }
    Ok(systems)
}

fn versions(workspace: &Workspace, built: &Built) -> Result<Vec<(&'static str, String)>> {
    let say = |program: &str, args: &[&str]| {
        let program = tools::find(&[program]).unwrap_or_else(|| program.into());
        let said = Command::new(program).args(args).output().map(|output| output.stdout).unwrap_or_default();
        String::from_utf8_lossy(&said).trim().to_owned()
    };
    let redis = say("redis-server", &["--version"]);
    let redis = redis.split_whitespace().find_map(|word| word.strip_prefix("v=")).unwrap_or_default().to_owned();
    let lock = std::fs::read(built.peers.join("package-lock.json")).context("could not read what npm installed")?;
    let lock: Value = serde_json::from_slice(&lock).context("could not read what npm installed")?;
    let package = |name: &str| {
        lock["packages"][format!("node_modules/{name}")]["version"].as_str().unwrap_or_default().to_owned()
    };
    let mut rustc = workspace.cargo();
    let rustc = rustc.arg("--version").output().map(|output| output.stdout).unwrap_or_default();
    let rustc = String::from_utf8_lossy(&rustc).split_whitespace().nth(1).unwrap_or_default().to_owned();
    Ok(vec![
        ("Rust", rustc),
        ("Redis", redis),
        ("PostgreSQL", say("postgres", &["--version"]).split_whitespace().nth(2).unwrap_or("not installed").to_owned()),
        ("Node.js", say("node", &["--version"])),
        ("Socket.IO", package("socket.io")),
        ("its Redis adapter", package("@socket.io/redis-adapter")),
    ])
}

fn render(systems: &[System], rows: &[Row], extent: Extent, versions: &[(&str, String)]) -> String {
    let head = [
        "system",
        "CPU µs a delivered message",
        "delivered a second",
        "p50 ms at 5,000 a second",
        "p99 ms at 5,000 a second",
        "CPU µs there",
        "KiB an idle connection",
    ];
    let cells = |(system, row): (&System, &Row)| {
        vec![
            system.name().to_owned(),
            row.cpu.show(1),
            row.delivered.show(0),
            row.p50.show(2),
            row.p99.show(2),
            row.cpu_at_rate.show(1),
            row.idle.show(1),
        ]
    };
    let rows_shown: Vec<_> = systems.iter().zip(rows).map(cells).collect();
    let parts = |(system, row): (&System, &Row)| {
        let parts: Vec<_> = row.parts.iter().map(|(name, figure)| format!("{name} {:.1}", figure.median())).collect();
        let faults = if row.faults.is_empty() { "none".to_owned() } else { row.faults.join(", ") };
        vec![system.name().to_owned(), parts.join(", "), faults]
    };
    let parts: Vec<_> = systems.iter().zip(rows).map(parts).collect();
    format!(
        "Medians of {} rounds, and what the rounds lay between. {}.\n\n{}\nWhere the CPU time goes (medians), and what was \
         wrong with the messages:\n\n{}",
        extent.rounds,
        table::machine(versions),
        table::table(&head, &rows_shown),
        table::table(&["system", "CPU µs a delivered message", "lost, doubled, reordered, altered"], &parts),
    )
}
