//! `chaos`: real processes under faults. Builds the server and the fault runner, runs it on each database in several
//! processes side by side, most of whose time is waiting, and makes the table of docs/RELIABILITY.md.
//!
//! Root gives each process namespaces of its own: a network, in which packets can be lost without anybody's noticing;
//! mounts, for a disk that is soon full; and process ids, so that nothing outlives it.

mod earlier;
mod sources;
mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::cli::Database;
use crate::pipeline::{self, Mode};
use crate::process;
use crate::progress::{Progress, note};
use crate::tools::system::{self, FAKETIME, IP, IPTABLES, NGINX, POSTGRES, Program, REDIS};
use crate::workspace::Workspace;
use earlier::Earlier;

/// What needs root to be of use.
const FOR_ROOT: [Program; 2] = [IP, IPTABLES];
/// Where the table goes.
const DOCUMENT: &str = "docs/RELIABILITY.md";
/// What all of it may take in short, and at most.
const LIMITS: (Duration, Duration) = (Duration::from_secs(15 * 60), Duration::from_secs(12 * 60 * 60));
/// How often it is looked whether somebody is done.
const LOOK: Duration = Duration::from_millis(100);

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// On which databases.
    pub(crate) databases: Vec<Database>,
    /// Which faults; all if none is named.
    pub(crate) faults: Vec<String>,
    /// How many pairs after them.
    pub(crate) pairs: usize,
    /// What is left to chance.
    pub(crate) seed: u64,
    /// What does not concern the store happens on PostgreSQL only, and no pairs do.
    pub(crate) brief: bool,
    /// In earnest.
    pub(crate) long: bool,
    /// Write the document.
    pub(crate) write: bool,
    /// Build nothing.
    pub(crate) built: bool,
    /// What earlier runs have found, instead of a run.
    pub(crate) rows: Vec<PathBuf>,
    /// Of which revision the earlier server is built, if not of the one that is named in `earlier`.
    pub(crate) old: Option<String>,
    /// How many processes side by side for each database.
    pub(crate) parts: usize,
}

/// Runs everything.
///
/// # Errors
/// If something is missing, or a process ends without a word.
pub(crate) fn run(workspace: &Workspace, wanted: &Wanted) -> Result<ExitCode> {
    if !wanted.rows.is_empty() {
        let mut rows: Vec<Value> = Vec::new();
        for row in wanted.rows.iter().map(|file| read(file)).collect::<Result<Vec<_>>>()?.concat() {
            // What was tried again counts as it came out in the end.
            let same = |known: &Value| ["name", "database"].iter().all(|name| known[*name] == row[*name]);
            rows.retain(|known| !same(known));
            rows.push(row);
        }
        return tell(workspace, wanted, &rows);
    }
    system::ensure(&[REDIS, NGINX, POSTGRES, FAKETIME])?;
    if process::is_root() {
        system::ensure(&FOR_ROOT)?;
    }
    let earlier = earlier::is_asked(wanted);
    let mut progress = Progress::new(if wanted.built { 1 } else { 3 } + usize::from(earlier));
    let programs = programs(workspace, wanted, earlier, &mut progress)?;
    let rows = progress.step("Letting everything happen", || all(workspace, wanted, &programs))?;
    fs::write(report(workspace), serde_json::to_vec(&rows)?)?;
    tell(workspace, wanted, &rows)
}

/// What takes part.
struct Programs {
    server: PathBuf,
    stress: PathBuf,
    earlier: Earlier,
}

/// Builds them, or takes what is there.
fn programs(workspace: &Workspace, wanted: &Wanted, earlier: bool, progress: &mut Progress) -> Result<Programs> {
    let (server, stress) = if wanted.built {
        (pipeline::binary(workspace, Mode::Dev), workspace.target.join("debug/stress"))
    } else {
        let server = progress.step("Building the server", || pipeline::build(workspace, Mode::Dev))?;
        (server, progress.step("Building the fault runner", || build(workspace))?)
    };
    // Behind the server, whose dependencies it has.
    let earlier = if earlier {
        progress.step("Building the server of an earlier version", || earlier::server(workspace, wanted))?
    } else {
        Earlier::Unasked
    };
    Ok(Programs { server, stress, earlier })
}

