//! `cargo xtask sim`: builds the simulation and runs it.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};

use crate::pipeline::Mode;
use crate::process;
use crate::progress::note;
use crate::workspace::Workspace;

/// The folder of the simulation, and its program.
const SIM: &str = "sim";

/// Which seeds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Seeds {
    /// So many, from this one on.
    Many { count: u64, from: u64 },
    /// The same, beside the model of another design.
    Compared { count: u64, from: u64 },
    /// This one, with all that happens in it.
    One(u64),
}

/// The simulation on this machine.
#[derive(Debug)]
pub(crate) struct Simulation<'a> {
    workspace: &'a Workspace,
    mode: Mode,
}

impl<'a> Simulation<'a> {
    /// As it is built in this mode.
    pub(crate) const fn new(workspace: &'a Workspace, mode: Mode) -> Self {
        Self { workspace, mode }
    }

    /// Builds it.
    ///
    /// # Errors
    /// When this workspace has none.
    pub(crate) fn build(&self) -> Result<Command> {
        let package = self.workspace.package_in(SIM).context("the simulation is not in this workspace")?;
        let mut cargo = self.workspace.cargo();
        cargo.args(["build", "--package", &package.name]);
        if self.mode == Mode::Release {
            cargo.arg("--release");
        }
        Ok(cargo)
    }

    /// Runs seeds, when it was built.
    pub(crate) fn play(&self, seeds: Seeds) -> Command {
        let folder = if self.mode == Mode::Release { "release" } else { "debug" };
        let program: PathBuf = self.workspace.target.join(folder).join(SIM);
        let mut command = Command::new(program.with_extension(std::env::consts::EXE_EXTENSION));
        match seeds {
            Seeds::One(seed) => command.args(["--seed", &seed.to_string()]),
            Seeds::Many { count, from } | Seeds::Compared { count, from } => {
                command.args(["--seeds", &count.to_string(), "--from", &from.to_string()])
            }
        };
        if matches!(seeds, Seeds::Compared { .. }) {
            command.arg("--article");
        }
        command
    }
}

/// Builds it for speed and runs these seeds, for as long as it takes.
///
/// # Errors
/// When it can not be built or started.
pub(crate) fn run(workspace: &Workspace, seeds: Seeds) -> Result<ExitCode> {
    let simulation = Simulation::new(workspace, Mode::Release);
    note("Building the simulation");
    process::run(&mut simulation.build()?, "the simulation could not be built")?;
    process::replace(&mut simulation.play(seeds))
}
