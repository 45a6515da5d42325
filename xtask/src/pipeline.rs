//! From the sources to one running binary: the steps of `run`, `build` and `dist`.
//!
//! The order is forced. The server carries the built site inside, so the site is complete before cargo is
//! asked for the server, and a file of the site is only touched when its content changes, so that an
//! unchanged site costs no second build of the server.

use std::fs;
use std::iter;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};

use crate::progress::{Progress, note};
use crate::workspace::{NAME, Workspace};
use crate::{budget, process, site, tools, wasm};

/// The server's package.
pub(crate) const SERVER: &str = "trunkline-server";
const FRONTEND: &str = "trunkline-frontend";
const WASM_FILE: &str = "trunkline_frontend.wasm";

/// How a build is made: for the next minute, or to ship.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mode {
    /// Quick to build.
    Dev,
    /// Small and fast when it runs.
    Release,
}

impl Mode {
    /// What `--release` stands for.
    pub(crate) const fn from_release(release: bool) -> Self {
        if release { Self::Release } else { Self::Dev }
    }

    /// The profile of the browser's half.
    const fn wasm_profile(self) -> &'static str {
        match self {
            Self::Dev => "wasm-dev",
            Self::Release => "wasm-release",
        }
    }

    /// The profile of the server's half, and the folder cargo puts it in.
    const fn server_profile(self) -> (&'static str, &'static str) {
        match self {
            Self::Dev => ("dev", "debug"),
            Self::Release => ("release", "release"),
        }
    }

    /// Its name in the names of this tool's own files.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Release => "release",
        }
    }
}

/// Where the server's binary is once it is built.
pub(crate) fn binary(workspace: &Workspace, mode: Mode) -> PathBuf {
    binary_for(workspace, mode, None)
}

fn binary_for(workspace: &Workspace, mode: Mode, target: Option<&str>) -> PathBuf {
    let folder = target.map_or_else(|| workspace.target.clone(), |target| workspace.target.join(target));
    folder.join(mode.server_profile().1).join(NAME)
}

/// Builds the site and the server that carries it. Returns the binary.
///
/// # Errors
/// Those of any step, and a bundle above its size limit.
pub(crate) fn build(workspace: &Workspace, mode: Mode) -> Result<PathBuf> {
    steps(workspace, mode, None, &mut Progress::new(4))
}

/// Builds everything, then becomes the server: its signals and exit code are those of this command.
///
/// # Errors
/// Those of [`build`], and a binary that cannot be started.
pub(crate) fn run(workspace: &Workspace, mode: Mode, args: &[String]) -> Result<ExitCode> {
    let mut progress = Progress::new(5);
    let binary = steps(workspace, mode, None, &mut progress)?;
    progress.announce("Starting the node; Ctrl-C stops it");
    process::replace(Command::new(&binary).args(args))
        .with_context(|| format!("could not start {}", workspace.shown(&binary)))
}

/// Builds for release, for another target than this machine's if one is given, and leaves the binary in `dist/`.
///
/// # Errors
/// Those of [`build`], and a `dist/` that cannot be written.
pub(crate) fn dist(workspace: &Workspace, target: Option<&str>) -> Result<ExitCode> {
    let built = steps(workspace, Mode::Release, target, &mut Progress::new(4))?;
    let folder = workspace.root.join("dist");
    let shipped = folder.join(NAME);
    fs::create_dir_all(&folder).with_context(|| format!("could not make {}", folder.display()))?;
    let size = fs::copy(&built, &shipped).with_context(|| format!("could not write {}", shipped.display()))?;
    println!("\n{} is ready: {}, and needs no other file.", workspace.shown(&shipped), budget::mib(size));
    Ok(ExitCode::SUCCESS)
}

fn steps(workspace: &Workspace, mode: Mode, target: Option<&str>, progress: &mut Progress) -> Result<PathBuf> {
    progress.step("Looking for what the toolchain compiles for", || {
        iter::once(tools::rust::WASM_TARGET)
            .chain(target)
            .try_for_each(|one| tools::rust::ensure_target(workspace, one))
    })?;
    progress.step("Building the browser bundle", || build_frontend(workspace, mode))?;
    progress.step("Assembling the site", || {
        let source = workspace.target.join("wasm32-unknown-unknown").join(mode.wasm_profile()).join(WASM_FILE);
        let bundle = wasm::bundle(workspace, &source, mode)?;
        let site = site::assemble(workspace, &bundle.folder, mode)?;
        note(&format!(
            "{}: {} files, {} of them changed.",
            workspace.shown(&workspace.site()),
            site.files,
            site.changed
        ));
        if let Some(compressed) = site.compressed_wasm {
            note(&budget::judge(compressed, bundle.optimised)?);
        }
        Ok(())
    })?;
    progress.step("Building the server with the site inside", || build_server(workspace, mode, target))?;
    Ok(binary_for(workspace, mode, target))
}

fn build_frontend(workspace: &Workspace, mode: Mode) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--package", FRONTEND, "--lib", "--target", tools::rust::WASM_TARGET]);
    cargo.args(["--profile", mode.wasm_profile()]);
    process::run(&mut cargo, "the browser bundle does not build")
}

fn build_server(workspace: &Workspace, mode: Mode, target: Option<&str>) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--package", SERVER, "--bin", NAME, "--features", "embed"]);
    cargo.args(["--profile", mode.server_profile().0]);
    cargo.args(target.into_iter().flat_map(|target| ["--target", target]));
    process::run(&mut cargo, "the server does not build")
}
