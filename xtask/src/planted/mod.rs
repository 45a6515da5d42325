//! `cargo xtask planted`: tests of the tests. Each patch in `sim/planted` is a bug that somebody might make. It is applied
//! to a copy of the sources, and the simulation has to fail by an invariant that the patch names.
//!
//! The copy is in the target folder and has a target folder of its own. Both are kept, so that from bug to bug only what
//! changed is compiled; nothing is ever planted into the sources themselves.
//!
//! # Layout
//!
//! - `bug` a patch and what it says of itself
//! - `copy` the copy of the sources

mod bug;
mod copy;

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::bench::table;
use crate::progress::{note, shown};
use crate::workspace::Workspace;
use bug::Bug;
use copy::Copy;

/// Where the table stands.
const DOCUMENT: &str = "docs/RELIABILITY.md";
/// How long one bug's seeds may take by the clock, in seconds: virtual time stands still in a loop without an end.
const SEEDS_WITHIN: &str = "900";

/// What the simulation said.
#[derive(Debug, Default, PartialEq, Eq)]
struct Verdict {
    /// The first seed that broke what was expected to break, or else that broke anything, and all that it broke; 0 is a panic.
    failed: Option<(u64, BTreeSet<u8>)>,
    /// What it says of itself in the end: how many seeds in what time.
    pace: Option<String>,
}

impl Verdict {
    /// From what was printed.
    fn read(text: &str, expected: &[u8]) -> Self {
        let mut pace = None;
        let mut broken: BTreeMap<u64, BTreeSet<u8>> = BTreeMap::new();
        for line in text.lines() {
            if let Some((_, rest)) = line.split_once(" seeds in ") {
                pace = rest.split(',').next().map(str::to_owned);
            }
            if let Some((seed, by)) = failure(line) {
                broken.entry(seed).or_default().insert(by);
            }
        }
        let meant = broken.iter().find(|(_, by)| expected.iter().any(|invariant| by.contains(invariant)));
        let failed = meant.or_else(|| broken.first_key_value()).map(|(seed, by)| (*seed, by.clone()));
        Self { failed, pace }
    }

    /// Whether it failed by what the bug was expected to break.
    fn catches(&self, bug: &Bug) -> bool {
        self.failed.iter().flat_map(|(_, invariants)| invariants).any(|by| bug.expected.contains(by))
    }

    fn cells(&self, what: &str) -> Vec<String> {
        let (by, after) = self.failed.as_ref().map_or_else(
            || ("nothing".to_owned(), "–".to_owned()),
            |(seed, invariants)| {
                let names: Vec<_> = invariants.iter().map(|by| format!("I{by}")).collect();
                (names.join(", "), (seed + 1).to_string())
            },
        );
        vec![what.to_owned(), by, after, self.pace.clone().unwrap_or_else(|| "–".to_owned())]
    }
}

/// `seed 12: I6: …`
fn failure(line: &str) -> Option<(u64, u8)> {
    let mut parts = line.strip_prefix("seed ")?.splitn(3, ": ");
    let (seed, by) = (parts.next()?, parts.next()?);
    Some((seed.parse().ok()?, by.strip_prefix('I')?.parse().ok()?))
}

