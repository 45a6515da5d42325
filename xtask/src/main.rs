//! Trunkline's own commands: `run`, `cluster`, `build`, `dist`, `test`, `sim`, `planted`, `fuzz`, `bench`, `chaos` and
//! `licences`.
//!
//! They need the Rust toolchain and nothing else; what would make the result better (`wasm-opt`) or is
//! needed for a test (Redis, nginx, Chromium) is looked for, installed where that is possible, and named
//! where it is not.
//!
//! # Layout
//!
//! - [`cli`] what can be asked for
//! - [`workspace`] where things are, and which packages there are
//! - [`cluster`] three nodes with all that they need, on this machine
//! - [`pipeline`] the steps from the sources to one running binary
//! - [`wasm`], [`css`], [`site`], [`stamp`], [`budget`] the parts of the built site
//! - [`tools`] programs that this project does not build itself
//! - [`fuzz`] a fuzzer over everything that takes bytes
//! - [`licences`] the list of what others have made
//! - [`process`] starting programs, and stopping them for certain
//! - [`progress`] what the user sees of all this
//! - [`mod@test`] the checks and tests, and their sum; [`sim`] seeds by the thousand
//! - `bench` measurements, on Linux
//! - `chaos` real processes under faults, on Linux
//! - `planted` bugs that the simulation has to catch, on Linux

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool speaks to its user")]

#[cfg(target_os = "linux")]
mod bench;
mod budget;
#[cfg(target_os = "linux")]
mod chaos;
mod cli;
mod cluster;
mod css;
mod fuzz;
mod licences;
mod pipeline;
#[cfg(target_os = "linux")]
mod planted;
mod process;
mod progress;
mod sim;
mod site;
mod stamp;
mod test;
mod tools;
mod wasm;
mod workspace;

use std::process::ExitCode;

use clap::Parser as _;

#[cfg(target_os = "linux")]
use cli::Database;
use cli::{Cli, Command};
use pipeline::Mode;
use workspace::Workspace;

fn main() -> ExitCode {
    match perform(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(cli: Cli) -> anyhow::Result<ExitCode> {
    let workspace = Workspace::find()?;
    match cli.command {
        Command::Run { release, args } => pipeline::run(&workspace, Mode::from_release(release), &args),
        Command::Build { release } => {
            let binary = pipeline::build(&workspace, Mode::from_release(release))?;
            println!("\nBuilt {}.", workspace.shown(&binary));
            Ok(ExitCode::SUCCESS)
        }
        Command::Cluster { release, nodes, database, built, describe } => {
            let mode = Mode::from_release(release);
            cluster::run(&workspace, &cluster::Wanted { mode, nodes, database, built, describe })
        }
        Command::Dist { target } => pipeline::dist(&workspace, target.as_deref()),
        Command::Licences => {
            let list = licences::write(&workspace)?;
            println!("Wrote {}.", workspace.shown(&list));
            Ok(ExitCode::SUCCESS)
        }
        #[cfg(target_os = "linux")]
        Command::Bench { subject, rounds, quick, built } => {
            let extent = bench::Extent { rounds: if quick { 1 } else { rounds }, quick, built };
            match subject {
                cli::Subject::Messages => bench::run(&workspace, extent),
                cli::Subject::Routing => bench::routing::run(&workspace, extent),
                cli::Subject::Storm => bench::storm::run(&workspace, extent),
            }
        }
        Command::Fuzz { targets, seconds } => fuzz::run(&workspace, &targets, seconds),
        Command::Sim { seeds, from, seed, article } => {
            let seeds = match seed {
                Some(seed) => sim::Seeds::One(seed),
                None if article => sim::Seeds::Compared { count: seeds, from },
                None => sim::Seeds::Many { count: seeds, from },
            };
            sim::run(&workspace, seeds)
        }
        #[cfg(target_os = "linux")]
        Command::Planted { bugs, seeds, write } => planted::run(&workspace, &bugs, seeds, write),
        #[cfg(target_os = "linux")]
        Command::Chaos { database, fault, pairs, seed, brief, long, write, built, rows, old, parts } => {
            let databases = database.map_or_else(|| vec![Database::Postgres, Database::Sqlite], |one| vec![one]);
            let wanted =
                chaos::Wanted { databases, faults: fault, pairs, seed, brief, long, write, built, rows, old, parts };
            chaos::run(&workspace, &wanted)
        }
        Command::Test { parts, fail_fast, args } => test::run(&workspace, &parts, fail_fast, &args),
    }
}