/// Shows the table, writes it if that is wanted, and says whether all was well.
fn tell(workspace: &Workspace, wanted: &Wanted, rows: &[Value]) -> Result<ExitCode> {
    let text = table::render(rows, wanted);
    println!("\n{text}");
    if wanted.write {
        table::write(&workspace.root.join(DOCUMENT), &text)?;
        println!("Wrote {DOCUMENT}.");
    }
    let well = rows.iter().all(|row| row["wrong"].as_array().is_some_and(Vec::is_empty));
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What a run has found.
fn read(file: &Path) -> Result<Vec<Value>> {
    let text = fs::read(file).with_context(|| format!("the fault runner left no {}", file.display()))?;
    match serde_json::from_slice(&text)? {
        Value::Array(rows) => Ok(rows),
        _ => bail!("{} holds no rows", file.display()),
    }
}

/// Where the rows of the last run are.
pub(crate) fn report(workspace: &Workspace) -> PathBuf {
    workspace.own().join("chaos.json")
}

fn build(workspace: &Workspace) -> Result<PathBuf> {
    let package = workspace.package_in("stress").context("the fault runner is not here")?;
    process::run(workspace.cargo().args(["build", "--package", &package.name]), "the fault runner does not build")?;
    Ok(workspace.target.join("debug/stress"))
}

/// A process of the fault runner, and where it leaves what it found.
struct Part {
    child: Child,
    rows: PathBuf,
}

impl Drop for Part {
    fn drop(&mut self) {
        process::kill_group(&mut self.child);
        let _ = self.child.wait();
    }
}

fn all(workspace: &Workspace, wanted: &Wanted, programs: &Programs) -> Result<Vec<Value>> {
    let mut parts = Vec::new();
    for database in &wanted.databases {
        for part in 0..wanted.parts {
            parts.push(start(workspace, wanted, programs, (*database, part))?);
        }
    }
    let until = Instant::now() + if wanted.long { LIMITS.1 } else { LIMITS.0 };
    while parts.iter_mut().any(|part| matches!(part.child.try_wait(), Ok(None))) {
        if Instant::now() > until {
            bail!("it took too long");
        }
        thread::sleep(LOOK);
    }
    let rows: Result<Vec<_>> = parts.iter().map(|part| read(&part.rows)).collect();
    Ok(rows?.concat())
}

fn start(
    workspace: &Workspace,
    wanted: &Wanted,
    programs: &Programs,
    (database, part): (Database, usize),
) -> Result<Part> {
    let name = match database {
        Database::Sqlite => "sqlite",
        Database::Postgres => "postgres",
    };
    fs::create_dir_all(workspace.own())?;
    let rows = workspace.own().join(format!("chaos-{name}-{part}.json"));
    if rows.exists() {
        fs::remove_file(&rows)?;
    }
    let mut command = apart(&programs.stress);
    command.args(["chaos", "--database", name, "--part", &format!("{part}/{}", wanted.parts)]);
    command.arg("--server").arg(&programs.server).arg("--deploy").arg(workspace.root.join("deploy"));
    command.arg("--report").arg(&rows);
    match &programs.earlier {
        Earlier::Server(binary) => command.arg("--old").arg(binary),
        Earlier::Missing(why) => command.args(["--without-old", &why.to_string()]),
        Earlier::Unasked => &mut command,
    };
    if wanted.brief && database == Database::Sqlite {
        command.arg("--store-only");
    }
    // Each part has its own chance, and its share of the pairs.
    let all = if wanted.brief { 0 } else { wanted.pairs };
    let pairs = all / wanted.parts + usize::from(part < all % wanted.parts);
    command.args(["--pairs", &pairs.to_string(), "--seed", &(wanted.seed * 100 + part as u64).to_string()]);
    command.args(wanted.faults.iter().flat_map(|fault| ["--fault", fault])).args(wanted.long.then_some("--long"));
    command.stdin(Stdio::null());
    process::lead_group(&mut command);
    note(&format!("{name}, part {} of {}", part + 1, wanted.parts));
    Ok(Part { child: command.spawn().context("could not start the fault runner")?, rows })
}

/// In namespaces of its own, as far as that is allowed.
fn apart(stress: &Path) -> Command {
    if !process::is_root() {
        return Command::new(stress);
    }
    let mut command = Command::new("unshare");
    command.args(["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"]);
    // The network begins without its loopback.
    command.args(["sh", "-c", "ip link set lo up && exec \"$0\" \"$@\""]).arg(stress);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nothing in particular.
    pub(super) fn wanted() -> Wanted {
        Wanted {
            databases: Vec::new(),
            faults: Vec::new(),
            pairs: 1,
            seed: 3,
            brief: false,
            long: false,
            write: false,
            built: false,
            rows: Vec::new(),
            old: None,
            parts: 1,
        }
    }
}
