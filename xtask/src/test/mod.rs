//! The checks and tests, part by part, and their sum.
//!
//! Every part runs even when an earlier one failed, in a time that is bounded, and what it started is
//! ended with it. Nothing passes silently: a part in which nothing ran has failed, and with `CI=true` so
//! has every test that was skipped.

mod browser;
#[cfg(target_os = "linux")]
mod faults;
mod lint;
mod rust;
mod session;
mod summary;
mod tally;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::cli::Part;
use crate::progress::Progress;
use crate::workspace::Workspace;
use session::{Session, Stopped};
use summary::Line;
use tally::Tally;

/// What gets a line of its own in the summary.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Section {
    Format,
    Clippy,
    Rustdoc,
    Licences,
    Unit,
    Sim,
    Contract,
    Input,
    E2e,
    #[cfg(target_os = "linux")]
    Chaos,
}

impl Section {
    /// In this order: what is quick to tell comes first.
    const ALL: &[Self] = &[
        Self::Format,
        Self::Clippy,
        Self::Rustdoc,
        Self::Licences,
        Self::Unit,
        Self::Sim,
        Self::Contract,
        Self::Input,
        Self::E2e,
        #[cfg(target_os = "linux")]
        Self::Chaos,
    ];

    const fn part(self) -> Part {
        match self {
            Self::Format | Self::Clippy | Self::Rustdoc | Self::Licences => Part::Lint,
            Self::Unit => Part::Unit,
            Self::Sim => Part::Sim,
            Self::Contract => Part::Contract,
            Self::Input => Part::Input,
            Self::E2e => Part::E2e,
            #[cfg(target_os = "linux")]
            Self::Chaos => Part::Chaos,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Clippy => "clippy",
            Self::Rustdoc => "rustdoc",
            Self::Licences => "licences",
            Self::Unit => "unit",
            Self::Sim => "sim",
            Self::Contract => "contract",
            Self::Input => "input",
            Self::E2e => "e2e",
            #[cfg(target_os = "linux")]
            Self::Chaos => "chaos",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Format => "format: is everything as rustfmt would have it?",
            Self::Clippy => "clippy: every package for every target that ships",
            Self::Rustdoc => "rustdoc: is everything documented, and does every link lead somewhere?",
            Self::Licences => "licences: does docs/THIRD-PARTY.md name what is compiled in?",
            Self::Unit => "unit: Rust tests that need nothing but the toolchain",
            Self::Sim => "sim: a cluster in one process, with virtual time and drawn faults",
            Self::Contract => "contract: the seams, against real Redis and PostgreSQL servers",
            Self::Input => "input: what nobody should send, from fuzzers, test programs and rude clients",
            Self::E2e => "e2e: real browsers against real servers",
            #[cfg(target_os = "linux")]
            Self::Chaos => "chaos: real processes under faults, while people talk",
        }
    }

    fn perform(self, session: &mut Session<'_>) -> Result<Tally> {
        match self {
            Self::Format => lint::format(session),
            Self::Clippy => lint::clippy(session),
            Self::Rustdoc => lint::rustdoc(session),
            Self::Licences => lint::licences(session),
            Self::Unit => rust::unit(session),
            Self::Sim => rust::sim(session),
            Self::Contract => rust::contract(session),
            Self::Input => rust::input(session),
            Self::E2e => browser::e2e(session),
            #[cfg(target_os = "linux")]
            Self::Chaos => faults::chaos(session),
        }
    }
}

/// Runs the named parts, or all of them, and sums them up. `args` go to the test programs of the one part
/// that was named.
///
/// # Errors
/// When `args` are given for no part that could use them, or the user stops the run.
pub(crate) fn run(workspace: &Workspace, parts: &[Part], fail_fast: bool, args: &[String]) -> Result<ExitCode> {
    if !args.is_empty() && !matches!(parts, [Part::Unit | Part::Sim | Part::Contract | Part::Input | Part::E2e]) {
        bail!("what follows `--` is for one of the parts unit, sim, contract, input and e2e: name that part");
    }
    let sections = chosen(parts);
    let mut session = Session::new(workspace, args)?;
    let mut progress = Progress::new(sections.len());
    let mut lines = Vec::new();
    for section in sections {
        println!();
        progress.announce(section.title());
        let line = perform(section, &mut session)?;
        let failed = line.tally.failed > 0;
        lines.push(line);
        if failed && fail_fast {
            break;
        }
    }
    println!("\n{}", summary::table(&lines));
    let sum = lines.iter().map(|line| line.tally).sum::<Tally>();
    Ok(if sum.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn chosen(parts: &[Part]) -> Vec<Section> {
    Section::ALL.iter().copied().filter(|section| parts.is_empty() || parts.contains(&section.part())).collect()
}

/// What went wrong in a part is a failure of that part, and no reason to end the run.
fn perform(section: Section, session: &mut Session<'_>) -> Result<Line> {
    let started = Instant::now();
    session.begin();
    let mut tally = match section.perform(session) {
        Ok(tally) => tally,
        Err(error) if error.is::<Stopped>() => return Err(error),
        Err(error) => {
            session.remark(format!("{error:#}"));
            Tally::FAILURE
        }
    };
    if tally.ran() == 0 && !session.is_filtered() {
        session.remark("nothing ran here, so nothing is known".to_owned());
        tally.failed += 1;
    }
    if session.strict && tally.skipped > 0 {
        session.remark(format!("{} skipped: where CI=true, that is a failure", tally.skipped));
        tally.failed += tally.skipped;
    }
    Ok(Line { name: section.name(), tally, time: started.elapsed(), remarks: session.take_remarks() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_name_everything_is_done_in_order() {
        assert_eq!(chosen(&[]), Section::ALL);
    }

    #[test]
    fn lint_is_four_sections_and_the_order_is_ours() {
        let expected = [Section::Format, Section::Clippy, Section::Rustdoc, Section::Licences, Section::E2e];
        assert_eq!(chosen(&[Part::E2e, Part::Lint]), expected);
    }
}