/// Plants these bugs, one after the other, or all, and sees that each is caught.
///
/// # Errors
/// When a patch does not apply, or what it makes does not compile: then it is no bug, but a broken patch.
pub(crate) fn run(workspace: &Workspace, names: &[String], seeds: u64, write: bool) -> Result<ExitCode> {
    let bugs = Bug::all(workspace, names)?;
    let copy = Copy::new(workspace);
    let started = Instant::now();
    let (mut rows, mut slipped) = (Vec::new(), Vec::new());
    if names.is_empty() {
        note("Nothing planted");
        copy.refresh()?;
        let verdict = hunt(&copy, seeds, &[])?;
        if verdict.failed.is_some() {
            bail!("the simulation fails with nothing planted, so that it proves nothing: {verdict:?}");
        }
        rows.push(verdict.cells("(nothing planted)"));
    }
    for bug in &bugs {
        note(&format!("{}: {}", bug.name, bug.what));
        copy.refresh()?;
        copy.plant(bug)?;
        let verdict = hunt(&copy, seeds.max(bug.seeds), &bug.expected).with_context(|| bug.name.clone())?;
        let cells = verdict.cells(&bug.what);
        note(&format!("caught by {} after {} seeds, {}", cells[1], cells[2], cells[3]));
        if !verdict.catches(bug) {
            slipped.push(bug.name.as_str());
        }
        rows.push(cells);
    }
    let caught = bugs.len() - slipped.len();
    let head = ["bug", "caught by", "after seeds", "in"];
    let text = format!(
        "`cargo xtask planted --seeds {seeds}`: {caught} of {} caught, {}. {}.\n\n{}",
        bugs.len(),
        shown(started.elapsed()),
        table::machine(&[]),
        table::table(&head, &rows)
    );
    println!("\n{text}");
    if write {
        table::replace(&workspace.root.join(DOCUMENT), "planted", &text)?;
    }
    if slipped.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    println!("Not caught by what they name: {}", slipped.join(", "));
    Ok(ExitCode::FAILURE)
}

/// Builds the copy as it is, and runs seeds until one fails by something that is expected; by anything if nothing is.
fn hunt(copy: &Copy<'_>, seeds: u64, expected: &[u8]) -> Result<Verdict> {
    let built = copy.build().output().context("could not start cargo")?;
    if !built.status.success() {
        bail!("the copy could not be built:\n{}", String::from_utf8_lossy(&built.stderr));
    }
    let mut simulation = Command::new("timeout");
    simulation.arg(SEEDS_WITHIN).arg(copy.program());
    simulation.args(["--until-failure", "--seeds", &seeds.to_string()]);
    for invariant in expected {
        simulation.args(["--by", &invariant.to_string()]);
    }
    let ran = simulation.output().context("could not start the simulation")?;
    let verdict = Verdict::read(&String::from_utf8_lossy(&ran.stdout), expected);
    if verdict.pace.is_none() {
        let last = String::from_utf8_lossy(&ran.stderr);
        bail!("the simulation came to no end ({}): {}", ran.status, last.lines().last().unwrap_or_default());
    }
    Ok(verdict)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_seed_counts_with_all_that_it_broke() {
        let text = "seed 7: I4: x\nseed 3: I11: y: z\nseed 3: I1: y\nseed 3: I1: again\nseed 9: I2: z\n\
                    seed 0: its second run went another way\n5 seeds in 1.4 s, 3.6 seeds a second\n2 passed, 3 failed\n";
        let verdict = Verdict::read(text, &[11]);
        assert_eq!(verdict, Verdict { failed: Some((3, BTreeSet::from([1, 11]))), pace: Some("1.4 s".to_owned()) });
        assert_eq!(verdict.cells("a bug"), ["a bug", "I1, I11", "4", "1.4 s"]);
        let bug = |expected: &[u8]| Bug { expected: expected.to_vec(), ..Bug::default() };
        assert!(verdict.catches(&bug(&[11])) && !verdict.catches(&bug(&[4])));
        // Of what was expected it was a later one that broke it.
        assert_eq!(Verdict::read(text, &[2, 4]).failed, Some((7, BTreeSet::from([4]))));
        assert_eq!(Verdict::read(text, &[16]), verdict);
    }

    #[test]
    fn seeds_that_all_pass_catch_nothing() {
        let verdict = Verdict::read("300 seeds in 40.0 s, 7.5 seeds a second\n300 passed, 0 failed\n", &[1]);
        assert!(!verdict.catches(&Bug { expected: vec![1], ..Bug::default() }));
        assert_eq!(verdict.cells("a bug"), ["a bug", "nothing", "–", "40.0 s"]);
    }
}
