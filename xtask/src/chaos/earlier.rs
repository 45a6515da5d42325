//! A server of an earlier revision, built from the repository into a folder of its own, to share a cluster with today's.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::process;
use crate::workspace::{NAME, Workspace};

/// Builds it; returns the binary. What was built before is built no more.
///
/// # Errors
/// If there is no such revision, or it does not build here.
pub(super) fn build(workspace: &Workspace, revision: &str) -> Result<PathBuf> {
    let folder = workspace.own().join(format!("earlier-{revision}"));
    let target = workspace.own().join("earlier-target");
    if !folder.exists() {
        let mut git = Command::new("git");
        git.current_dir(&workspace.root).args(["worktree", "add", "--quiet", "--detach"]).arg(&folder).arg(revision);
        process::run(&mut git, "that revision can not be had")?;
    }
    let mut cargo = workspace.cargo();
    cargo.current_dir(&folder).args(["build", "--package", "trunkline-server", "--bin", NAME]);
    process::run(cargo.env("CARGO_TARGET_DIR", &target), "that revision does not build")?;
    Ok(target.join("debug").join(NAME))
}
